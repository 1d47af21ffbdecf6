import { z } from "zod";
import { mockReply, pickMock } from "../exchange/mock-answer.ts";
import { definePolicy, type Policy } from "../exchange/policy.ts";
import { statusAttribute } from "../exchange/policy-schema.ts";
import { emptyReply } from "../exchange/reply.ts";

const schema = z.strictObject({
  "status-code": statusAttribute.default(200),
  "content-type": z.string().min(1).max(200).optional(),
  index: z.int().min(0).max(999).optional(),
});

/** Answers from the API's document; see docs. */
export const mockResponse: Policy = definePolicy({
  name: "mock-response",
  group: "transformation",
  summary: "Answers from the examples in the API's document, else with values made from its schemas.",
  docs: `| attribute | default | meaning |
| --- | --- | --- |
| \`status-code\` | 200 | the response of the document to answer with |
| \`content-type\` | what \`Accept\` likes best | the media type |
| \`index\` | 0 | which of several examples, counted from 0 |

Examples come first, then a value generated from the schema; where the document has neither for that status and media type, the reply is empty.`,
  sections: ["inbound", "outbound", "on-error"],
  schema,
  examples: [
    { title: "The first example of 200", config: {} },
    { title: "An error for tests", config: { "status-code": 404, "content-type": "application/problem+json" } },
  ],
  build: (config, tools) => (x) => {
    const ofOperation = tools.target.mocks.length > 0 ? tools.target.mocks : tools.mocksOf(x.route.operation);
    const answer = pickMock(ofOperation, {
      status: config["status-code"],
      mediaType: config["content-type"],
      index: config.index,
      accept: x.request.headers.get("accept"),
    });
    return answer === undefined ? emptyReply(config["status-code"]) : mockReply(answer);
  },
});
