import { messageOf } from "../../base/fault.ts";
import type { Log } from "../../base/log.ts";
import type { Explanation } from "../../model/explanation.ts";

/** Explanations on their way from the threads to control. In memory and bounded: they are for people who look now. */
export interface ExplanationOutbox {
  /** Lines of JSON from a thread; `seen` is told each of them. */
  add(lines: string, seen: (explanation: Explanation) => void): void;
  /** Sends what waits. Never rejects. */
  flush(): Promise<void>;
}

/** More that wait are dropped, and told in the log. */
const waitingMax = 200;

/** An outbox; `send` answers null while control is away. */
export const createExplanationOutbox = (
  log: Log,
  isControlled: boolean,
  send: (records: readonly Explanation[]) => Promise<void> | null,
): ExplanationOutbox => {
  let waiting: Explanation[] = [];
  let lost = 0;

  const flush = async (): Promise<void> => {
    if (waiting.length === 0) return;
    const records = waiting;
    const sent = send(records);
    if (sent === null) return;
    waiting = [];
    try {
      await sent;
    } catch (thrown) {
      lost += records.length;
      log.info("control did not take explanations", { reason: messageOf(thrown) });
    }
    if (lost > 0) log.warn("explanations were dropped", { count: lost });
    lost = 0;
  };

  return {
    add: (lines, seen) => {
      let isAwaited = false;
      for (const line of lines.split("\n")) {
        // Our own threads wrote it.
        const explanation = JSON.parse(line) as Explanation;
        seen(explanation);
        if (!isControlled || explanation.reason === "traced") continue;
        if (waiting.length >= waitingMax) lost += 1;
        else waiting.push(explanation);
        if (explanation.reason === "asked") isAwaited = true;
      }
      // Somebody waits for it.
      if (isAwaited) void flush();
    },
    flush,
  };
};
