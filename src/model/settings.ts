import { z } from "zod";
import { nameSchema } from "./names.ts";
import { policyDocumentSchema } from "./policy-document.ts";

/** A key of `portico gateway --config DIR`, where no control plane issues keys: only its digest is in the file. */
export const fileKeySchema = z.strictObject({
  /** `sha256:` and 64 hex digits of the whole key. */
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/, "sha256: and 64 hex digits (portico keys digest prints it)"),
  subscription: z.string().min(1).max(100),
  product: nameSchema.optional(),
  plan: nameSchema.optional(),
  application: z.string().max(100).optional(),
  organization: z.string().max(100).optional(),
  expires: z.iso.datetime({ offset: true }).optional(),
});
export type FileKey = z.infer<typeof fileKeySchema>;

/** What `portico.yaml` says: the workspace and the outer policies. */
export const settingsSchema = z.strictObject({
  workspace: nameSchema.optional(),
  title: z.string().max(200).optional(),
  policies: z
    .strictObject({
      platform: policyDocumentSchema.optional(),
      workspace: policyDocumentSchema.optional(),
    })
    .optional(),
  keys: z.array(fileKeySchema).max(100_000).optional(),
});
export type Settings = z.infer<typeof settingsSchema>;
