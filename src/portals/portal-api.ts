import { z } from "zod";
import { apiSchema, protectionsOf, versionSchema } from "../model/api.ts";

/** An API as the management API lists it: its name and what its file says. */
export const listedApiSchema = z.object({
  name: z.string(),
  title: z.string().optional(),
  description: z.string().optional(),
  path: apiSchema.shape.path,
  hosts: apiSchema.shape.hosts,
  protect: apiSchema.shape.protect,
  versions: versionSchema.optional(),
  visibility: apiSchema.shape.visibility,
  tags: apiSchema.shape.tags,
  deprecated: apiSchema.shape.deprecated,
  operations: apiSchema.shape.operations,
});
export type ListedApi = z.infer<typeof listedApiSchema>;

/** An API as pages show it and as the relay calls it. */
export interface PortalApi {
  readonly name: string;
  readonly title: string;
  readonly description: string | undefined;
  /** In front of every operation's path: the API's path, and its version where the path carries it; `""` for the root. */
  readonly basePath: string;
  /** The header that asks for this version, where a header does. */
  readonly versionHeader: NameAndValue | undefined;
  readonly versionQuery: NameAndValue | undefined;
  readonly version: string | undefined;
  /** The host that calls must name, where the API answers to some hosts only. */
  readonly host: string | undefined;
  readonly protections: readonly ("key" | "jwt")[];
  readonly tags: readonly string[];
  readonly isDeprecated: boolean;
  /** Operations whose protection differs from the API's. */
  readonly operationProtections: ReadonlyMap<string, readonly ("key" | "jwt")[]>;
  readonly hiddenOperations: ReadonlySet<string>;
}

interface NameAndValue {
  readonly name: string;
  readonly value: string;
}

/** Visible to a visitor whom we do not know. An API that says nothing about visibility is public; groups and plans are not. */
export const isPublic = (api: ListedApi): boolean => api.visibility === undefined || api.visibility === "public";

/** What the portal makes of an API's file. */
export const portalApiOf = (api: ListedApi): PortalApi => {
  const version = api.versions;
  const basePath = api.path === "/" ? "" : api.path;
  const extras = Object.entries(api.operations ?? {});
  return {
    name: api.name,
    title: api.title ?? api.name,
    description: api.description,
    basePath: version?.scheme === "path" ? `${basePath}/${version.value}` : basePath,
    versionHeader:
      version?.scheme === "header" ? { name: version.parameter ?? "Api-Version", value: version.value } : undefined,
    versionQuery:
      version?.scheme === "query" ? { name: version.parameter ?? "api-version", value: version.value } : undefined,
    version: version?.value,
    // A wildcard stands for many hosts: none of them can be chosen for the caller.
    host: api.hosts?.find((host) => !host.startsWith("*.")),
    protections: protectionsOf(api.protect),
    tags: api.tags ?? [],
    isDeprecated: api.deprecated ?? false,
    operationProtections: new Map(
      extras.flatMap(([id, extra]) => (extra.protect === undefined ? [] : [[id, protectionsOf(extra.protect)]])),
    ),
    hiddenOperations: new Set(extras.filter(([, extra]) => extra.hidden === true).map(([id]) => id)),
  };
};
