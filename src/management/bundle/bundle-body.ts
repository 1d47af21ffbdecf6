import { z } from "zod";
import { nameSchema } from "../../model/names.ts";
import { resourceChangeSchema } from "../revisions/revision-view.ts";

/** Files as they are sent and given back. */
export const bundleFileSchema = z.strictObject({
  path: z.string().min(1).max(1000),
  contentBase64: z.base64(),
});

/** What plan and apply take. */
export const bundleBodySchema = z
  .strictObject({
    files: z.array(bundleFileSchema).max(20_000),
    owner: nameSchema
      .optional()
      .describe("The name under which the directory owns its resources; the workspace of portico.yaml where absent."),
    prune: z.boolean().optional().describe("Also deletes what nobody owns and the directory does not have."),
    message: z.string().max(1000).optional(),
  })
  .meta({ id: "BundleRequest" });

const findingSchema = z.object({
  severity: z.enum(["error", "warning", "info"]),
  message: z.string(),
  file: z.string().optional(),
  path: z.string().optional(),
  line: z.int().optional(),
  column: z.int().optional(),
  next: z.string().optional(),
});

/** What plan and apply answer. */
export const bundleResultSchema = z
  .object({
    findings: z.array(findingSchema),
    changes: z.array(resourceChangeSchema),
    revision: z.int().optional().describe("Absent where nothing differed, and in a plan."),
  })
  .meta({ id: "BundleResult" });

/** Base64 in JSON of the largest bundle that is taken. */
export const bundleBodyBytesMax = 256 * 1024 * 1024;

/** The files by path. */
export const filesOf = (files: z.output<typeof bundleBodySchema>["files"]): ReadonlyMap<string, Uint8Array> =>
  new Map(files.map(({ path, contentBase64 }) => [path, Buffer.from(contentBase64, "base64")]));
