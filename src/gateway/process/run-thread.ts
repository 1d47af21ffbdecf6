import type { MessagePort } from "node:worker_threads";
import { systemClock } from "../../base/clock.ts";
import { messageOf, systemCodeOf } from "../../base/fault.ts";
import type { Log } from "../../base/log.ts";
import type { Exchange, ExchangeOutcome } from "../../exchange/exchange.ts";
import type { MetricSink } from "../../exchange/metric-sink.ts";
import type { ApiUnit, UnitError } from "../../model/snapshot.ts";
import type { Lists } from "../compile/compile-tools.ts";
import type { Finished } from "../engine.ts";
import { outboundFetch } from "../outbound-fetch.ts";
import { createRecording } from "../record/recording.ts";
import { createOverload } from "../run/overload.ts";
import { createRun } from "../run/run.ts";
import { createUrlBackends } from "../run/url-backends.ts";
import { createAccessReader } from "../shared/access-table.ts";
import { attachBackendTable, processNowMs } from "../shared/backend-table.ts";
import { attachCounters } from "../shared/counters.ts";
import { attachStore } from "../shared/shared-store.ts";
import { createSharedState } from "../shared-state.ts";
import { createSwap } from "../swap.ts";
import { createFront } from "../tls/front.ts";
import { createTlsDoor, tlsCounters } from "../tls/tls-door.ts";
import { createUpstreams } from "../upstream/upstreams.ts";
import { Wheel } from "../wire/wheel.ts";
import { createWire } from "../wire/wire.ts";
import { beatIntervalMs, type FromThread, type ThreadStart, type ToThread, type UnitText } from "./thread-messages.ts";

/** Who watches the exchanges of a thread; the gateway itself keeps no statistics. */
export interface ThreadObserver {
  finished(x: Exchange, outcome: ExchangeOutcome): void;
  tick(gauges: {
    readonly inFlight: number;
    readonly connections: number;
    readonly eventLoopLagMs: number;
    readonly heapUsedBytes: number;
    readonly revision: number;
    readonly upstreamConnections: number;
    readonly upgraded: number;
    readonly eventStreams: number;
  }): void;
  takeRecent(): string;
  /** Metrics that policies define. */
  readonly metrics: MetricSink;
  takeMetrics(): readonly unknown[];
  reopenLog(): void;
  close(): Promise<void>;
}

/** What a thread of the gateway is put together from, once it knows its start. */
export interface ThreadParts {
  readonly lists: Lists;
  readonly observer: ThreadObserver;
  readonly log: Log;
}

/** Waits on `port` for the start, then serves calls on this thread until it is told to drain. Everything is loaded before the start comes. */
export const awaitStart = (port: MessagePort, partsOf: (start: ThreadStart) => ThreadParts): void => {
  port.once("message", (message: ToThread) => {
    if (message.type === "start") runThread(message.start, port, partsOf(message.start));
  });
};

/** How often recent records go to the main thread. */
const recentEveryTicks = 3;
const heapEveryTicks = 10;

