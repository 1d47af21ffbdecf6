import { z } from "zod";
import { operationsOf } from "../../openapi/operations.ts";
import type { ImportOutcome, ReadyDocument } from "./import-document.ts";

const plannedSchema = z.object({
  id: z.string(),
  method: z.string(),
  path: z.string(),
  summary: z.string().optional(),
});

const contractChangeSchema = z.looseObject({ level: z.string(), message: z.string().optional() });

/** What an import answers. */
export const importPlanSchema = z
  .object({
    api: z.string(),
    isNew: z.boolean(),
    title: z.string().optional(),
    path: z.string(),
    document: z.object({
      fileName: z.string(),
      version: z.string().describe("The OpenAPI version that the document declares."),
      operations: z.int(),
      bytes: z.int(),
      hash: z.string(),
    }),
    operations: z.object({
      added: z.array(plannedSchema),
      removed: z.array(plannedSchema),
      changed: z.array(
        plannedSchema.extend({ previousId: z.string(), level: z.string(), changes: z.array(contractChangeSchema) }),
      ),
      unchanged: z.int(),
    }),
    level: z.string().optional().describe("The heaviest change: breaking, non-breaking, or only in words."),
    findings: z.array(
      z.looseObject({
        rule: z.string(),
        severity: z.enum(["error", "warning", "info"]),
        message: z.string(),
        pointer: z.string(),
        line: z.int(),
        column: z.int(),
      }),
    ),
    affects: z.object({
      policies: z.array(z.object({ operation: z.string(), becomes: z.string().optional() })),
      products: z.array(z.string()),
    }),
    revision: z.int().optional(),
  })
  .meta({ id: "ImportPlan" });

/** The plan as JSON. */
export const importPlanView = (outcome: ImportOutcome, ready: ReadyDocument, revision: number | undefined) => {
  const { stored, plan } = outcome;
  const { resource } = stored;
  return {
    api: resource.name,
    isNew: outcome.isNew,
    ...(resource.kind === "api" ? { title: resource.body.title, path: resource.body.path } : {}),
    document: {
      fileName: ready.fileName,
      version: ready.document.versionText,
      operations: operationsOf(ready.document).length,
      bytes: ready.bytes.length,
      hash: resource.document?.hash,
    },
    operations: { added: plan.added, removed: plan.removed, changed: plan.changed, unchanged: plan.unchangedCount },
    level: plan.level,
    findings: ready.findings,
    affects: {
      policies: outcome.policies.map(({ id, becomes }) => ({ operation: id, becomes })),
      products: outcome.products,
    },
    revision,
  };
};
