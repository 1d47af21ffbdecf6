import { z } from "zod";
import { durationMs } from "../base/duration.ts";
import { type BackendKind, defineBackend } from "../exchange/backend.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { type MockAnswer, mockReply, pickMock } from "../exchange/mock-answer.ts";
import { durationText } from "../exchange/policy-schema.ts";
import { emptyReply, type Reply } from "../exchange/reply.ts";

const schema = z.strictObject({
  kind: z.literal("mock"),
  delay: durationText.optional(),
});

/** The longest delay: longer ones would only hold exchanges. */
const mockDelayMsMax = 60_000;

/**
 * Answers from the API's own document. `Prefer: code=404` and `Prefer: example=1` (counted from 0) choose among the answers, `Accept` the
 * media type; without a wish the first 2xx answers, and 204 where the document has none.
 */
export const mockBackend: BackendKind = defineBackend({
  kind: "mock",
  summary: "Answers from the API's own document: its examples, else values made from its schemas.",
  schema,
  build: (config, tools) => {
    const delayMs = config.delay === undefined ? 0 : (durationMs(config.delay) ?? 0);
    if (delayMs > mockDelayMsMax) tools.mistake(".delay", `at most ${mockDelayMsMax / 1000} s`);
    const waiting = new Set<NodeJS.Timeout>();
    return {
      send: (x, _options, settled) => {
        const reply = answerOf(x, tools.mocksOf(x.route.operation));
        if (delayMs === 0) settled(reply);
        else waitThen(delayMs, waiting, () => settled(reply));
      },
      dispose: () => {
        // Exchanges that still wait belong to a table that ends after them, so nothing is left unless the thread itself ends.
        for (const timer of waiting) clearTimeout(timer);
        waiting.clear();
      },
    };
  },
});

const waitThen = (delayMs: number, waiting: Set<NodeJS.Timeout>, then: () => void): void => {
  const timer = setTimeout(() => {
    waiting.delete(timer);
    then();
  }, delayMs);
  waiting.add(timer);
};

const answerOf = (x: Exchange, answers: readonly MockAnswer[]): Reply => {
  if (answers.length === 0) return emptyReply(204);
  const wish = preferences(x.request.headers.get("prefer"));
  const accept = x.request.headers.get("accept");
  const answer =
    pickMock(answers, { status: wish.code, index: wish.example, accept }) ??
    pickMock(answers, { status: wish.code, accept }) ??
    pickMock(answers, { accept });
  return answer === undefined ? emptyReply(204) : mockReply(answer);
};

/** `code` and `example` of a `Prefer` field (RFC 7240 section 2); a wish that is not understood is ignored, as the RFC asks. */
const preferences = (field: string | undefined): { code?: number; example?: number } => {
  const wish: { code?: number; example?: number } = {};
  for (const preference of field?.slice(0, 500).split(/[,;]/) ?? []) {
    const match = /^\s*(code|example)\s*=\s*"?(\d{1,3})"?\s*$/i.exec(preference);
    if (!match) continue;
    if (match[1]?.toLowerCase() === "code") wish.code = Number(match[2]);
    else wish.example = Number(match[2]);
  }
  return wish;
};
