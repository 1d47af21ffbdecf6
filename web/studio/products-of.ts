import { useQuery } from "@tanstack/react-query";
import { productsQuery } from "./queries.ts";
import type { ApiView } from "./shapes.ts";

/** The products that hold an API: those that it names, and those that name it. */
export const useProductsOf = (api: ApiView): readonly string[] => {
  const products = useQuery(productsQuery);
  const holding = (products.data ?? []).filter((product) => product.apis.includes(api.name));
  return [...new Set([...(api.products ?? []), ...holding.map((product) => product.name)])];
};
