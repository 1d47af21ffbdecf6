import "./studio.css";
import { CSPProvider } from "@base-ui/react/csp-provider";
import { QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { createRoot } from "react-dom/client";
import { Problem } from "./management.ts";
import { makeRouter } from "./router.tsx";
import { takeTokenFromAddress } from "./session.ts";
import { setPendingToken } from "./sign-in-token.ts";

// Before anything is loaded, drawn or sent.
setPendingToken(takeTokenFromAddress());

const retriesMax = 2;

const client = new QueryClient({
  queryCache: new QueryCache({
    onError: (error) => {
      if (!(error instanceof Problem) || error.status !== 401) return;
      const from = router.state.location.href;
      if (from.startsWith("/sign-in")) return;
      void router.navigate({ to: "/sign-in", search: { from } });
    },
  }),
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: (count, error) =>
        count < retriesMax && error instanceof Problem && (error.status === 0 || error.status >= 500),
    },
  },
});
const router = makeRouter(client);

const root = document.getElementById("root");
if (root === null) throw new Error("the page has no root");
createRoot(root).render(
  <CSPProvider disableStyleElements>
    <QueryClientProvider client={client}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </CSPProvider>,
);
