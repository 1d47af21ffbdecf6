import type { KeyObject } from "node:crypto";
import { type BoundedMap, boundedMap } from "../../base/bounded-map.ts";
import type { Clock } from "../../base/clock.ts";
import type { ExchangeOutcome, RouteFacts } from "../../exchange/exchange.ts";
import {
  type ExplainClaims,
  explainIdHeader,
  explainRefusedHeader,
  readExplainPublicKey,
  readExplainToken,
} from "../../model/explain-token.ts";
import type { ExplainedStep, Explanation } from "../../model/explanation.ts";
import type { CompiledApi } from "../compile/compiled-api.ts";
import type { EngineExchange } from "../engine.ts";
import { MessageBody } from "../wire/message-body.ts";
import { createBudget } from "./budget.ts";
import { CallRecord } from "./call-record.ts";
import { explanationOf, outcomeExplanation } from "./write-explanation.ts";

/** Which calls are recorded without being asked; per thread. */
export interface RecordingSettings {
  /** Share of all calls whose explanation is kept: 0 to 1. */
  readonly sampleRate: number;
  /** Failed calls (5xx, and requests that were none) whose outcome is kept, per minute. */
  readonly failuresPerMinute: number;
  /** Share of the calls that come without a trace of their own which are traced; null: nothing is exported. */
  readonly traceRate: number | null;
}

/** Decides at the head of each call whether it is recorded, and writes the record at its end. One per thread. */
export interface Recording {
  /** The key that tokens are signed with, as control delivers it. */
  takeKey(text: string): void;
  /** Before anything else is done with a call. Costs a look at one slot and two counters where nothing is recorded. */
  begin(x: EngineExchange): void;
  /** True while some operation has failed lately and its next calls are worth recording. */
  readonly isWatching: boolean;
  /** A call that is not recorded has reached an operation: records it where that one is watched; kept only if it fails. */
  watch(x: EngineExchange, route: RouteFacts): void;
  /** A recorded call has reached an API, or none. */
  reached(x: EngineExchange, api: CompiledApi | null): void;
  /** After the last byte of any call; `api` is the one that it reached, before the run lets go of it. */
  finished(x: EngineExchange, outcome: ExchangeOutcome, api: CompiledApi | null): void;
  /** Records written since the last time, as lines of JSON. */
  take(): string;
}

const askedPerSecond = 20;
const sampledPerSecond = 10;
const tracedPerSecond = 200;
/** Signatures that are verified; tokens that are known cost none. */
const verifiedPerSecond = 50;
const tokensKept = 100;
const watchedMax = 20;
const watchedCallsMax = 50;
const watchMs = 60_000;
const recordBytesMax = 256 * 1024;
const waitingBytesMax = 8 * 1024 * 1024;

