import { type QueryClient, queryOptions } from "@tanstack/react-query";
import { read } from "./management.ts";
import type {
  ApiRevision,
  ApiView,
  EffectivePolicy,
  GatewayList,
  OperationRow,
  Page,
  PolicyDocument,
  ProductView,
  RevisionView,
} from "./shapes.ts";

/** Between looks at what gateways run, while a page shows it. */
const gatewaysEveryMs = 2000;

/** Operations that are read of one API at most; a page filters among them. */
const operationsMax = 5000;
const pageLength = 500;

export const apisQuery = queryOptions({
  queryKey: ["apis"],
  queryFn: ({ signal }) => readAll<ApiView>("/apis", 2000, signal),
});

export const apiQuery = (name: string) =>
  queryOptions({
    queryKey: ["apis", name],
    queryFn: ({ signal }) => read<ApiView>(`/apis/${encodeURIComponent(name)}`, signal),
  });

export const operationsQuery = (name: string) =>
  queryOptions({
    queryKey: ["apis", name, "operations"],
    queryFn: ({ signal }) =>
      readAll<OperationRow>(`/apis/${encodeURIComponent(name)}/operations`, operationsMax, signal),
  });

export const apiRevisionsQuery = (name: string) =>
  queryOptions({
    queryKey: ["apis", name, "revisions"],
    queryFn: ({ signal }) => read<Page<ApiRevision>>(`/apis/${encodeURIComponent(name)}/revisions?limit=10`, signal),
  });

export const gatewaysQuery = queryOptions({
  queryKey: ["gateways"],
  queryFn: ({ signal }) => read<GatewayList>("/gateways", signal),
  refetchInterval: gatewaysEveryMs,
});

export const revisionsQuery = queryOptions({
  queryKey: ["revisions"],
  queryFn: ({ signal }) => read<Page<RevisionView>>("/revisions?limit=200", signal),
});

export const productsQuery = queryOptions({
  queryKey: ["products"],
  queryFn: ({ signal }) => readAll<ProductView>("/products", 1000, signal),
});

export const apiPolicyQuery = (api: string) =>
  queryOptions({
    queryKey: ["policies", api],
    queryFn: ({ signal }) => read<PolicyDocument>(`/policies/apis/${encodeURIComponent(api)}`, signal),
  });

export const effectivePolicyQuery = (api: string, operation: string, product: string | undefined) =>
  queryOptions({
    queryKey: ["policies", api, operation, product],
    queryFn: ({ signal }) => read<EffectivePolicy>(effectivePolicyPath(api, operation, product), signal),
  });

export const effectivePolicyPath = (api: string, operation: string, product: string | undefined): string =>
  `/policies/apis/${encodeURIComponent(api)}/operations/${encodeURIComponent(operation)}/effective${product === undefined ? "" : `?product=${encodeURIComponent(product)}`}`;

/** Everything that a change of configuration may have changed. */
export const forgetConfiguration = async (client: QueryClient): Promise<void> => {
  await Promise.all(
    ["apis", "revisions", "gateways", "policies"].map((key) => client.invalidateQueries({ queryKey: [key] })),
  );
};

const readAll = async <T>(path: string, itemsMax: number, signal: AbortSignal): Promise<readonly T[]> => {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const query = new URLSearchParams({ limit: String(pageLength), ...(cursor === undefined ? {} : { cursor }) });
    const page: Page<T> = await read<Page<T>>(`${path}?${query}`, signal);
    items.push(...page.items);
    cursor = page.next;
  } while (cursor !== undefined && items.length < itemsMax);
  return items;
};
