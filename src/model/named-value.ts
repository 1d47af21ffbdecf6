import { z } from "zod";

/**
 * What `named-values/NAME.yaml` says: a plain value; or `secret: true`, whose value is set through the management API,
 * kept encrypted, and never read back; or `env`, read from the environment of the process that loads the bundle.
 */
export const namedValueSchema = z.union([
  z.strictObject({ value: z.string().max(10_000), description: z.string().max(2000).optional() }),
  z.strictObject({ secret: z.literal(true), description: z.string().max(2000).optional() }),
  z.strictObject({
    secret: z.literal(true).optional(),
    env: z.string().regex(/^[A-Z][A-Z0-9_]*$/),
    description: z.string().max(2000).optional(),
  }),
]);
export type NamedValue = z.infer<typeof namedValueSchema>;
