import { z } from "zod";
import { boundedMap } from "../base/bounded-map.ts";
import { durationMs } from "../base/duration.ts";
import type { Admission, Admit } from "../exchange/counters.ts";
import type { Exchange, StepResult } from "../exchange/exchange.ts";
import { increment, incrementAttributes } from "../exchange/increment.ts";
import {
  type AnnouncedLimit,
  announceDetails,
  announcedLimit,
  announceLimit,
  limitAnnouncement,
  retryAfterSeconds,
} from "../exchange/limit-headers.ts";
import { definePolicy, type Policy, type PolicyTools } from "../exchange/policy.ts";
import { numberValue, textValue } from "../exchange/policy-schema.ts";
import { refuse } from "../exchange/refuse.ts";

const renewalPeriodMsMax = 300_000;
const callsMax = 1_000_000_000;
/** Different limits that expressions of one policy may give before the oldest are made anew; the counters stay. */
const limitsKeptMax = 64;

const schema = z.strictObject({
  calls: numberValue,
  "renewal-period": textValue.optional(),
  window: textValue.optional(),
  "counter-key": textValue,
  ...incrementAttributes,
  "increment-after-response": z.boolean().default(false),
  ...limitAnnouncement,
});
type Config = z.infer<typeof schema>;

/** Calls per window and any key; see docs. */
export const rateLimitByKey: Policy = definePolicy({
  name: "rate-limit-by-key",
  group: "limits",
  summary: "Admits a number of calls per key in any window of time; answers 429 beyond it.",
  docs: `The window slides, as with \`rate-limit\`.

| attribute | default | meaning |
| --- | --- | --- |
| \`counter-key\` | required | literal or expression; the same key in several places, at any scope, is one counter (where the windows are equal) |
| \`calls\` | required | calls per window; literal or expression |
| \`window\` or \`renewal-period\` | one is required | length of the window; literal or expression in seconds; \`renewal-period\` at most 300 s |
| \`increment-condition\` | \`true\` | whether the call counts; an expression is asked after the reply |
| \`increment-count\` | 1 | how much it counts; asked together with the condition |
| \`increment-after-response\` | \`false\` | counts when the reply has gone instead of when the call comes |
| \`retry-after-header-name\` | \`Retry-After\` | and the other header and variable names of \`rate-limit\` |

What counts after the reply is admitted while anything is left, so that calls running at the same time may pass the limit by their number; what is counted late is never lost.`,
  sections: ["inbound"],
  schema,
  examples: [
    { title: "By client address", config: { "counter-key": "=request.ip", calls: 10, "renewal-period": 60 } },
    {
      title: "Failed sign-ins only",
      config: {
        "counter-key": "='login ' + request.ip",
        calls: 5,
        window: "5m",
        "increment-condition": "=response.status == 401",
      },
    },
    {
      title: "By plan",
      config: { "counter-key": "=caller.subscription", calls: "=caller.plan == 'gold' ? 1000 : 100", window: "1m" },
    },
  ],
  build: (config, tools) => {
    const key = tools.value(config["counter-key"], "string", ".counter-key");
    const limitFor = limitSource(config, tools);
    const counting = increment(config, config["increment-after-response"], tools);
    return (x) => {
      const by = key.of(x);
      const limit = limitFor(x);
      const nowMs = tools.clock.nowMs();
      if (!counting.isLate) return settle(x, limit, limit.admit(by, counting.costOf(x), nowMs), config);
      const left = limit.admit(by, 0, nowMs);
      if (left.remaining < 1) return settle(x, limit, limit.admit(by, 1, nowMs), config);
      x.onDone(() => countLate(limit, by, counting.lateCostOf(x), tools.clock.nowMs()));
      return settle(x, limit, left, config);
    };
  },
});

interface Limit {
  readonly admit: Admit;
  readonly announced: AnnouncedLimit;
}

/** Takes what is left where the whole does not fit: a late count must not leave a remainder that admits for ever. */
const countLate = (limit: Limit, key: string, cost: number, nowMs: number): void => {
  if (cost === 0) return;
  const admission = limit.admit(key, cost, nowMs);
  if (!admission.isAdmitted && admission.remaining > 0) limit.admit(key, admission.remaining, nowMs);
};

const settle = (x: Exchange, limit: Limit, admission: Admission, config: Config): StepResult => {
  announceLimit(x, limit.announced, admission);
  announceDetails(x, config, admission);
  if (admission.isAdmitted) return undefined;
  return refuse("limit.rate_exceeded", {
    headers: [[config["retry-after-header-name"] ?? "Retry-After", String(retryAfterSeconds(admission))]],
  });
};

const limitSource = (config: Config, tools: PolicyTools): ((x: Exchange) => Limit) => {
  const calls = tools.value(config.calls, "number", ".calls");
  const [window, renewal] = [config.window, config["renewal-period"]];
  if ((window === undefined) === (renewal === undefined)) tools.mistake("", "give either `window` or `renewal-period`");
  const periodPath = window === undefined ? ".renewal-period" : ".window";
  const periodMax = window === undefined ? renewalPeriodMsMax : Number.POSITIVE_INFINITY;
  const period = tools.value(window ?? renewal ?? 1, "string", periodPath);
  if (calls.constant !== undefined && !isCalls(calls.constant))
    tools.mistake(".calls", `a whole number from 1 to ${callsMax}`);
  const fixedMs = period.constant === undefined ? undefined : durationMs(period.constant);
  if (period.constant !== undefined && !isPeriod(fixedMs, periodMax))
    tools.mistake(
      periodPath,
      window === undefined ? "a duration of at most 300 seconds" : "a duration such as 60s, 5m or 1h",
    );
  const kept = boundedMap<string, Limit>(limitsKeptMax);
  const make = (count: number, windowMs: number | undefined): Limit => {
    if (!isCalls(count) || windowMs === undefined || !isPeriod(windowMs, periodMax))
      throw new RangeError(`an expression gave no limit: ${count} calls in ${windowMs} ms`);
    return {
      admit: tools.counters.slidingWindow("rate-limit-by-key", count, windowMs),
      announced: announcedLimit("rate-limit-by-key", count, windowMs),
    };
  };
  if (calls.constant !== undefined && period.constant !== undefined) {
    if (!isCalls(calls.constant) || !isPeriod(fixedMs, periodMax)) return () => make(0, undefined);
    const only = make(calls.constant, fixedMs);
    return () => only;
  }
  return (x) => {
    const count = calls.of(x);
    const text = period.of(x);
    const id = `${count} ${text}`;
    const known = kept.get(id);
    if (known) return known;
    const limit = make(count, durationMs(text));
    kept.set(id, limit);
    return limit;
  };
};

const isCalls = (value: number): boolean => Number.isInteger(value) && value >= 1 && value <= callsMax;
const isPeriod = (ms: number | undefined, maxMs: number): boolean => ms !== undefined && ms >= 1 && ms <= maxMs;
