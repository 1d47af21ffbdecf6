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
import { Shell } from "./shell.tsx";

interface RouterContext {
  readonly client: QueryClient;
}

const root = createRootRouteWithContext<RouterContext>()({ component: Outlet });

/** A filter in the address; empty is absent. */
const withFilter = (search: Readonly<Record<string, unknown>>): { q?: string } =>
  typeof search.q === "string" && search.q !== "" ? { q: search.q } : {};

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: (search: Readonly<Record<string, unknown>>): { from?: string } =>
    // Only a path of our own: an address in a link must not lead elsewhere after signing in.
    typeof search.from === "string" && /^\/(?!\/|\\)/.test(search.from) ? { from: search.from } : {},
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
  validateSearch: (search: Readonly<Record<string, unknown>>): { name?: string } =>
    typeof search.name === "string" ? { name: search.name } : {},
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
  validateSearch: (search: Readonly<Record<string, unknown>>): { operation?: string; product?: string } => ({
    ...(typeof search.operation === "string" ? { operation: search.operation } : {}),
    ...(typeof search.product === "string" && search.product !== "" ? { product: search.product } : {}),
  }),
  component: lazyRouteComponent(() => import("./api-policies.tsx"), "ApiPolicies"),
});

const gateways = createRoute({
  getParentRoute: () => shell,
  path: "/gateways",
  component: lazyRouteComponent(() => import("./gateways-page.tsx"), "GatewaysPage"),
});

const revisions = createRoute({
  getParentRoute: () => shell,
  path: "/revisions",
  validateSearch: withFilter,
  component: lazyRouteComponent(() => import("./revisions-page.tsx"), "RevisionsPage"),
});

const routeTree = root.addChildren([
  signIn,
  shell.addChildren([home, apis, importApi, api, apiOperations, apiPolicies, gateways, revisions]),
]);

/** The addresses of the studio. */
export const makeRouter = (client: QueryClient) =>
  createRouter({
    routeTree,
    context: { client },
    defaultPreload: "intent",
    scrollRestoration: true,
    defaultNotFoundComponent: MissingPage,
    defaultErrorComponent: PageFault,
  });

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