const runThread = (start: ThreadStart, port: MessagePort, { lists, observer, log }: ThreadParts): void => {
  const clock = systemClock;
  const wheel = new Wheel(clock);
  const access = createAccessReader(start.access);
  // The wheel's clock is this thread's own; times in shared memory are the process's.
  const aheadMs = processNowMs() - clock.monotonicMs();
  const table = attachBackendTable(start.backends, start.thread, () => wheel.nowMs + aheadMs);
  const upstreams = createUpstreams({ clock, log, wheel, table, zone: start.zone });
  const upstream = upstreams.to;
  const swap = createSwap({
    lists,
    clock,
    log,
    counters: attachCounters(start.counters, start.thread),
    store: attachStore(start.store, start.thread),
    shared: createSharedState(),
    findKey: access.find,
    fetch: outboundFetch,
    metrics: observer.metrics,
    upstream,
    cluster: upstreams.cluster,
    breaker: upstreams.breaker,
    budget: upstreams.budget,
  });
  const urlBackends = createUrlBackends({ kinds: lists.backends, log, upstream });
  const recording = createRecording(start.recording, clock, () => setImmediate(tellExplained));
  const overload = createOverload(
    () => wire.exchangeCount - wire.streams.upgraded - wire.streams.events,
    start.overload,
  );
  const run = createRun({
    overload,
    table: swap.table,
    urlBackends,
    deliver: upstreams.deliver,
    askBeside: upstreams.askBeside,
    log,
    recording,
  });
  const finished: Finished = (x, outcome) => {
    recording.finished(x, outcome, run.apiOf(x));
    run.finished(x, outcome);
    observer.finished(x, outcome);
  };
  const front = createFront(run.dispatch);
  const door = createTlsDoor({
    wheel,
    counters: new Uint32Array(start.handshakes, start.thread * tlsCounters.length * 4, tlsCounters.length),
  });
  const wire = createWire({
    dispatch: front.dispatch,
    finished,
    limits: start.limits,
    trustedProxies: start.trustedProxies,
    clock,
    log,
    wheel,
  });
  const tell = (message: FromThread): void => port.postMessage(message);
  const tellExplained = (): void => {
    const lines = recording.take();
    if (lines !== "") tell({ type: "explained", lines });
  };

  const beats = new Int32Array(start.beats);
  let ticks = 0;
  let expectedMs = performance.now() + beatIntervalMs;
  let heapUsedBytes = 0;
  const tick = (): void => {
    Atomics.add(beats, start.thread, 1);
    const nowMs = performance.now();
    const eventLoopLagMs = Math.max(0, nowMs - expectedMs);
    expectedMs = nowMs + beatIntervalMs;
    overload.lagged(eventLoopLagMs);
    ticks += 1;
    if (ticks % heapEveryTicks === 1) heapUsedBytes = process.memoryUsage().heapUsed;
    observer.tick({
      inFlight: wire.exchangeCount,
      connections: wire.connectionCount,
      eventLoopLagMs,
      heapUsedBytes,
      revision: swap.table()?.revision ?? 0,
      upstreamConnections: upstreams.connectionCount,
      upgraded: wire.streams.upgraded,
      eventStreams: wire.streams.events,
    });
    if (ticks % recentEveryTicks !== 0) return;
    const lines = observer.takeRecent();
    if (lines !== "") tell({ type: "recent", lines });
    tellExplained();
    const rows = observer.takeMetrics();
    if (rows.length > 0) tell({ type: "metrics", rows });
  };
  const beating = setInterval(tick, beatIntervalMs);
  tick();

  const drain = async (deadlineMs: number): Promise<void> => {
    await wire.drain(deadlineMs);
    clearInterval(beating);
    tick();
    tellExplained();
    await observer.close();
    upstreams.close();
    urlBackends.dispose();
    swap.dispose();
    wheel.close();
    tell({ type: "drained" });
    port.close();
  };

  // What the thread must do in order; a wait in one of them holds the next.
  let last: Promise<unknown> = Promise.resolve();
  const inOrder = (act: () => Promise<unknown>): void => {
    last = last.then(act).catch((thrown: unknown) => {
      log.error("a message to a gateway thread failed", { thread: start.thread, error: thrown });
    });
  };

  port.on("message", (message: ToThread) => {
    if (message.type === "apply") {
      const { sequence, change } = message;
      inOrder(async () => {
        const { units, unreadable } = await parseUnits(change.units);
        // Not awaited: changes that come while one compiles are joined by the swap.
        const told = swap.apply({ ...change, units }).then(
          (errors) =>
            tell({ type: "applied", sequence, errors: [...errors, ...unreadable], revision: change.revision }),
          (thrown: unknown) => {
            const { revision } = change;
            log.error("a change could not be applied", { thread: start.thread, revision, error: thrown });
            // An answer all the same: whoever waits for it would take no later change either.
            const errors = change.units.map((unit) => unitError(unit, "The unit could not be applied."));
            tell({ type: "applied", sequence, errors, revision });
          },
        );
        if (swap.table() === null) await told;
      });
    } else if (message.type === "access") {
      access.use(message.buffers);
      tell({ type: "access-used", sequence: message.sequence });
    } else if (message.type === "listen") {
      inOrder(async () => {
        try {
          const address = await wire.listen({ port: message.port, host: start.host, reusePort: true });
          tell({ type: "listening", port: address.port });
        } catch (thrown) {
          tell({ type: "listen-failed", code: systemCodeOf(thrown) ?? "", message: messageOf(thrown) });
        }
      });
    } else if (message.type === "listen-tls") {
      inOrder(async () => {
        try {
          const { port: httpsPort } = await wire.listen({
            port: message.port,
            host: start.host,
            reusePort: true,
            tls: door,
          });
          front.takeHttpsPort(httpsPort);
          tell({ type: "listening-tls", port: httpsPort });
        } catch (thrown) {
          tell({ type: "listen-tls-failed", code: systemCodeOf(thrown) ?? "", message: messageOf(thrown) });
        }
      });
    } else if (message.type === "tls") {
      front.use(message.state);
      // The main thread has tried them all: what cannot be used here has been told there.
      for (const { certificate, message: reason } of door.use(message.state, message.ticketSecret))
        log.error("a thread cannot use a certificate", { thread: start.thread, certificate, reason });
    } else if (message.type === "challenges") front.takeChallenges(message.answers);
    else if (message.type === "reopen-log") observer.reopenLog();
    else if (message.type === "explain-key") recording.takeKey(message.key);
    else if (message.type === "drain") inOrder(() => drain(message.deadlineMs));
  });
};

/** Parses units with a turn of the loop between big ones, so that calls do not wait for all of them. */
const parseUnits = async (
  texts: readonly UnitText[],
): Promise<{ readonly units: readonly ApiUnit[]; readonly unreadable: readonly UnitError[] }> => {
  const units: ApiUnit[] = [];
  const unreadable: UnitError[] = [];
  let parsedLength = 0;
  for (const unit of texts) {
    const { text } = unit;
    parsedLength += text.length;
    if (parsedLength > 256 * 1024) {
      await new Promise((resolve) => setImmediate(resolve));
      parsedLength = 0;
    }
    try {
      // Our own main thread wrote it from what it had checked.
      units.push(JSON.parse(text) as ApiUnit);
    } catch {
      // It harms no other unit.
      unreadable.push(unitError(unit, "The unit cannot be read."));
    }
  }
  return { units, unreadable };
};

const unitError = ({ api, hash }: UnitText, message: string): UnitError => ({ api, hash, message, findings: [] });
