import { z } from "zod";
import type { Revision } from "../../store/repositories/revisions.ts";

/** A revision as it is shown. */
export const revisionSchema = z
  .object({
    revision: z.int(),
    at: z.iso.datetime(),
    actor: z.string(),
    message: z.string().optional(),
    kind: z.enum(["configuration", "access"]),
    requestId: z.string().optional(),
  })
  .meta({ id: "Revision" });

/** One resource in a list of changes. */
export const resourceChangeSchema = z
  .object({
    action: z.enum(["create", "update", "delete"]),
    kind: z.string(),
    name: z.string(),
    file: z.string(),
    fields: z.array(z.object({ path: z.string(), before: z.unknown().optional(), after: z.unknown().optional() })),
    isTextOnly: z.boolean(),
  })
  .meta({ id: "ResourceChange" });

/** The view of a row. */
export const revisionView = (row: Revision) => ({
  revision: row.number,
  at: row.at.toISOString(),
  actor: row.actor,
  message: row.message,
  kind: row.kind,
  requestId: row.requestId,
});
