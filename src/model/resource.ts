import type { z } from "zod";
import { apiSchema } from "./api.ts";
import { backendSchema } from "./backend.ts";
import { certificateSchema } from "./certificate.ts";
import { namedValueSchema } from "./named-value.ts";
import { apiPolicySchema, fragmentSchema } from "./policy-document.ts";
import { productSchema } from "./product.ts";
import { settingsSchema } from "./settings.ts";

/**
 * The kinds of configuration. A resource is one of these under a name; one file of a bundle holds one resource, and the
 * state of the platform at a revision is the set of resources as they stood then. `settings` has the one name `platform`;
 * an `api-policy` has the name of its API.
 */
export const resourceSchemas = {
  settings: settingsSchema,
  api: apiSchema,
  "api-policy": apiPolicySchema,
  product: productSchema,
  backend: backendSchema,
  "named-value": namedValueSchema,
  certificate: certificateSchema,
  fragment: fragmentSchema,
} as const;

export type ResourceKind = keyof typeof resourceSchemas;
export type ResourceBody<K extends ResourceKind> = z.infer<(typeof resourceSchemas)[K]>;

/** All kinds, in the order in which a bundle is read: what others refer to comes first. */
export const resourceKinds = [
  "settings",
  "named-value",
  "certificate",
  "fragment",
  "backend",
  "api",
  "api-policy",
  "product",
] as const satisfies readonly ResourceKind[];

/** The name of the one `settings` resource. */
export const settingsName = "platform";

/** A document that came with an API: its name in the bundle, and its bytes by content hash (SHA-256, hex). */
export interface DocumentReference {
  readonly fileName: string;
  readonly hash: string;
}

/** One resource of one kind. `source` is the file's text as it was applied, so that `pull` gives it back byte for byte. */
export interface ResourceOf<K extends ResourceKind> {
  readonly kind: K;
  readonly name: string;
  readonly body: ResourceBody<K>;
  readonly source?: string;
  readonly document?: DocumentReference;
}

export type Resource = { [K in ResourceKind]: ResourceOf<K> }[ResourceKind];

/** What identifies a resource: `api/orders`. */
export const resourceKey = (resource: { readonly kind: ResourceKind; readonly name: string }): string =>
  `${resource.kind}/${resource.name}`;
