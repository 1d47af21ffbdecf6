import { z } from "zod";
import type { Admission, PeriodCounter } from "./counters.ts";
import type { Exchange, StepResult } from "./exchange.ts";
import { type AnnouncedLimit, announcedLimit, announceLimit, retryAfterSeconds } from "./limit-headers.ts";
import type { PolicyTools } from "./policy.ts";
import { durationAttribute } from "./policy-schema.ts";
import { refuse } from "./refuse.ts";

/** What a quota allows per period: the attributes that both quota policies share. */
export const volumeAttributes = {
  calls: z.int().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
  /** Kilobytes of 1024 bytes, of requests and replies. */
  bandwidth: z
    .int()
    .min(1)
    .max(Math.floor(Number.MAX_SAFE_INTEGER / 1024))
    .optional(),
  /** 0 never renews. */
  "renewal-period": durationAttribute,
};
const volumeSchema = z.object(volumeAttributes);

/** Where periods begin when nothing is said, as in Azure API Management: midnight UTC of a Monday. */
export const firstPeriodStartMsDefault: number = Date.parse("0001-01-01T00:00:00Z");

/** A quota ready to be asked: calls, bytes, or both. */
export interface VolumeLimit {
  readonly calls: PeriodCounter | undefined;
  readonly bytes: PeriodCounter | undefined;
  readonly callsAnnounced: AnnouncedLimit;
  readonly bytesAnnounced: AnnouncedLimit;
}

/** Builds a quota; `counterName` is what its counters are found by, `announcedName` its name in the `RateLimit` fields. */
export const volumeLimit = (
  config: z.infer<typeof volumeSchema>,
  counterName: string,
  announcedName: string,
  firstPeriodStartMs: number,
  path: string,
  tools: PolicyTools,
): VolumeLimit => {
  if (config.calls === undefined && config.bandwidth === undefined)
    tools.mistake(path, "give `calls`, `bandwidth` (KB), or both");
  const periodMs = config["renewal-period"];
  const counter = (kind: string, max: number): PeriodCounter =>
    tools.counters.period(`${counterName} ${kind}`, max, periodMs, firstPeriodStartMs);
  const bytesMax = (config.bandwidth ?? 0) * 1024;
  return {
    calls: config.calls === undefined ? undefined : counter("calls", config.calls),
    bytes: config.bandwidth === undefined ? undefined : counter("bytes", bytesMax),
    callsAnnounced: announcedLimit(announcedName, config.calls ?? 0, periodMs),
    bytesAnnounced: announcedLimit(`${announcedName}-bandwidth`, bytesMax, periodMs, "content-bytes"),
  };
};

/**
 * Asks a quota for `cost` calls and for any bytes at all; counts the bytes when the exchange has ended, since only then they are known.
 * The call during which the volume runs out is the last one to be served.
 */
export const chargeVolume = (
  x: Exchange,
  limit: VolumeLimit,
  key: string,
  cost: number,
  tools: PolicyTools,
): StepResult => {
  const nowMs = tools.clock.nowMs();
  const bytes = limit.bytes;
  if (bytes) {
    const left = bytes.admit(key, 0, nowMs);
    announceLimit(x, limit.bytesAnnounced, left);
    if (left.remaining < 1) return exceeded(left);
  }
  if (limit.calls) {
    const admission = limit.calls.admit(key, cost, nowMs);
    announceLimit(x, limit.callsAnnounced, admission);
    if (!admission.isAdmitted) return exceeded(admission);
  }
  if (bytes) x.onDone((outcome) => bytes.add(key, outcome.requestBytes + outcome.responseBytes, tools.clock.nowMs()));
  return undefined;
};

/** True where neither calls nor bytes are used up; takes nothing. */
export const hasVolumeLeft = (x: Exchange, limit: VolumeLimit, key: string, tools: PolicyTools): StepResult => {
  const nowMs = tools.clock.nowMs();
  for (const [counter, announced] of [
    [limit.bytes, limit.bytesAnnounced],
    [limit.calls, limit.callsAnnounced],
  ] as const) {
    const left = counter?.admit(key, 0, nowMs);
    if (!left) continue;
    announceLimit(x, announced, left);
    if (left.remaining < 1) return exceeded(left);
  }
  return undefined;
};

const exceeded = (admission: Admission): StepResult => {
  const waits = { ...admission, retryAfterMs: Math.max(admission.retryAfterMs, admission.resetAfterMs) };
  return refuse("quota.exceeded", {
    // A lifetime quota never renews: there is nothing to wait for.
    headers: Number.isFinite(waits.retryAfterMs) ? [["Retry-After", String(retryAfterSeconds(waits))]] : [],
  });
};
