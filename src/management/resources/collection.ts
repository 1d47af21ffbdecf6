import { z } from "zod";
import { textOf } from "../../bundle/write-bundle.ts";
import { nameSchema } from "../../model/names.ts";
import type { Resource, ResourceKind, ResourceOf } from "../../model/resource.ts";
import type { StoredResource } from "../../store/repositories/resources.ts";
import type { Change } from "../change.ts";
import { refuse } from "../refuse.ts";
import type { Right } from "../rights.ts";

/** A kind of resource as the management API serves it under one path. */
export interface Collection {
  readonly kind: ResourceKind;
  /** `/backends`; an item is below it under its name. */
  readonly path: string;
  readonly tag: string;
  /** For sentences: `backend`. */
  readonly noun: string;
  /** For operation ids: `Backend`, `Backends`. */
  readonly one: string;
  readonly many: string;
  readonly schema: z.ZodType;
  readonly read: Right;
  readonly write: Right;
}

/** Fields that GET adds to a resource's own. */
export const readOnlyFields = [
  "name",
  "revision",
  "owner",
  "document",
  "operationCount",
  "hasValue",
  "updatedAt",
] as const;

/** The parameter of one item. */
export const nameParamsSchema = z.object({ name: nameSchema });

/** A resource as GET shows it: its name, what its file says, and since which revision it is so. */
export const viewOf = (stored: StoredResource): Readonly<Record<string, unknown>> => ({
  name: stored.resource.name,
  ...stored.resource.body,
  ...(stored.resource.document === undefined ? {} : { document: stored.resource.document }),
  revision: stored.revision,
});

const viewSchemas = new Map<string, z.ZodType>();

/** The schema of `viewOf`: the body's, with the fields that GET adds. Answers are not parsed with it, only described. */
export const viewSchemaOf = (collection: Pick<Collection, "schema" | "one">): z.ZodType => {
  const known = viewSchemas.get(collection.one);
  if (known !== undefined) return known;
  const added = z.object({
    name: z.string(),
    revision: z.int().describe("The revision that last changed it."),
    ...(collection.one === "Api" ? { document: z.object({ fileName: z.string(), hash: z.string() }).optional() } : {}),
  });
  const made = z.intersection(added, openSchema(collection.schema)).meta({ id: `${collection.one}View` });
  // One schema for all operations, so that the document names it once.
  viewSchemas.set(collection.one, made);
  return made;
};

// A strict object inside an intersection would forbid the other side's fields.
const openSchema = (schema: z.ZodType): z.ZodType => {
  if (schema instanceof z.ZodObject) return schema.loose();
  if (schema instanceof z.ZodUnion) {
    return z.union(schema.options.map((option) => (option instanceof z.ZodType ? openSchema(option) : z.unknown())));
  }
  return schema;
};

/** Says that there is nothing of that name. */
export const notFound = (noun: string, name: string) => refuse("resource.not_found", `There is no ${noun} '${name}'.`);

/**
 * Puts a resource with the text of its file kept in step: comments of what did not change stay, and `pull` gives the text back.
 * What is equal to what stands is left alone.
 */
export const putResource = <K extends ResourceKind>(
  change: Change,
  resource: Omit<ResourceOf<K>, "source">,
): StoredResource => {
  const { kind, name } = resource;
  const current = change.find(kind, name);
  const source = current?.resource.source;
  // The parts belong together: body and kind come from one schema.
  const draft = { ...resource, ...(source === undefined ? {} : { source }) } as Resource;
  change.put({ ...draft, source: textOf(draft) });
  const stored = change.find(kind, name);
  if (stored === undefined) throw new Error(`${kind}/${name} was put and is not there`);
  return stored;
};
