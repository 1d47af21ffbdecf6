import { z } from "zod";
import { definePolicy, type Policy } from "../exchange/policy.ts";
import { durationAttribute } from "../exchange/policy-schema.ts";

const schema = z.strictObject({
  timeout: durationAttribute.optional(),
  "timeout-ms": z.int().min(1).max(86_400_000).optional(),
  "http-version": z.union([z.string(), z.number()]).optional(),
  "follow-redirects": z.boolean().optional(),
  "buffer-request-body": z.boolean().optional(),
  "buffer-response": z.boolean().optional(),
  "fail-on-error-status-code": z.boolean().optional(),
  "continue-timeout": z.unknown().optional(),
});

/** Calls the backend; the engine does it. See docs. */
export const forwardRequest: Policy = definePolicy({
  name: "forward-request",
  group: "routing",
  summary: "Calls the backend and waits for the head of its reply.",
  docs: `Stands in \`backend\`; where no scope says anything, the platform's own \`backend\` section is exactly this policy with its defaults. Without it no backend is called.

| attribute | default | meaning |
| --- | --- | --- |
| \`timeout\` or \`timeout-ms\` | the backend's, else 300 s | until the reply's head is there; beyond it 504 \`backend.timeout\` |
| \`follow-redirects\` | \`false\` | follows redirects of the backend to its own origin instead of passing them on |
| \`buffer-request-body\` | \`false\` | holds the request's body, so that it can be sent again |
| \`buffer-response\` | – | accepted for documents of other gateways; replies always pass as they arrive |
| \`fail-on-error-status-code\` | \`false\` | a status of 400 to 599 runs \`on-error\` instead of \`outbound\` |
| \`http-version\` | the backend's | \`1\`, \`2or1\` or \`2\`: accepted for documents of other gateways; \`protocol\` of the backend decides what is spoken to it |

\`continue-timeout\` is not available in this version.`,
  sections: ["backend"],
  schema,
  examples: [
    { title: "The default", config: {} },
    {
      title: "Ten seconds, and errors of the backend to on-error",
      config: { timeout: 10, "fail-on-error-status-code": true },
    },
  ],
  build: (config, tools) => {
    const version = String(config["http-version"] ?? "1");
    if (!/^(?:1|2|2or1)$/.test(version)) tools.mistake(".http-version", "`1`, `2or1` or `2`");
    if (config["continue-timeout"] !== undefined)
      tools.mistake(".continue-timeout", "`continue-timeout` is not available in this version");
    if (config.timeout !== undefined && config["timeout-ms"] !== undefined)
      tools.mistake(".timeout-ms", "give either `timeout` or `timeout-ms`");
    if (config.timeout === 0) tools.mistake(".timeout", "a timeout of no time would refuse every call");
    const timeoutMs = config["timeout-ms"] ?? config.timeout;
    return {
      forward: {
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
        ...(config["follow-redirects"] === undefined ? {} : { followRedirects: config["follow-redirects"] }),
        ...(config["buffer-request-body"] === undefined ? {} : { bufferRequestBody: config["buffer-request-body"] }),
        ...(config["fail-on-error-status-code"] === undefined
          ? {}
          : { failOnErrorStatusCode: config["fail-on-error-status-code"] }),
      },
    };
  },
});
