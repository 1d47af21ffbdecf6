import { backendSchema } from "../../model/backend.ts";
import { fragmentSchema } from "../../model/policy-document.ts";
import { productSchema } from "../../model/product.ts";
import type { Collection } from "./collection.ts";

/** Products as a collection. */
export const productCollection: Collection = {
  kind: "product",
  path: "/products",
  tag: "Products",
  noun: "product",
  one: "Product",
  many: "Products",
  schema: productSchema.meta({ id: "Product", description: "What `products/NAME.yaml` says." }),
  read: "apis.read",
  write: "apis.write",
};

/** Backends as a collection. */
export const backendCollection: Collection = {
  kind: "backend",
  path: "/backends",
  tag: "Backends",
  noun: "backend",
  one: "Backend",
  many: "Backends",
  schema: backendSchema.meta({ id: "Backend", description: "What `backends/NAME.yaml` says." }),
  read: "backends.read",
  write: "backends.write",
};

/** Fragments as a collection. */
export const fragmentCollection: Collection = {
  kind: "fragment",
  path: "/fragments",
  tag: "Policies",
  noun: "fragment",
  one: "Fragment",
  many: "Fragments",
  schema: fragmentSchema.meta({ id: "Fragment", description: "What `policies/NAME.yaml` says." }),
  read: "apis.read",
  write: "apis.write",
};
