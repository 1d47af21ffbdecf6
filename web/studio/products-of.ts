import { useQuery } from "@tanstack/react-query";
import { productsQuery } from "./queries.ts";
import type { ApiView } from "./shapes.ts";

/** A product that holds an API, with the names of its plans: first those that need no approval. */
export interface HoldingProduct {
  readonly name: string;
  readonly plans: readonly string[];
}

/** The products that hold an API: those that it names, and those that name it. */
export const useProductsOf = (api: ApiView): readonly HoldingProduct[] => {
  const products = useQuery(productsQuery);
  return (products.data ?? [])
    .filter((product) => product.apis.includes(api.name) || api.products?.includes(product.name))
    .map((product) => ({ name: product.name, plans: plansInOrder(product.plans) }));
};

const plansInOrder = (plans: Readonly<Record<string, { readonly approval?: string }>>): readonly string[] => {
  const isManual = (name: string): boolean => plans[name]?.approval === "manual";
  return Object.keys(plans).sort((a, b) => Number(isManual(a)) - Number(isManual(b)));
};
