import { z } from "zod";
import {
  explainBodyBytesMax,
  explainHeader,
  explainIdHeader,
  explainSecondsMax,
  signExplainToken,
} from "../../model/explain-token.ts";
import { findIn } from "../change.ts";
import { defineOperation, type Operation } from "../operation.ts";
import { nameParamsSchema, notFound } from "../resources/collection.ts";

const secondsDefault = 600;

/** A token with which calls of one API ask to be explained. Nothing is stored: it ends by itself. */
export const postExplainToken: Operation = defineOperation({
  id: "postExplainToken",
  method: "POST",
  path: "/apis/{name}/explain-tokens",
  tag: "Traffic",
  summary: "Make a token that has calls explained",
  description: `A call that carries it in \`${explainHeader}\` is explained; its reply names the id in \`${explainIdHeader}\`. It opens nothing else.`,
  access: "traffic.read",
  isRead: true,
  isBodyOptional: true,
  params: nameParamsSchema,
  body: z.strictObject({
    seconds: z.int().min(1).max(explainSecondsMax).default(secondsDefault).describe("How long it counts."),
    bodyBytes: z
      .int()
      .min(0)
      .max(explainBodyBytesMax)
      .default(0)
      .describe(
        "Bytes of the request's and the reply's body that are kept; 0: none. Secrets in bodies are taken out only as far as they are known.",
      ),
  }),
  answers: {
    200: {
      description: "The token.",
      schema: z
        .object({ token: z.string(), header: z.string(), api: z.string(), expiresAt: z.iso.datetime() })
        .meta({ id: "ExplainToken" }),
    },
  },
  refusals: [404],
  run: async ({ tools, params, body }) => {
    const { resources } = await tools.configuration.read();
    if (findIn(resources, "api", params.name) === undefined) throw notFound("API", params.name);
    const { seconds = secondsDefault, bodyBytes = 0 } = body ?? {};
    const iat = Math.floor(tools.clock.nowMs() / 1000);
    const exp = iat + seconds;
    const token = signExplainToken({ api: params.name, iat, exp, bodies: bodyBytes }, tools.explainKey);
    const expiresAt = new Date(exp * 1000).toISOString();
    return { status: 200, json: { token, header: explainHeader, api: params.name, expiresAt } };
  },
});
