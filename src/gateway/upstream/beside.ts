import { Fault } from "../../base/fault.ts";
import type { BesideBounds, BesideReply } from "../../exchange/exchange.ts";
import { collect } from "../wire/collect.ts";
import type { Wheel } from "../wire/wheel.ts";
import type { WireExchange } from "../wire/wire-exchange.ts";
import { Alarm } from "./alarm.ts";
import { StandIn } from "./call-subject.ts";
import { prepareCopy } from "./sending.ts";
import type { TraceIds } from "./trace-ids.ts";
import { Try, type TrySource } from "./try.ts";

/** Asks a backend beside a call, without the client's body, and holds the whole reply. */
export type AskBeside = (
  x: WireExchange,
  source: TrySource,
  bounds: BesideBounds,
  then: (reply: BesideReply | null) => void,
) => void;

/** Calls of this kind that one thread has under way at most: more get no answer. */
const runningMax = 64;

/** The calls beside others of one thread. `x` must not be used again for another call. */
export const createBesideCalls = (wheel: Wheel, traceIds: TraceIds): AskBeside => {
  let running = 0;
  return (x, source, bounds, then) => {
    if (!source.isOwn || running >= runningMax) {
      then(null);
      return;
    }
    running++;
    const { id, request, client, streams } = x;
    const subject = new StandIn({ id, request, client, streams, record: null });
    let isOver = false;
    const end = (reply: BesideReply | null): void => {
      if (isOver) return;
      isOver = true;
      running--;
      wheel.remove(late);
      subject.abandon();
      then(reply);
    };
    const late = new Alarm(() => end(null));
    wheel.set(late, bounds.timeoutMs);
    const answered = (body: Uint8Array): void => {
      const { status, headers } = subject.replyInTheMaking;
      end({ status, headers, body });
    };
    const attempt = new Try(x, subject, { timeoutMs: bounds.timeoutMs }, [], {
      tried: (asked) => {
        if (asked.refusal !== undefined || asked.failure !== "") end(null);
        else if (subject.body === null) answered(new Uint8Array());
        else collect(subject.body, bounds.bytesMax, tooLarge).then(answered, () => end(null));
      },
    });
    attempt.prepare = (target) => prepareCopy(subject, target, null, traceIds);
    source.begin(attempt);
  };
};

const tooLarge = (): Fault => new Fault("backend.reply_invalid", { public: "The reply is too large to be kept." });
