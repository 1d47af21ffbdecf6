import { z } from "zod";
import type { Exchange, StepResult } from "../exchange/exchange.ts";
import { bodyWithin } from "../exchange/held-body.ts";
import { definePolicy, type Policy } from "../exchange/policy.ts";
import { refuse } from "../exchange/refuse.ts";

const schema = z.strictObject({
  "max-size": z
    .int()
    .min(0)
    .max(16 * 1024 * 1024),
});

const docs = `| attribute | default | meaning |
| --- | --- | --- |
| \`max-size\` | required | bytes of the request's body, as it comes over the wire; at most 16 MiB |

A declared length is refused before a byte of the body is read; a chunked body is held until it ends or exceeds the limit, so that the backend never sees the beginning of one that is too large. Answers 413 \`request.body_too_large\`.`;

const build =
  (config: z.output<typeof schema>) =>
  (x: Exchange): StepResult | Promise<StepResult> => {
    const { body } = x.request;
    const { length } = body.whole === undefined ? body : { length: body.whole.byteLength };
    if (length !== undefined) return length > config["max-size"] ? refuse("request.body_too_large") : undefined;
    return bodyWithin(x.request, config["max-size"]).then((bytes) =>
      bytes === null ? refuse("request.body_too_large") : undefined,
    );
  };

const sizePolicy = (name: string, summary: string): Policy =>
  definePolicy({
    name,
    group: "validation",
    summary,
    docs,
    sections: ["inbound"],
    schema,
    shorthand: "max-size",
    examples: [{ title: "One megabyte", config: { "max-size": 1048576 } }],
    build,
  });

/** Limits the body of a request; see docs. */
export const requestSize: Policy = sizePolicy("request-size", "Limits the bytes of a request's body.");
/** The same under the name that other gateways give it. */
export const bodyLimit: Policy = sizePolicy("body-limit", "The same as `request-size`.");
