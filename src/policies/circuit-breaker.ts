import { breakerRuleOf, breakerSchema } from "../exchange/cluster-schema.ts";
import { definePolicy, type Policy } from "../exchange/policy.ts";

/** Stops calls to a backend that fails; see docs. */
export const circuitBreaker: Policy = definePolicy({
  name: "circuit-breaker",
  group: "routing",
  summary: "Stops calls to a backend that keeps failing, and tries it again after a while.",
  docs: `Stands before \`forward-request\`. It watches the tries of the calls that pass here; the backend's own \`breaker\` (in \`backends/NAME.yaml\`) watches all calls to the backend. Both may stand side by side.

| attribute | default | meaning |
| --- | --- | --- |
| \`failures\` | \`5\`, or \`0\` where \`ratio\` is given | failures in a row that open it; \`0\`: not counted |
| \`ratio\` | not asked | share of failures, 0 to 1, among at least \`calls-min\` (\`20\`) calls of about \`interval\` (\`10s\`) |
| \`statuses\` | \`[500-599]\` | replies that count as failures, beside no connection, a reset, a timeout and a broken reply |
| \`open\` | \`10s\` | how long it stays open at first; doubles with every trial that fails, up to \`open-max\` (\`5m\`) |
| \`half-open-calls\` | \`1\` | calls that are then let through as a trial; all must succeed |
| \`accept-retry-after\` | \`false\` | a \`Retry-After\` of a failure says how long it stays open, up to \`open-max\` |

While it is open calls are answered 503 \`backend.circuit_open\` with \`Retry-After\`; \`failover\` may send them elsewhere. Its state is one for all threads of the gateway, outlives changes of the configuration, and stands in \`/metrics\`.
Calls that their client gave up say nothing about the backend.`,
  sections: ["inbound", "backend"],
  schema: breakerSchema,
  examples: [
    { title: "Three failures in a row, ten seconds", config: { failures: 3, open: "10s" } },
    { title: "Half of the calls of half a minute", config: { ratio: 0.5, "calls-min": 20, interval: "30s" } },
  ],
  build: (config, tools) => {
    if (config.failures === 0 && (config.ratio ?? 0) === 0)
      tools.mistake("", "without `failures` and `ratio` it would never open");
    const breaker = tools.breaker(`circuit-breaker ${tools.target.api} ${tools.at}`, breakerRuleOf(config));
    return (x) => {
      x.forwarding = { ...x.forwarding, breakers: [...(x.forwarding?.breakers ?? []), breaker] };
    };
  },
});
