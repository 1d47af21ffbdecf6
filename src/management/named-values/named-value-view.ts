import { z } from "zod";
import { namedValueSchema } from "../../model/named-value.ts";
import type { StoredResource } from "../../store/repositories/resources.ts";
import type { Collection } from "../resources/collection.ts";
import { viewOf } from "../resources/collection.ts";

/** Named values as a collection; a secret's value is written and never read. */
export const namedValueCollection: Collection = {
  kind: "named-value",
  path: "/named-values",
  tag: "Named values",
  noun: "named value",
  one: "NamedValue",
  many: "NamedValues",
  schema: namedValueSchema.meta({ id: "NamedValue", description: "What `named-values/NAME.yaml` says." }),
  read: "backends.read",
  write: "backends.write",
};

const secretMax = 100_000;

/** What PUT takes: the file's fields, and for a secret its value. */
export const writtenNamedValueSchema = z
  .union([
    z.strictObject({
      secret: z.literal(true),
      value: z.string().min(1).max(secretMax).optional().describe("Write-only; absent: the value that is set stays."),
      description: z.string().max(2000).optional(),
    }),
    ...namedValueSchema.options.filter((_, index) => index !== 1),
  ])
  .meta({ id: "WrittenNamedValue" });

/** How a named value is shown: of a secret only whether it has a value. */
export const namedValueView = (
  stored: StoredResource,
  secretNames: ReadonlySet<string>,
): Readonly<Record<string, unknown>> => {
  const view = viewOf(stored);
  if (view.secret !== true || "env" in view) return view;
  return { ...view, hasValue: secretNames.has(stored.resource.name) };
};
