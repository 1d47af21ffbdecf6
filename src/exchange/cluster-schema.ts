import { z } from "zod";
import { durationMs } from "../base/duration.ts";
import type {
  BreakerRule,
  BudgetRule,
  FailureName,
  HealthRule,
  HedgeRule,
  LimitRule,
  OutlierRule,
  RetryRule,
} from "./delivery-rules.ts";
import { fieldValuePattern, tokenPattern } from "./headers.ts";
import { durationText } from "./policy-schema.ts";

/*
 * How the rules about targets and their failures are written, in `backends/NAME.yaml` and in policies, and what silence means. The
 * schemas equal those of the model; a test of the room `backends` compares.
 */

/** Statuses as people write them: `503`, or a range `500-599`. */
export const statusesSchema: z.ZodType<(string | number)[]> = z
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
  backoff: durationText.optional(),
  "backoff-max": durationText.optional(),
  "retry-after-max": durationText.optional(),
  "body-max": z.int().min(0).max(16_777_216).optional(),
  /** Percent of the successful calls of the last ten seconds that may be sent again. */
  budget: percent.optional(),
  /** So many a second always may. */
  "budget-min": z.number().min(0).max(10_000).optional(),
});

export const hedgeSchema = z.strictObject({
  after: durationText,
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
  interval: durationText.optional(),
  open: durationText.optional(),
  "open-max": durationText.optional(),
  "half-open-calls": z.int().min(1).max(1_000).optional(),
  statuses: statusesSchema.optional(),
  "accept-retry-after": z.boolean().optional(),
});

export const outlierSchema = z.strictObject({
  consecutive: z.int().min(0).max(100_000).optional(),
  ratio: ratio.optional(),
  "calls-min": z.int().min(1).max(1_000_000).optional(),
  interval: durationText.optional(),
  ejection: durationText.optional(),
  "ejection-max": durationText.optional(),
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
  interval: durationText.optional(),
  timeout: durationText.optional(),
  statuses: statusesSchema.optional(),
  "healthy-after": z.int().min(1).max(100).optional(),
  "unhealthy-after": z.int().min(1).max(100).optional(),
  jitter: ratio.optional(),
  headers: z.record(z.string(), z.string()).optional(),
});

export const limitsSchema = z.strictObject({
  concurrent: z.int().min(1).max(1_000_000),
  pending: z.int().min(0).max(1_000_000).optional(),
  queue: durationText.optional(),
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
  ttl: durationText.optional(),
});

/** Milliseconds of a duration that the schema has accepted. */
export const msOf = (value: string | number | undefined, otherwise: number): number =>
  value === undefined ? otherwise : (durationMs(value) ?? otherwise);

/** The statuses of a list; those of `otherwise` where there is none. */
export const statusesOf = (
  list: readonly (string | number)[] | undefined,
  otherwise: readonly number[],
): ReadonlySet<number> => {
  if (list === undefined) return new Set(otherwise);
  const statuses = new Set<number>();
  for (const entry of list) {
    const [from = 0, to = from] = String(entry).split("-").map(Number);
    for (let status = from; status <= to; status++) statuses.add(status);
  }
  return statuses;
};

const serverErrors = Array.from({ length: 100 }, (_, index) => 500 + index);

/** What silence means. */
export const retryDefaults = {
  attempts: 2,
  on: ["connect", "reset"] as readonly FailureName[],
  statuses: [502, 503, 504],
  bodyBytesMax: 65_536,
} as const;

export const retryRuleOf = (config: z.output<typeof retrySchema>): RetryRule => ({
  attempts: config.attempts ?? retryDefaults.attempts,
  on: new Set(config.on ?? retryDefaults.on),
  statuses: statusesOf(config.statuses, retryDefaults.statuses),
  idempotent: config.idempotent ?? "methods",
  backoffMs: msOf(config.backoff, 50),
  backoffMsMax: msOf(config["backoff-max"], 1_000),
  retryAfterMsMax: msOf(config["retry-after-max"], 2_000),
  bodyBytesMax: config["body-max"] ?? retryDefaults.bodyBytesMax,
});

export const budgetRuleOf = (config: z.output<typeof retrySchema> | undefined): BudgetRule => ({
  ratio: (config?.budget ?? 20) / 100,
  perSecondMin: config?.["budget-min"] ?? 3,
});

export const hedgeRuleOf = (config: z.output<typeof hedgeSchema>): HedgeRule => ({
  afterMs: msOf(config.after, 0),
  attempts: config.attempts ?? 1,
  idempotent: config.idempotent ?? "methods",
  bodyBytesMax: config["body-max"] ?? retryDefaults.bodyBytesMax,
});

export const breakerRuleOf = (config: z.output<typeof breakerSchema>): BreakerRule => ({
  failures: config.failures ?? (config.ratio === undefined ? 5 : 0),
  ratio: config.ratio ?? 0,
  callsMin: config["calls-min"] ?? 20,
  intervalMs: Math.max(100, msOf(config.interval, 10_000)),
  openMs: msOf(config.open, 10_000),
  openMsMax: Math.max(msOf(config["open-max"], 300_000), msOf(config.open, 10_000)),
  halfOpenCalls: config["half-open-calls"] ?? 1,
  statuses: statusesOf(config.statuses, serverErrors),
  acceptsRetryAfter: config["accept-retry-after"] ?? false,
});

export const outlierRuleOf = (config: z.output<typeof outlierSchema>): OutlierRule => ({
  consecutive: config.consecutive ?? 5,
  ratio: config.ratio ?? 0,
  callsMin: config["calls-min"] ?? 20,
  intervalMs: Math.max(100, msOf(config.interval, 10_000)),
  ejectionMs: msOf(config.ejection, 30_000),
  ejectionMsMax: Math.max(msOf(config["ejection-max"], 300_000), msOf(config.ejection, 30_000)),
  ejectedShareMax: (config["ejected-max"] ?? 50) / 100,
  statuses: statusesOf(config.statuses, serverErrors),
});

/** The rule, with mistakes in what no schema can say. */
export const healthRuleOf = (
  config: z.output<typeof healthSchema>,
  mistake: (path: string, message: string) => void,
): HealthRule => {
  const headers = Object.entries(config.headers ?? {});
  for (const [name, value] of headers)
    if (!tokenPattern.test(name) || !fieldValuePattern.test(value)) mistake(`.headers.${name}`, "not a legal header");
  const intervalMs = msOf(config.interval, 10_000);
  if (intervalMs < 100) mistake(".interval", "at least 100ms");
  return {
    path: config.path,
    method: config.method ?? "GET",
    intervalMs,
    timeoutMs: msOf(config.timeout, 2_000),
    statuses: statusesOf(
      config.statuses,
      Array.from({ length: 200 }, (_, index) => 200 + index),
    ),
    healthyAfter: config["healthy-after"] ?? 2,
    unhealthyAfter: config["unhealthy-after"] ?? 3,
    jitter: config.jitter ?? 0.1,
    headers,
  };
};

export const limitRuleOf = (config: z.output<typeof limitsSchema>): LimitRule => ({
  concurrent: config.concurrent,
  pending: config.pending ?? 0,
  queueMs: msOf(config.queue, 1_000),
});
