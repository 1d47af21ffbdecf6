import type { QueryClient } from "@tanstack/react-query";
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from "@tanstack/react-router";
import { MissingPage, PageFault } from "./fault-pages.tsx";
import { ownPath } from "./own-path.ts";
import { Shell } from "./shell.tsx";

interface RouterContext {
  readonly client: QueryClient;
}

const root = createRootRouteWithContext<RouterContext>()({ component: Outlet });

type Search = Readonly<Record<string, unknown>>;

// What an address says of itself is passed on unless it is named: a field that is not as it should be is named as absent.
const textIn = (search: Search, name: string): string | undefined => {
  const value = search[name];
  return typeof value === "string" && value !== "" ? value : undefined;
};

/** A filter in the address; empty is absent. */
const withFilter = (search: Search): { q?: string | undefined } => ({ q: textIn(search, "q") });

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: (search: Search): { from?: string | undefined } => ({ from: ownPath(textIn(search, "from")) }),
  component: lazyRouteComponent(() => import("./sign-in-page.tsx"), "SignInPage"),
});

const shell = createRoute({ getParentRoute: () => root, id: "shell", component: Shell });

const home = createRoute({
  getParentRoute: () => shell,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/apis", replace: true });
  },
});

const apis = createRoute({
  getParentRoute: () => shell,
  path: "/apis",
  validateSearch: withFilter,
  component: lazyRouteComponent(() => import("./apis-page.tsx"), "ApisPage"),
});

const importApi = createRoute({
  getParentRoute: () => shell,
  path: "/import",
  validateSearch: (search: Search): { name?: string | undefined } => ({ name: textIn(search, "name") }),
  component: lazyRouteComponent(() => import("./import-page.tsx"), "ImportPage"),
});

const api = createRoute({
  getParentRoute: () => shell,
  path: "/apis/$api",
  component: lazyRouteComponent(() => import("./api-overview.tsx"), "ApiOverview"),
});

const apiOperations = createRoute({
  getParentRoute: () => shell,
  path: "/apis/$api/operations",
  validateSearch: withFilter,
  component: lazyRouteComponent(() => import("./api-operations.tsx"), "ApiOperations"),
});

const apiPolicies = createRoute({
  getParentRoute: () => shell,
  path: "/apis/$api/policies",
  validateSearch: (
    search: Search,
  ): { operation?: string | undefined; product?: string | undefined; plan?: string | undefined } => ({
    operation: textIn(search, "operation"),
    product: textIn(search, "product"),
    plan: textIn(search, "plan"),
  }),
  component: lazyRouteComponent(() => import("./api-policies.tsx"), "ApiPolicies"),
});

const gateways = createRoute({
  getParentRoute: () => shell,
  path: "/gateways",
  component: lazyRouteComponent(() => import("./gateways-page.tsx"), "GatewaysPage"),
});

const requests = createRoute({
  getParentRoute: () => shell,
  path: "/requests",
  validateSearch: withFilter,
  component: lazyRouteComponent(() => import("./requests-page.tsx"), "RequestsPage"),
});

const request = createRoute({
  getParentRoute: () => shell,
  path: "/requests/$id",
  component: lazyRouteComponent(() => import("./request-page.tsx"), "RequestPage"),
});

const revisions = createRoute({
  getParentRoute: () => shell,
  path: "/revisions",
  validateSearch: withFilter,
  component: lazyRouteComponent(() => import("./revisions-page.tsx"), "RevisionsPage"),
});

const routeTree = root.addChildren([
  signIn,
  shell.addChildren([home, apis, importApi, api, apiOperations, apiPolicies, requests, request, gateways, revisions]),
]);

/** The addresses of the studio. */
export const makeRouter = (client: QueryClient) =>
  createRouter({
    routeTree,
    context: { client },
    defaultPreload: "intent",
    // Plain text in, plain text out: addresses are read and typed by people.
    parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
    stringifySearch: (search) => {
      const pairs = Object.entries(search).flatMap(([name, value]) =>
        typeof value === "string" ? [[name, value]] : [],
      );
      return pairs.length === 0 ? "" : `?${new URLSearchParams(pairs)}`;
    },
    scrollRestoration: true,
    defaultNotFoundComponent: MissingPage,
    defaultErrorComponent: PageFault,
  });

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
