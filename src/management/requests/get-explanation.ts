import { z } from "zod";
import { readStateAt } from "../../store/repositories/resources.ts";
import { defineOperation, type Operation } from "../operation.ts";
import { notFound } from "../resources/collection.ts";
import { explanationSchema } from "./explanation-schema.ts";
import { withLines } from "./step-lines.ts";

/** Everything that was decided about one call. */
export const getExplanation: Operation = defineOperation({
  id: "getExplanation",
  method: "GET",
  path: "/requests/{id}/explain",
  tag: "Traffic",
  summary: "Explain a call: every decision about it",
  description:
    "The id is the call's `X-Request-Id`. Kept are the newest calls that were asked for with a token (`POST /apis/{name}/explain-tokens`), those of the gateway's share, and failed ones; in memory of the control process that the gateway is connected to. Secrets were taken out at the gateway.",
  access: "traffic.read",
  params: z.object({ id: z.string().min(1).max(200) }),
  answers: { 200: { description: "The explanation.", schema: explanationSchema } },
  refusals: [404],
  run: async ({ tools, params }) => {
    const kept = tools.explanations.get(params.id);
    if (kept === undefined) throw notFound("explanation of a call", params.id);
    const { explanation, gateway } = kept;
    const { resources } = await readStateAt(tools.db, explanation.revision);
    const steps = withLines(explanation.steps, (kind, name) => resources.get(`${kind}/${name}`)?.resource.source);
    return { status: 200, json: { ...explanation, gateway, steps } };
  },
});
