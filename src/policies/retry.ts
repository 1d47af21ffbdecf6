import { z } from "zod";
import { budgetRuleOf, msOf, retryRuleOf, retrySchema } from "../exchange/cluster-schema.ts";
import type { Exchange, Step, StepResult } from "../exchange/exchange.ts";
import { definePolicy, type Policy, type PolicyTools, type Value } from "../exchange/policy.ts";
import { booleanValue, durationText } from "../exchange/policy-schema.ts";
import type { Reply } from "../exchange/reply.ts";

/** The rule on the backend section has the engine's attributes; the block has those of the catalogue. */
const schema = z.strictObject({
  ...retrySchema.shape,
  condition: booleanValue.optional(),
  count: z.int().min(1).max(50).optional(),
  interval: durationText.optional(),
  "max-interval": durationText.optional(),
  delta: durationText.optional(),
  "first-fast-retry": z.boolean().optional(),
  steps: z.array(z.unknown()).max(200).optional(),
});
type Config = z.output<typeof schema>;

const ruleNames = Object.keys(retrySchema.shape) as (keyof typeof retrySchema.shape)[];
const blockNames = ["condition", "count", "interval", "max-interval", "delta", "first-fast-retry"] as const;

/** Longer waits would only hold exchanges. */
const waitMsMax = 300_000;

/** Repeats a block, or has the engine send a call again; see docs. */
export const retry: Policy = definePolicy({
  name: "retry",
  group: "control",
  summary:
    "Repeats a block of steps while a condition holds; without steps, sends the call again when the backend fails.",
  docs: `**As a block** (with \`steps\`), in every section: the steps run once, and again while \`condition\` is true, at most \`count\` times more.

| attribute | default | meaning |
| --- | --- | --- |
| \`condition\` | required | expression that gives a bool; asked after each run |
| \`count\` | required | repetitions, 1 to 50 |
| \`interval\` | required | wait between runs; seconds or a duration |
| \`delta\` | – | alone with \`interval\`: the wait grows by it each time; with \`max-interval\`: exponential, \`min(interval + (2^n - 1) * random(0.8..1.2) * delta, max-interval)\` |
| \`max-interval\` | – | greatest wait; needs \`delta\` |
| \`first-fast-retry\` | \`false\` | the first repetition does not wait |
| \`steps\` | – | the block |

Where a \`forward-request\` of the block gets no reply, \`response.status\` is 0 in the condition; if the condition is then false or fails, the failure stands. A request body that the block sends again must be buffered:
\`forward-request: { buffer-request-body: true }\`. A reply of a step ends the block and the section, whatever the condition says.

**As a rule** (without \`steps\`), in \`backend\` or \`inbound\`: the next \`forward-request\` sends the call again when a try fails, instead of what the backend's file says about \`retry\`.

| attribute | default | meaning |
| --- | --- | --- |
| \`attempts\` | \`2\` | tries beside the first, 1 to 10 |
| \`on\` | \`[connect, reset]\` | failures: \`connect\`, \`reset\` (no reply came), \`timeout\`, \`overloaded\` (no free connection here) |
| \`statuses\` | \`[502, 503, 504]\` | replies that count as failures; numbers or ranges \`500-599\` |
| \`idempotent\` | \`methods\` | which calls may be sent twice if the first may have had an effect: GET, HEAD, OPTIONS, PUT, DELETE (RFC 9110 section 9.2.2); \`key\`: also those with \`Idempotency-Key\`; \`always\` |
| \`backoff\`, \`backoff-max\` | \`50ms\`, \`1s\` | the n-th wait is a random share of \`backoff * 2^n\` |
| \`retry-after-max\` | \`2s\` | a \`Retry-After\` up to this is waited for; with a longer one the caller gets the reply |
| \`body-max\` | \`65536\` | bytes of a request body that are kept; a longer one is sent once |
| \`budget\`, \`budget-min\` | \`20\`, \`3\` | percent of the successful calls of about ten seconds, and calls a second, that may be sent again, over all threads |

What has not reached a backend may be sent again whatever its method. \`timeout\` of \`forward-request\` is the time of one try; no try begins when it has passed. Once the reply's head is there it is never sent again.`,
  sections: ["inbound", "backend", "outbound", "on-error"],
  schema,
  examples: [
    {
      title: "The engine sends again what may be sent again",
      config: { attempts: 2, statuses: [503], budget: 10 },
      sections: ["inbound", "backend"],
    },
    {
      title: "The catalogue's block",
      config: {
        condition: "=response.status == 0 || response.status >= 500",
        count: 3,
        interval: 1,
        "first-fast-retry": true,
        steps: [{ "forward-request": { "buffer-request-body": true } }],
      },
    },
  ],
  build: (config, tools) => (config.steps === undefined ? rule(config, tools) : block(config, config.steps, tools)),
});

