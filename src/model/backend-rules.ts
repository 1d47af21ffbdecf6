import { z } from "zod";
import { durationSchema } from "./names.ts";

/*
 * The rules of a backend about several targets and their failures. `exchange/cluster-schema.ts` has the same for the data plane, which
 * may not import the model; a test keeps them equal.
 */

/** Statuses as people write them: `503`, or a range `500-599`. */
const statusesSchema: z.ZodType<(string | number)[]> = z
  .array(
    z.union([
      z.int().min(100).max(599),
      z.string().regex(/^[1-5]\d\d-[1-5]\d\d$/, "write a status such as 503 or a range such as 500-599"),
    ]),
  )
  .min(1)
  .max(100);

const ratio = z.number().min(0).max(1);
const percent = z.number().min(0).max(100);
const expression = z.string().min(2).max(10_000).regex(/^=/, "an expression begins with =");

export const retrySchema = z.strictObject({
  /** Tries beside the first. */
  attempts: z.int().min(1).max(10).optional(),
  on: z.array(z.enum(["connect", "reset", "timeout", "overloaded"])).optional(),
  statuses: statusesSchema.optional(),
  idempotent: z.enum(["methods", "key", "always"]).optional(),
  backoff: durationSchema.optional(),
  "backoff-max": durationSchema.optional(),
  "retry-after-max": durationSchema.optional(),
  "body-max": z.int().min(0).max(16_777_216).optional(),
  /** Percent of the successful calls of the last ten seconds that may be sent again. */
  budget: percent.optional(),
  /** So many a second always may. */
  "budget-min": z.number().min(0).max(10_000).optional(),
});

export const hedgeSchema = z.strictObject({
  after: durationSchema,
  attempts: z.int().min(1).max(3).optional(),
  idempotent: z.enum(["methods", "key", "always"]).optional(),
  "body-max": z.int().min(0).max(16_777_216).optional(),
});

export const breakerSchema = z.strictObject({
  /** Failures in a row; 0: not counted. */
  failures: z.int().min(0).max(100_000).optional(),
  /** Share of failures, 0 to 1; 0: not asked. */
  ratio: ratio.optional(),
  "calls-min": z.int().min(1).max(1_000_000).optional(),
  interval: durationSchema.optional(),
  open: durationSchema.optional(),
  "open-max": durationSchema.optional(),
  "half-open-calls": z.int().min(1).max(1_000).optional(),
  statuses: statusesSchema.optional(),
  "accept-retry-after": z.boolean().optional(),
});

export const outlierSchema = z.strictObject({
  consecutive: z.int().min(0).max(100_000).optional(),
  ratio: ratio.optional(),
  "calls-min": z.int().min(1).max(1_000_000).optional(),
  interval: durationSchema.optional(),
  ejection: durationSchema.optional(),
  "ejection-max": durationSchema.optional(),
  /** Percent of the targets that may be out at once. */
  "ejected-max": percent.optional(),
  statuses: statusesSchema.optional(),
});

export const healthSchema = z.strictObject({
  path: z
    .string()
    .max(2_000)
    .regex(/^\/[\x21\x22\x24-\x7e]*$/, "a path begins with / and has no spaces"),
  method: z.enum(["GET", "HEAD"]).optional(),
  interval: durationSchema.optional(),
  timeout: durationSchema.optional(),
  statuses: statusesSchema.optional(),
  "healthy-after": z.int().min(1).max(100).optional(),
  "unhealthy-after": z.int().min(1).max(100).optional(),
  jitter: ratio.optional(),
  headers: z.record(z.string(), z.string()).optional(),
});

export const limitsSchema = z.strictObject({
  concurrent: z.int().min(1).max(1_000_000),
  pending: z.int().min(0).max(1_000_000).optional(),
  queue: durationSchema.optional(),
});

const hashSchema = z.strictObject({
  header: z.string().min(1).max(256).optional(),
  cookie: z.string().min(1).max(256).optional(),
  parameter: z.string().min(1).max(256).optional(),
  "client-ip": z.literal(true).optional(),
  key: expression.optional(),
  /** A target takes at most this many times the average; 0: no bound. */
  "load-factor": z.union([z.literal(0), z.number().min(1).max(100)]).optional(),
});

export const balanceSchema = z.union([
  z.enum(["round-robin", "least-requests", "random"]),
  z.strictObject({ hash: hashSchema }),
]);

export const affinitySchema = z.strictObject({
  cookie: z
    .string()
    .max(100)
    .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, "not a legal name of a cookie"),
  secret: z.string().min(16, "a secret has at least 16 characters").max(1_000).optional(),
  ttl: durationSchema.optional(),
});
