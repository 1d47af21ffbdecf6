import { z } from "zod";
import { labelSchema, nameSchema } from "./names.ts";
import { policyDocumentSchema } from "./policy-document.ts";
import { clientAuthModes, tlsSettingsSchema, tlsVersions } from "./tls.ts";

/** A key of `portico gateway --config DIR`, where no control plane issues keys: only its digest is in the file. */
const fileKeySchema = z.strictObject({
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

const shareSchema = z.number().min(0).max(1);

const portSchema = z.int().min(1).max(65_535);

/** Settings of the program itself, for who starts it in the bundle's directory; flags and environment variables go before them. */
export const processSettingsSchema = z.strictObject({
  host: z.string().max(253).optional(),
  "port-base": portSchema.optional(),
  "gateway-port": portSchema.optional(),
  "portal-port": portSchema.optional(),
  "studio-port": portSchema.optional(),
  "ops-port": portSchema.optional(),
  "sample-port": portSchema.optional(),
  "https-port": portSchema.optional(),
  /** A certificate in files beside the gateway. */
  "tls-cert": z.string().min(1).max(1000).optional(),
  "tls-key": z.string().min(1).max(1000).optional(),
  "tls-client-ca": z.string().min(1).max(1000).optional(),
  "tls-client-auth": z.enum(clientAuthModes).optional(),
  "tls-min-version": z.enum(tlsVersions).optional(),
  https: z.boolean().optional(),
  data: z.string().min(1).max(1000).optional(),
  empty: z.boolean().optional(),
  threads: z.int().min(1).max(256).optional(),
  labels: z.array(labelSchema).max(50).optional(),
  "log-level": z.enum(["debug", "info", "warn", "error"]).optional(),
  "access-log": z.enum(["off", "stdout", "file"]).optional(),
  /** Where traces and metrics go: an OpenTelemetry collector that speaks OTLP over HTTP. */
  otlp: z
    .strictObject({
      endpoint: z.url({ protocol: /^https?$/ }).optional(),
      headers: z.record(z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/), z.string().max(4096)).optional(),
      sample: shareSchema.optional(),
      "metrics-seconds": z.int().min(1).max(3600).optional(),
    })
    .optional(),
  /** Which calls are recorded for `portico explain` although nobody asked. */
  explain: z
    .strictObject({ sample: shareSchema.optional(), failures: z.int().min(0).max(10_000).optional() })
    .optional(),
  url: z.url({ protocol: /^https?$/ }).optional(),
  "gateway-url": z.url({ protocol: /^https?$/ }).optional(),
});
export type ProcessSettings = z.infer<typeof processSettingsSchema>;

/** What `portico.yaml` says: the workspace, the outer policies, and settings of the program. */
export const settingsSchema = z.strictObject({
  workspace: nameSchema.optional(),
  title: z.string().max(200).optional(),
  settings: processSettingsSchema.optional(),
  policies: z
    .strictObject({
      platform: policyDocumentSchema.optional(),
      workspace: policyDocumentSchema.optional(),
    })
    .optional(),
  tls: tlsSettingsSchema.optional(),
  keys: z.array(fileKeySchema).max(100_000).optional(),
});
export type Settings = z.infer<typeof settingsSchema>;
