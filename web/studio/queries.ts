import { type QueryClient, queryOptions } from "@tanstack/react-query";
import { management, taken } from "./management.ts";
import { type OperationRow, type RequestRow, requestRow } from "./shapes.ts";

/** Between looks at what gateways run, while a page shows it. */
const gatewaysEveryMs = 2000;

/** Between looks at the newest calls. */
const requestsEveryMs = 3000;

/** Entries that are read of one list at most; a page filters among them. */
const itemsMax = 5000;
const pageLength = 500;

export const apisQuery = queryOptions({
  queryKey: ["apis"],
  queryFn: ({ signal }) => readAll((query) => taken(management.GET("/api/v1/apis", { params: { query }, signal }))),
});

export const apiQuery = (name: string) =>
  queryOptions({
    queryKey: ["apis", name],
    queryFn: ({ signal }) => taken(management.GET("/api/v1/apis/{name}", { params: { path: { name } }, signal })),
  });

export const operationsQuery = (name: string) =>
  queryOptions({
    queryKey: ["apis", name, "operations"],
    queryFn: ({ signal }): Promise<readonly OperationRow[]> =>
      readAll((query) =>
        taken(management.GET("/api/v1/apis/{name}/operations", { params: { path: { name }, query }, signal })),
      ),
  });

export const apiRevisionsQuery = (name: string) =>
  queryOptions({
    queryKey: ["apis", name, "revisions"],
    queryFn: ({ signal }) =>
      taken(
        management.GET("/api/v1/apis/{name}/revisions", { params: { path: { name }, query: { limit: 10 } }, signal }),
      ),
  });

export const gatewaysQuery = queryOptions({
  queryKey: ["gateways"],
  queryFn: ({ signal }) => taken(management.GET("/api/v1/gateways", { signal })),
  refetchInterval: gatewaysEveryMs,
});

export const revisionsQuery = queryOptions({
  queryKey: ["revisions"],
  queryFn: ({ signal }) => taken(management.GET("/api/v1/revisions", { params: { query: { limit: 200 } }, signal })),
});

export const requestsQuery = queryOptions({
  queryKey: ["requests"],
  queryFn: async ({ signal }): Promise<readonly RequestRow[]> => {
    const list = await taken(management.GET("/api/v1/requests", { params: { query: { limit: 200 } }, signal }));
    // Events come only to those who follow.
    return typeof list === "object" && "items" in list ? list.items.map(requestRow) : [];
  },
  refetchInterval: requestsEveryMs,
});

export const explanationQuery = (id: string) =>
  queryOptions({
    queryKey: ["requests", id],
    queryFn: ({ signal }) =>
      taken(management.GET("/api/v1/requests/{id}/explain", { params: { path: { id } }, signal })),
    retry: false,
  });

export const productsQuery = queryOptions({
  queryKey: ["products"],
  queryFn: ({ signal }) => readAll((query) => taken(management.GET("/api/v1/products", { params: { query }, signal }))),
});

export const apiPolicyQuery = (api: string) =>
  queryOptions({
    queryKey: ["policies", api],
    queryFn: ({ signal }) =>
      taken(management.GET("/api/v1/policies/apis/{api}", { params: { path: { api } }, signal })),
  });

/** One file of the configuration as text; null where there is none, or none that this session may read. */
export const bundleFileQuery = (path: string) =>
  queryOptions({
    queryKey: ["policies", "file", path],
    queryFn: async ({ signal }): Promise<string | null> => {
      const { data, response } = await management.GET("/api/v1/bundle/file", {
        params: { query: { path } },
        parseAs: "text",
        signal,
      });
      return response.ok ? String(data) : null;
    },
  });

export const effectivePolicyQuery = (
  api: string,
  operation: string,
  product: string | undefined,
  plan: string | undefined,
) =>
  queryOptions({
    queryKey: ["policies", api, operation, product, plan],
    queryFn: ({ signal }) =>
      taken(
        management.GET("/api/v1/policies/apis/{api}/operations/{operation}/effective", {
          params: {
            path: { api, operation },
            query: { ...(product === undefined ? {} : { product }), ...(plan === undefined ? {} : { plan }) },
          },
          signal,
        }),
      ),
  });

/** Everything that a change of configuration may have changed. */
export const forgetConfiguration = async (client: QueryClient): Promise<void> => {
  const kept = ["apis", "revisions", "gateways", "policies", "products"];
  await Promise.all(kept.map((key) => client.invalidateQueries({ queryKey: [key] })));
};

interface PageQuery {
  readonly limit: number;
  readonly cursor?: string;
}

const readAll = async <T>(
  readPage: (query: PageQuery) => Promise<{ readonly items: readonly T[]; readonly next?: string }>,
): Promise<readonly T[]> => {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const page = await readPage({ limit: pageLength, ...(cursor === undefined ? {} : { cursor }) });
    items.push(...page.items);
    cursor = page.next;
  } while (cursor !== undefined && items.length < itemsMax);
  return items;
};
