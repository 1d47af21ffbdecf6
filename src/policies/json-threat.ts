import { z } from "zod";
import { isJsonType, mediaTypeOf } from "../exchange/changed-body.ts";
import { bodyWithin } from "../exchange/held-body.ts";
import { jsonScanner } from "../exchange/json-limits.ts";
import { definePolicy, type Policy } from "../exchange/policy.ts";
import { refuse } from "../exchange/refuse.ts";

const count = (fallback: number, max: number) => z.int().min(1).max(max).default(fallback);

const schema = z.strictObject({
  "max-depth": count(32, 1000),
  "max-properties": count(1000, 1_000_000),
  "max-elements": count(10_000, 1_000_000),
  "max-name-length": count(256, 65_536),
  "max-string-length": count(65_536, 8 * 1024 * 1024),
  "max-number-length": count(32, 1000),
  "duplicate-names": z.enum(["refuse", "allow"]).default("refuse"),
  "max-size": count(1024 * 1024, 8 * 1024 * 1024),
});

/** Refuses JSON that is made to hurt whoever parses it; see docs. */
export const jsonThreat: Policy = definePolicy({
  name: "json-threat",
  group: "validation",
  summary: "Refuses JSON bodies that exceed limits of depth, width and length, or name a property twice.",
  docs: `| attribute | default | meaning |
| --- | --- | --- |
| \`max-depth\` | 32 | objects and lists within each other |
| \`max-properties\` | 1000 | of one object |
| \`max-elements\` | 10000 | of one list |
| \`max-name-length\` | 256 | bytes of a property's name |
| \`max-string-length\` | 65536 | bytes of a text |
| \`max-number-length\` | 32 | characters of a number |
| \`duplicate-names\` | \`refuse\` | the same name twice in an object: parsers differ in which one they believe |
| \`max-size\` | 1048576 | bytes of the body, behind its content coding |

Looks at \`application/json\` and \`+json\` alone. The text is scanned without being parsed into values: depth costs one entry, not memory of the body's size. What is not JSON after RFC 8259 is refused as well. Answers 400 \`request.structure_refused\`, 413 for the size; the same bytes go on.`,
  sections: ["inbound"],
  schema,
  examples: [
    { title: "The defaults", config: {} },
    { title: "Flat and small", config: { "max-depth": 4, "max-size": 8192, "duplicate-names": "allow" } },
  ],
  build: (config) => {
    const limits = {
      depth: config["max-depth"],
      entries: config["max-properties"],
      elements: config["max-elements"],
      nameLength: config["max-name-length"],
      stringLength: config["max-string-length"],
      numberLength: config["max-number-length"],
      allowsDuplicates: config["duplicate-names"] === "allow",
    };
    return async (x) => {
      if (x.request.body.isEmpty || !isJsonType(mediaTypeOf(x.request.headers))) return undefined;
      const bytes = await bodyWithin(x.request, config["max-size"]);
      if (bytes === null) return refuse("request.body_too_large");
      const scanner = jsonScanner(limits);
      const fault = scanner.push(bytes) ?? scanner.end();
      if (fault === null) return undefined;
      x.record?.note("refused", fault);
      return refuse("request.structure_refused", { detail: `The body is refused: ${fault}.` });
    };
  },
});
