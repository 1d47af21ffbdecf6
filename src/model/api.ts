import { z } from "zod";
import { labelSchema, nameSchema } from "./names.ts";
import { streamsSchema, upgradeSchema } from "./streams.ts";

/** A base path: `/`, or `/orders`, `/shop/orders`; no trailing slash, no parameters, no dot segments. */
export const basePathSchema = z
  .string()
  .max(500)
  .regex(/^\/$|^(\/[A-Za-z0-9._~!$&'()*+,;=:@-]+)+$/, "a path begins with '/', has no trailing '/', and no parameters")
  .refine((path) => !path.split("/").some((segment) => segment === "." || segment === ".."), "no dot segments");

/** A host name in lower case, or one with a leading wildcard label: `*.example.com`. */
const hostSchema = z
  .string()
  .max(253)
  .regex(
    /^(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/,
    "a host name in lower case, without port",
  );

/** How a call says which version it wants; APIs with the same hosts and path form a version set. */
export const versionSchema = z.strictObject({
  scheme: z.enum(["path", "header", "query"]),
  value: z.string().regex(/^[A-Za-z0-9._-]{1,60}$/, "letters, digits, '.', '_', '-'"),
  /** Name of the header (default `Api-Version`) or query parameter (default `api-version`). */
  parameter: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,60}$/)
    .optional(),
  /** Also serves the calls that name no version (not with scheme `path`). */
  default: z.boolean().optional(),
});
export type Version = z.infer<typeof versionSchema>;

const protections = ["key", "jwt", "none"] as const;
const protectionSchema = z.enum(protections);
export type Protection = z.infer<typeof protectionSchema>;

/** One protection, or a list of which any one suffices; `none` stands alone. */
const protectSchema = z.union([
  protectionSchema,
  z
    .array(protectionSchema)
    .min(1)
    .max(2)
    .refine((list) => !list.includes("none"), "`none` stands alone: write `protect: none`")
    .refine((list) => new Set(list).size === list.length, "each protection once"),
]);
export type Protect = z.infer<typeof protectSchema>;

export const visibilitySchema = z.union([
  z.enum(["public", "signed-in"]),
  z.strictObject({
    organizations: z.array(nameSchema).optional(),
    groups: z.array(z.string()).optional(),
    plans: z.array(z.string()).optional(),
  }),
]);

/** Where tokens of `protect: jwt` come from; the same fields as the policy `validate-jwt`, in short. */
const jwtProtectionSchema = z.strictObject({
  "openid-config": z.url().optional(),
  "jwks-url": z.url().optional(),
  issuers: z.array(z.string()).optional(),
  audiences: z.array(z.string()).optional(),
  algorithms: z.array(z.string()).optional(),
});

/** Which calls a gateway under too much load refuses first: those of APIs of the lowest. */
export const priorities = ["low", "normal", "high"] as const;
export type Priority = (typeof priorities)[number];

const operationExtrasSchema = z.strictObject({
  protect: protectSchema.optional(),
  backend: z.string().optional(),
  /** Not served by the gateway and not shown in the portal. */
  hidden: z.boolean().optional(),
  /** Instead of the API's. */
  upgrade: upgradeSchema.optional(),
  /** Each limit instead of the API's. */
  streams: streamsSchema.optional(),
});

/** What `apis/NAME/api.yaml` says. */
export const apiSchema = z.strictObject({
  title: z.string().max(200).optional(),
  description: z.string().max(5000).optional(),
  path: basePathSchema,
  hosts: z.array(hostSchema).max(50).optional(),
  /** An absolute http(s) URL, the name of a backend, or `mock`. Absent: the document's first absolute server URL, else `mock`. */
  backend: z.string().max(2000).optional(),
  protect: protectSchema.optional(),
  jwt: jwtProtectionSchema.optional(),
  versions: versionSchema.optional(),
  /** Labels; the API goes to the gateways that carry at least one of them. Absent: to all. */
  gateways: z.array(labelSchema).max(50).optional(),
  visibility: visibilitySchema.optional(),
  products: z.array(nameSchema).max(100).optional(),
  tags: z.array(z.string().max(80)).max(50).optional(),
  deprecated: z.boolean().optional(),
  /** Protocols that clients may change to. Absent: WebSocket. */
  upgrade: upgradeSchema.optional(),
  streams: streamsSchema.optional(),
  /** Under overload calls of `low` are refused first, of `high` last. Absent: `normal`. */
  priority: z.enum(priorities).optional(),
  operations: z.record(z.string(), operationExtrasSchema).optional(),
});
export type Api = z.infer<typeof apiSchema>;

/** The protections of an API or operation, `key` where nothing is said; an empty list means open. */
export const protectionsOf = (protect: Protect | undefined): readonly ("key" | "jwt")[] => {
  const list = protect === undefined ? ["key" as const] : typeof protect === "string" ? [protect] : protect;
  return list.filter((entry) => entry !== "none");
};