/** A recording for one thread. `whenAsked` is called when a call that a token asked for has been written. */
export const createRecording = (settings: RecordingSettings, clock: Clock, whenAsked: () => void): Recording => {
  const asked = createBudget(askedPerSecond, 1000);
  const sampled = createBudget(sampledPerSecond, 1000);
  const traced = createBudget(tracedPerSecond, 1000);
  const verified = createBudget(verifiedPerSecond, 1000);
  const failed = createBudget(settings.failuresPerMinute, 60_000);
  const malformed = createBudget(settings.failuresPerMinute, 60_000);
  const tokens: BoundedMap<string, ExplainClaims> = boundedMap(tokensKept);
  let key: KeyObject | null = null;
  /** Operations that have failed lately, and how many of their calls may still be recorded for the sake of the next failure. */
  const watched = new Map<RouteFacts, { readonly callsLeft: number; readonly untilMs: number }>();
  let sampleAt = settings.sampleRate;
  let traceAt = settings.traceRate ?? 0;
  let waiting: string[] = [];
  let waitingBytes = 0;

  /** Claims of a token that counts, or why it does not. */
  const claimsOf = (token: string, nowMs: number): ExplainClaims | string => {
    let claims = tokens.get(token);
    if (claims === undefined) {
      if (key === null) return "invalid";
      if (!verified.take(nowMs)) return "too-many";
      const read = readExplainToken(token, key);
      if (read === null) return "invalid";
      tokens.set(token, read);
      claims = read;
    }
    if (claims.exp * 1000 <= nowMs) return "expired";
    return asked.take(nowMs) ? claims : "too-many";
  };

  const beginAsked = (x: EngineExchange, token: string, isTraced: boolean): void => {
    const claims = claimsOf(token, clock.nowMs());
    if (typeof claims === "string") {
      x.setReplyHeader(explainRefusedHeader, claims);
      return;
    }
    x.record = new CallRecord(x, {
      reason: "asked",
      hasChanges: true,
      isTraced,
      tokenApi: claims.api,
      bodyBytesMax: claims.bodies,
    });
  };

  /** After the caller's own decision where it made one (W3C Trace Context section 3.2.2.5), else our share. */
  const mustTrace = (x: EngineExchange): boolean => {
    if (settings.traceRate === null) return false;
    const given = x.clientTraceparent;
    if (given !== "") return (Number.parseInt(given.slice(53, 55), 16) & 1) === 1 && traced.take(clock.nowMs());
    traceAt += settings.traceRate;
    if (traceAt < 1) return false;
    traceAt -= 1;
    return traced.take(clock.nowMs());
  };

  const mustSample = (): boolean => {
    if (settings.sampleRate === 0) return false;
    sampleAt += settings.sampleRate;
    if (sampleAt < 1) return false;
    sampleAt -= 1;
    return sampled.take(clock.nowMs());
  };

  const write = (explanation: Explanation): void => {
    let text = JSON.stringify(explanation);
    if (text.length > recordBytesMax) text = JSON.stringify(shortened(explanation));
    if (text.length > recordBytesMax || waitingBytes + text.length > waitingBytesMax) return;
    waiting.push(text);
    waitingBytes += text.length;
  };

  return {
    takeKey: (text) => {
      key = readExplainPublicKey(text);
      tokens.clear();
    },
    begin: (x) => {
      const isTraced = mustTrace(x);
      const token = x.explainToken;
      if (token !== "") beginAsked(x, token, isTraced);
      if (x.record !== null) return;
      const isSampled = mustSample();
      if (!isSampled && !isTraced) return;
      x.record = new CallRecord(x, {
        reason: isSampled ? "sampled" : "traced",
        hasChanges: isSampled,
        isTraced,
        tokenApi: "",
        bodyBytesMax: 0,
      });
    },
    get isWatching() {
      return watched.size > 0;
    },
    watch: (x, route) => {
      const nowMs = clock.nowMs();
      // A route of an old table is never asked for again.
      for (const [old, { untilMs }] of watched) if (untilMs <= nowMs) watched.delete(old);
      const found = watched.get(route);
      if (found === undefined) return;
      if (found.callsLeft > 1) watched.set(route, { ...found, callsLeft: found.callsLeft - 1 });
      else watched.delete(route);
      x.record = new CallRecord(x, {
        reason: "failed",
        hasChanges: true,
        isTraced: false,
        tokenApi: "",
        bodyBytesMax: 0,
      });
    },
    reached: (x, api) => {
      const { record } = x;
      if (!(record instanceof CallRecord)) return;
      const { tokenApi } = record.options;
      if (api !== null && tokenApi !== "" && tokenApi !== api.name) {
        // A token shows the decisions of its own API only.
        x.record = null;
        x.setReplyHeader(explainRefusedHeader, "other-api");
        return;
      }
      if (tokenApi !== "") x.setReplyHeader(explainIdHeader, x.id);
      if (api !== null) record.redactor.reach(api.secretNames);
      const { body } = x.request;
      if (body instanceof MessageBody && body.source !== null) body.source = record.tap("request", body.source);
    },
    finished: (x, outcome, api) => {
      const { record } = x;
      if (record instanceof CallRecord) {
        if (record.options.reason === "failed") {
          if (outcome.status < 500) return;
          watched.delete(x.route);
          if (!failed.take(clock.nowMs())) return;
        }
        write(explanationOf(record, x, outcome));
        if (record.options.reason === "asked") whenAsked();
        return;
      }
      // A call that the run never saw: a head that was no request, or a gateway without a configuration.
      const isUnseen = x.revision === 0;
      if (outcome.status < 500 && !isUnseen) return;
      const isMalformed = isUnseen && outcome.status < 500;
      if (!(isMalformed ? malformed : failed).take(clock.nowMs())) return;
      if (x.route.operation !== "" && watched.size < watchedMax)
        watched.set(x.route, { callsLeft: watchedCallsMax, untilMs: clock.nowMs() + watchMs });
      const seen = x.route.operation === "" ? "no-operation" : "found";
      const route = isUnseen ? (isMalformed ? "malformed" : "not-ready") : seen;
      write(outcomeExplanation(x, outcome, route, api?.secretNames ?? null));
    },
    take: () => {
      const text = waiting.join("\n");
      if (waiting.length > 0) waiting = [];
      waitingBytes = 0;
      return text;
    },
  };
};

/** A record that is too long keeps its decisions and loses the details. */
const shortened = (explanation: Explanation): Explanation => ({
  ...explanation,
  steps: explanation.steps.map(bare),
  leftOut: explanation.leftOut + explanation.steps.length,
});

const bare = (step: ExplainedStep): ExplainedStep => ({ ...step, changes: [], notes: [], steps: step.steps.map(bare) });