const rule = (config: Config, tools: PolicyTools): Step => {
  for (const name of blockNames) {
    if (config[name] !== undefined) tools.mistake(`.${name}`, `\`${name}\` belongs to a block: give \`steps\` as well`);
  }
  if (tools.section !== "backend" && tools.section !== "inbound")
    tools.mistake("", "without `steps` it stands in `inbound` or `backend`, before `forward-request`");
  const retryRule = retryRuleOf(config);
  const budget = tools.budget(`retry ${tools.at}`, budgetRuleOf(config));
  return (x) => {
    x.forwarding = { ...x.forwarding, retry: retryRule, budget };
  };
};

interface Waits {
  readonly intervalMs: number;
  readonly deltaMs: number | undefined;
  readonly maxMs: number | undefined;
  readonly isFirstFast: boolean;
}

const block = (config: Config, steps: readonly unknown[], tools: PolicyTools): Step => {
  for (const name of ruleNames)
    if (config[name] !== undefined) tools.mistake(`.${name}`, `\`${name}\` belongs to a rule: it has no \`steps\``);
  for (const name of ["condition", "count", "interval"] as const)
    if (config[name] === undefined) tools.mistake(`.${name}`, `a block needs \`${name}\``);
  if (config["max-interval"] !== undefined && config.delta === undefined)
    tools.mistake(".max-interval", "`max-interval` needs `delta`");
  for (const name of ["interval", "max-interval", "delta"] as const)
    if (msOf(config[name], 0) > waitMsMax) tools.mistake(`.${name}`, `at most ${waitMsMax / 1000} s`);
  const condition = tools.value(config.condition ?? false, "boolean", ".condition");
  const run = tools.block(steps, ".steps");
  const count = config.count ?? 1;
  const waits: Waits = {
    intervalMs: msOf(config.interval, 0),
    deltaMs: config.delta === undefined ? undefined : msOf(config.delta, 0),
    maxMs: config["max-interval"] === undefined ? undefined : msOf(config["max-interval"], 0),
    isFirstFast: config["first-fast-retry"] ?? false,
  };
  return (x) => repeat(x, run, condition, count, waits);
};

const repeat = async (
  x: Exchange,
  run: Step,
  condition: Value<boolean>,
  count: number,
  waits: Waits,
): Promise<Reply | undefined> => {
  const signal = endOf(x);
  for (let round = 0; ; round++) {
    const { reply, thrown } = await once(x, run);
    if (reply !== undefined) return reply;
    const isWanted = thrown === undefined ? condition.of(x) : isWantedAfter(x, condition);
    if (!isWanted || round >= count || signal.isEnded) {
      if (thrown !== undefined) throw thrown.cause;
      return undefined;
    }
    await signal.wait(waitMs(waits, round + 1));
    if (signal.isEnded) return undefined;
  }
};

const once = async (
  x: Exchange,
  run: Step,
): Promise<{ readonly reply: Reply | undefined; readonly thrown: { readonly cause: unknown } | undefined }> => {
  try {
    const result: StepResult = await run(x);
    return { reply: result ?? undefined, thrown: undefined };
  } catch (cause) {
    return { reply: undefined, thrown: { cause } };
  }
};

/** After a failure of the block the condition may speak of a reply that is not there: then the failure stands. */
const isWantedAfter = (x: Exchange, condition: Value<boolean>): boolean => {
  try {
    return condition.of(x);
  } catch {
    return false;
  }
};

/** The wait before repetition `n`, from 1. */
const waitMs = ({ intervalMs, deltaMs, maxMs, isFirstFast }: Waits, n: number): number => {
  if (isFirstFast && n === 1) return 0;
  if (deltaMs === undefined) return intervalMs;
  if (maxMs === undefined) return intervalMs + (n - 1) * deltaMs;
  return Math.min(intervalMs + (2 ** n - 1) * (0.8 + 0.4 * Math.random()) * deltaMs, maxMs);
};

/** Waits that end with the exchange: a client that has gone is not waited for. */
const endOf = (x: Exchange): { readonly isEnded: boolean; wait(ms: number): Promise<void> } => {
  let isEnded = false;
  let wake = (): void => {};
  x.onDone(() => {
    isEnded = true;
    wake();
  });
  return {
    get isEnded() {
      return isEnded;
    },
    wait: (ms) =>
      new Promise((resolve) => {
        if (ms <= 0 || isEnded) {
          resolve();
          return;
        }
        const timer = setTimeout(resolve, ms);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      }),
  };
};
