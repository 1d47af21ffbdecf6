import { z } from "zod";
import { listAudit as listRows } from "../../store/repositories/audit.ts";
import { defineOperation, type Operation } from "../operation.ts";
import { idPlaceOf, limitOf, pageJson, pageOf, pageQuerySchema } from "../paging.ts";

/** Who changed what, before and after. */
export const listAudit: Operation = defineOperation({
  id: "listAudit",
  method: "GET",
  path: "/audit",
  tag: "Audit",
  summary: "List who changed what, with before and after",
  description: "Secrets are taken out before an entry is written.",
  access: "audit.read",
  query: pageQuerySchema.extend({
    target: z.string().max(300).optional().describe("`api/orders`, `key/ID`, ..."),
    actor: z.string().max(300).optional(),
  }),
  answers: {
    200: {
      description: "The newest first.",
      schema: pageOf(
        z
          .object({
            id: z.string(),
            at: z.iso.datetime(),
            actor: z.string(),
            operation: z.string(),
            target: z.string(),
            revision: z.int().optional(),
            requestId: z.string(),
            before: z.unknown().optional(),
            after: z.unknown().optional(),
          })
          .meta({ id: "AuditEntry" }),
      ),
    },
  },
  run: async ({ tools, query }) => {
    const limit = limitOf(query);
    const { target, actor } = query;
    const rows = await listRows(tools.db, { before: idPlaceOf(query), limit: limit + 1, target, actor });
    const json = pageJson(
      rows,
      limit,
      (row) => row.id,
      (row) => ({ ...row, at: row.at.toISOString() }),
    );
    return { status: 200, json };
  },
});
