import { z } from "zod";
import { definePolicy, type Policy } from "../exchange/policy.ts";
import { durationAttribute } from "../exchange/policy-schema.ts";

const schema = z.strictObject({ total: durationAttribute.optional(), try: durationAttribute.optional() });

/** Bounds how long a call waits for its backend; see docs. */
export const timeout: Policy = definePolicy({
  name: "timeout",
  group: "routing",
  summary: "Bounds how long a call may wait for its backend: all tries together, and each of them.",
  docs: `Stands before \`forward-request\`.

| attribute | default | meaning |
| --- | --- | --- |
| \`total\` | none | until the reply's head is there, all tries, waits and other backends included; beyond it 504 \`backend.timeout\` |
| \`try\` | \`timeout\` of \`forward-request\`, else the backend's | of each try; a try that is too slow may be followed by another where \`retry\` says \`on: [timeout]\` |

At least one of the two. \`total\` counts from the moment when forwarding begins and is not moved by a request body that is still on its way; \`try\` begins anew with each part of the body that is sent. A bare value is \`total\`.`,
  sections: ["inbound", "backend"],
  schema,
  shorthand: "total",
  examples: [
    { title: "Three seconds in all, one for each try", config: { total: "3s", try: "1s" } },
    { title: "Ten seconds in all", config: "10s" },
  ],
  build: (config, tools) => {
    if (config.total === undefined && config.try === undefined) tools.mistake("", "give `total` or `try`");
    for (const name of ["total", "try"] as const)
      if (config[name] === 0) tools.mistake(`.${name}`, "a timeout of no time would refuse every call");
    if (config.total !== undefined && config.try !== undefined && config.try > config.total)
      tools.mistake(".try", "`try` is longer than `total`");
    const asked = {
      ...(config.total === undefined ? {} : { totalTimeoutMs: config.total }),
      ...(config.try === undefined ? {} : { tryTimeoutMs: config.try }),
    };
    return (x) => {
      x.forwarding = { ...x.forwarding, ...asked };
    };
  },
});
