import type { MirrorRule } from "../../exchange/delivery-rules.ts";
import { noSink } from "../wire/body-reader.ts";
import type { Wheel } from "../wire/wheel.ts";
import type { WireExchange } from "../wire/wire-exchange.ts";
import { Alarm } from "./alarm.ts";
import { StandIn } from "./call-subject.ts";
import { prepareCopy } from "./sending.ts";
import type { TraceIds } from "./trace-ids.ts";
import { Try, type TrySource } from "./try.ts";

/** Copies of requests to other backends, beside the calls: nobody waits for them. */
export interface Mirrors {
  /** Sends a copy with this body; answers false where too many are under way. `x` must not be used again for another call. */
  send(x: WireExchange, source: TrySource, rule: MirrorRule, body: Buffer | null): boolean;
}

/** The mirrors of one thread; each rule has its own bound. */
export const createMirrors = (wheel: Wheel, traceIds: TraceIds): Mirrors => {
  const running = new WeakMap<MirrorRule, number>();
  return {
    send: (x, source, rule, body) => {
      const count = running.get(rule) ?? 0;
      if (!source.isOwn || x.request.upgrade !== "" || count >= rule.runningMax) return false;
      running.set(rule, count + 1);
      const { id, request, client, streams } = x;
      const subject = new StandIn({ id, request, client, streams, record: null });
      let isOver = false;
      const end = (): void => {
        if (isOver) return;
        isOver = true;
        wheel.remove(late);
        running.set(rule, (running.get(rule) ?? 1) - 1);
        subject.abandon();
      };
      const late = new Alarm(end);
      wheel.set(late, rule.timeoutMs);
      const options = { timeoutMs: rule.timeoutMs };
      const attempt = new Try(x, subject, options, [], {
        tried: (mirrored) => {
          const { body: reply } = subject;
          if (mirrored.refusal !== undefined || reply === null) end();
          // Read to its end, so that the connection can be used again; the deadline bounds it.
          else reply.start({ ...noSink, end, fail: end }, false);
        },
      });
      attempt.prepare = (target) => prepareCopy(subject, target, body, traceIds);
      source.begin(attempt);
      return true;
    },
  };
};
