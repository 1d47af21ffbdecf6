import { Fault, messageOf } from "../../base/fault.ts";
import type { Log } from "../../base/log.ts";
import type { BuiltBackend, Settled } from "../../exchange/backend.ts";
import type { ForwardOptions } from "../../exchange/exchange.ts";
import { type GatewayProblemCode, gatewayProblems } from "../../exchange/problems.ts";
import { refuse } from "../../exchange/refuse.ts";
import { emptyReply, type Reply } from "../../exchange/reply.ts";
import { type CompiledApi, type CompiledRoute, pipelineFor } from "../compile/compiled-api.ts";
import { type CompiledStep, isWaiting, StepFault } from "../compile/compiled-step.ts";
import type { Pipeline } from "../compile/pipeline.ts";
import { redactedLog } from "../compile/redacted-log.ts";
import type { Dispatch, EngineExchange, Finished, ReplyStep } from "../engine.ts";
import { CallRecord } from "../record/call-record.ts";
import { recordedPipeline } from "../record/recorded-pipeline.ts";
import { recordedList } from "../record/recorded-steps.ts";
import type { Recording } from "../record/recording.ts";
import { parametersOf } from "../router/path-template.ts";
import type { Table } from "../table.ts";
import type { NamedBackends, Upstreams } from "../upstream/upstreams.ts";
import { BackendStatusFault, ForwardRefused } from "./forward-fault.ts";
import type { Overload } from "./overload.ts";
import { type Continuation, RunState } from "./run-state.ts";
import type { UrlBackends } from "./url-backends.ts";

type Deliver = Upstreams["deliver"];

/** What a run needs from its thread. */
export interface RunTools {
  /** The pointer; null until there is a configuration. */
  table(): Table | null;
  readonly urlBackends: UrlBackends;
  /** Sends a call for which policies asked more than one plain sending. */
  readonly deliver: Deliver;
  readonly askBeside: Upstreams["askBeside"];
  readonly log: Log;
  /** Absent where every call is taken. */
  readonly overload?: Overload;
  /** Absent where nothing is ever recorded. */
  readonly recording?: Recording;
}

/** What decides about calls on one thread. Both functions are the wire's: neither throws. */
export interface Run {
  readonly dispatch: Dispatch;
  /** To be told about every exchange, also about those refused before dispatch. */
  readonly finished: Finished;
  /** The API that an exchange runs on; null where it has reached none, or has ended. */
  apiOf(x: EngineExchange): CompiledApi | null;
}

const statesMax = 1024;

/** Routes each exchange and runs its pipeline: a plain loop that goes asynchronous only when a step waits. */
export const createRun = (tools: RunTools): Run => {
  const pool: RunState[] = [];

  const { recording, overload } = tools;

  const dispatch: Dispatch = (x) => {
    try {
      recording?.begin(x);
      // It asks about the gateway and not about an API (RFC 9110 section 9.3.7).
      if (x.request.method === "OPTIONS" && x.request.path === "*") {
        x.isReusable = true;
        x.answer(emptyReply(204));
        return;
      }
      const table = tools.table();
      if (table === null) {
        if (x.record !== null) recordUnrouted(x, null, "not-ready");
        refuseUnrouted(x, "gateway.not_ready");
        return;
      }
      x.revision = table.revision;
      const { request } = x;
      const api = table.index.find(request);
      if (api === undefined) {
        if (x.record !== null) recordUnrouted(x, null, table.index.hasOtherVersions ? "no-version" : "no-api");
        refuseUnrouted(x, "route.not_found");
        return;
      }
      const rest = request.path.slice(table.index.restStart);
      begin(x, api, rest === "" ? "/" : rest);
    } catch (thrown) {
      giveUp(x, thrown);
    }
  };

  const begin = (x: EngineExchange, api: CompiledApi, rest: string): void => {
    const { request } = x;
    if (request.method === "OPTIONS" && beginPreflight(x, api, rest)) return;
    const route = api.operations.find(request.method, rest, request.query);
    if (route === null) unrouted(x, api, rest);
    else start(x, route, rest, false);
  };

  /** Says in the record why a call has no route. */
  const recordUnrouted = (
    x: EngineExchange,
    api: CompiledApi | null,
    outcome: CallRecord["route"]["outcome"],
    message = "",
  ): void => {
    recording?.reached(x, api);
    if (x.record instanceof CallRecord) x.record.route = { outcome, message };
  };

  const start = (x: EngineExchange, route: CompiledRoute, rest: string, isPreflight: boolean): void => {
    if (recording?.isWatching === true && x.record === null) recording.watch(x, route.facts);
    if (x.record !== null) recording?.reached(x, route.api);
    x.route = route.facts;
    if (overload?.sheds(route.api.priority) === true) {
      refuseUnrouted(x, "gateway.overloaded", [["retry-after", overload.retryAfter]]);
      return;
    }
    x.streams = route.streams;
    x.request.upstreamPath = rest;
    x.forwarder = forwarder;
    x.besideAsker = askBeside;
    if (route.template.hasParameters) x.setParams(() => parametersOf(route.template, rest));
    const state = pool.pop() ?? new RunState(continuation);
    state.x = x;
    state.route = route;
    state.pipeline = formOf(x, route.pipeline);
    x.runState = state;
    route.api.begin();
    const first = isPreflight ? (route.preflight ?? []) : route.protectList;
    state.phase = isPreflight ? "preflight" : "protect";
    state.list = x.record === null ? first : recordedList(first);
    advance(state);
  };

  /** A CORS preflight is answered by the policies of the operation that it asks about (Fetch standard, section 3.2.2). */
  const beginPreflight = (x: EngineExchange, api: CompiledApi, rest: string): boolean => {
    const method = x.request.headers.get("access-control-request-method");
    if (method === undefined || !x.request.headers.has("origin")) return false;
    const route = api.operations.find(method, rest, x.request.query);
    if (route === null || route.preflight === null) return false;
    start(x, route, rest, true);
    return true;
  };

  const unrouted = (x: EngineExchange, api: CompiledApi, rest: string): void => {
    x.route = api.facts;
    const { method, query } = x.request;
    const allowed = api.operations.allowed(rest, query);
    if (x.record !== null) {
      const outcome = allowed.length === 0 ? "no-operation" : method === "OPTIONS" ? "options" : "wrong-method";
      recordUnrouted(x, api, outcome, allowed.join(", "));
    }
    if (allowed.length === 0) refuseUnrouted(x, "route.not_found");
    else if (method !== "OPTIONS") refuseUnrouted(x, "route.method_not_allowed", [["allow", allowed.join(", ")]]);
    else {
      x.isReusable = true;
      x.answer(automaticOptions(api, rest, query));
    }
  };

  const advance = (state: RunState): void => {
    const { x } = state;
    if (x === null) return;
    state.isBusy = true;
    for (;;) {
      try {
        const step = state.list[state.index];
        if (step === undefined) {
          if (!enterNext(state, x)) return;
          continue;
        }
        state.index += 1;
        if (step.forward !== null) {
          if (!startForward(state, x, step.forward) || !afterForward(state, x, step.forward)) return;
          continue;
        }
        const result = step.step(x);
        if (state.isFinished) return;
        if (result === undefined) continue;
        if (isWaiting(result)) {
          state.waiting = "step";
          state.hasWaited = true;
          state.isBusy = false;
          result.then(state.resumed, state.failed);
          return;
        }
        if (!conclude(state, x, result)) return;
      } catch (thrown) {
        if (!handleThrown(state, x, thrown)) return;
      }
    }
  };

  const enter = (state: RunState, phase: RunState["phase"], list: RunState["list"]): true => {
    state.phase = phase;
    state.list = list;
    state.index = 0;
    return true;
  };

  /**
   * Sends the reply, or with null the one that is in the exchange. From here on the state is not ours: the wire may end the exchange
   * and begin the next one, with this very state, before it returns. So the answer is always false: stop.
   */
  const send = (state: RunState, x: EngineExchange, reply: Reply | null): false => {
    state.phase = "answered";
    state.isBusy = false;
    x.isReusable = !state.hasWaited;
    try {
      if (reply === null) x.deliver();
      else x.answer(reply);
    } catch (thrown) {
      tools.log.error("a reply could not be sent", { requestId: x.id, error: thrown });
    }
    return false;
  };

  /** True where the call goes on. */
  const enterNext = (state: RunState, x: EngineExchange): boolean => {
    const { route, pipeline } = state;
    if (route === null || pipeline === null) return false;
    if (state.phase === "protect") {
      // Only now is the caller known, and with it the product and plan whose policies apply.
      const own = pipelineFor(route, x.caller);
      if (own === null) return conclude(state, x, refuse("subscription.forbidden"));
      const pipelineOfCaller = formOf(x, own);
      state.pipeline = pipelineOfCaller;
      return enter(state, "inbound", pipelineOfCaller.inbound);
    }
    if (state.phase === "inbound") return enter(state, "backend", pipeline.backend);
    if (state.phase === "backend") {
      // A backend section that calls no backend: as in Azure API Management the reply is then an empty 200.
      if (x.reply === null) x.setReply(emptyReply(200));
      return enter(state, "outbound", pipeline.outbound);
    }
    if (state.phase === "outbound") {
      const steps = x.takeReplySteps();
      if (steps !== null) {
        const left = steps.map(compiledReplyStep);
        return enter(state, "outbound", x.record === null ? left : recordedList(left));
      }
    }
    if (state.phase === "preflight") return endPreflight(state, x, route);
    return send(state, x, null);
  };

  /** After a preflight that no policy answered: the document's own OPTIONS operation, or the automatic one. */
  const endPreflight = (state: RunState, x: EngineExchange, route: CompiledRoute): boolean => {
    const rest = x.request.upstreamPath;
    const own = route.api.operations.find("OPTIONS", rest, x.request.query);
    if (own === null) return send(state, x, automaticOptions(route.api, rest, x.request.query));
    own.api.begin();
    route.api.end();
    x.route = own.facts;
    x.streams = own.streams;
    if (own.template.hasParameters) x.setParams(() => parametersOf(own.template, rest));
    state.route = own;
    state.pipeline = formOf(x, own.pipeline);
    return enter(state, "protect", x.record === null ? own.protectList : recordedList(own.protectList));
  };

  /** A step replied: that ends the call. A refusal passes through `on-error` first, which may change or replace it. */
  const conclude = (state: RunState, x: EngineExchange, reply: Reply): boolean => {
    const { problem } = reply;
    if (problem === undefined) return send(state, x, reply);
    const source = state.list[state.index - 1]?.policy ?? "";
    return toOnError(state, x, reply, { code: problem.code, source, message: problem.detail });
  };

  const toOnError = (
    state: RunState,
    x: EngineExchange,
    reply: Reply,
    fault: { readonly code: string; readonly source: string; readonly message: string },
  ): boolean => {
    const onError = state.pipeline?.onError ?? [];
    if (state.phase !== "on-error") x.fault = { ...fault, section: sectionOf(state.phase) };
    if (state.phase === "on-error" || state.phase === "preflight" || onError.length === 0) return send(state, x, reply);
    state.refusal = reply;
    x.setReply(reply);
    return enter(state, "on-error", onError);
  };

  /** True where the backend has settled already. */
  const startForward = (state: RunState, x: EngineExchange, options: ForwardOptions): boolean => {
    const backend = backendOf(state, x);
    state.sendRefusal = undefined;
    if (backend === null) {
      state.sendRefusal = refuse("backend.not_configured");
      return true;
    }
    state.hasSettled = false;
    state.waiting = "backend";
    state.isSending = true;
    if (x.forwarding === null) backend.send(x, options, state.settled);
    else {
      // Copies and waiting tries may still hold the exchange when it has ended.
      state.hasWaited = true;
      tools.deliver(x, backend, { ...x.forwarding, ...options }, named(state), state.settled);
    }
    state.isSending = false;
    if (state.isFinished) return false;
    if (!state.hasSettled) state.isBusy = false;
    return state.hasSettled;
  };

  /** True where the call goes on. */
  const afterForward = (state: RunState, x: EngineExchange, options: ForwardOptions): boolean => {
    const refusal = state.sendRefusal;
    state.sendRefusal = undefined;
    if (refusal !== undefined && !isAnswer(x, refusal)) return conclude(state, x, x.rescue() ?? refusal);
    if (isFailure(x, options)) throw new BackendStatusFault(x.reply?.status ?? 0);
    return true;
  };

  const backendOf = (state: RunState, x: EngineExchange): BuiltBackend | null => {
    if (x.backendUrl !== null) return tools.urlBackends.of(x.backendUrl);
    if (x.backend !== null) return state.route?.api.backends.get(x.backend) ?? null;
    return state.route?.backend ?? null;
  };

  const named =
    (state: RunState): NamedBackends =>
    (name) =>
      state.route?.api.backends.get(name);

  const askBeside: NonNullable<EngineExchange["besideAsker"]> = (x, bounds, then) => {
    const state = x.runState instanceof RunState ? x.runState : null;
    const backend = state === null || state.isFinished ? null : backendOf(state, x);
    if (state === null || backend === null) {
      then(null);
      return;
    }
    // It may hold the exchange when that has ended.
    state.hasWaited = true;
    tools.askBeside(x, backend, bounds, then);
  };

  /** `x.forward` for steps that must wait for the reply: blocks, `retry`. */
  const forwarder: NonNullable<EngineExchange["forwarder"]> = (x, options) => {
    const state = x.runState instanceof RunState ? x.runState : null;
    if (state === null || state.isFinished) return Promise.reject(new Error("the exchange has ended"));
    state.hasWaited = true;
    const backend = backendOf(state, x);
    if (backend === null) return Promise.reject(new ForwardRefused(refuse("backend.not_configured")));
    return new Promise((resolve, reject) => {
      state.abandonForward = reject;
      // What an earlier forward of this call brought is nobody's reply any more.
      x.dropReply();
      const settled: Settled = (refusal) => {
        state.abandonForward = null;
        if (refusal !== undefined && !isAnswer(x, refusal)) reject(new ForwardRefused(refusal));
        else if (isFailure(x, options)) reject(new BackendStatusFault(x.reply?.status ?? 0));
        else resolve();
      };
      if (x.forwarding === null) backend.send(x, options, settled);
      else tools.deliver(x, backend, { ...x.forwarding, ...options }, named(state), settled);
    });
  };

  const continuation: Continuation = {
    settled: (state, refusal) => {
      const { x } = state;
      if (state.isFinished || state.waiting !== "backend" || x === null) return;
      state.waiting = "nothing";
      state.sendRefusal = refusal;
      state.hasSettled = true;
      if (state.isSending) return;
      let goesOn: boolean;
      try {
        goesOn = afterForward(state, x, state.list[state.index - 1]?.forward ?? {});
      } catch (thrown) {
        goesOn = handleThrown(state, x, thrown);
      }
      if (goesOn) advance(state);
    },
    resumed: (state, reply) => {
      state.waiting = "nothing";
      if (releaseIfFinished(state) || state.x === null) return;
      if (!reply || conclude(state, state.x, reply)) advance(state);
    },
    failed: (state, thrown) => {
      state.waiting = "nothing";
      if (releaseIfFinished(state) || state.x === null) return;
      if (handleThrown(state, state.x, thrown)) advance(state);
    },
  };

  /** Turns what a step threw into the reply that is its due, by way of `on-error`. True where the call goes on. */
  const handleThrown = (state: RunState, x: EngineExchange, thrown: unknown): boolean => {
    if (state.isFinished) return false;
    const cause = thrown instanceof StepFault ? thrown.cause : thrown;
    const step = thrown instanceof StepFault ? thrown.step : state.list[state.index - 1];
    const source = step?.policy ?? "";
    if (cause instanceof BackendStatusFault && state.phase !== "on-error") {
      // The backend's reply stays; `on-error` may look at it, change it or replace it.
      x.fault = { code: "backend.reply_invalid", source, section: sectionOf(state.phase), message: cause.message };
      return enter(state, "on-error", state.pipeline?.onError ?? []);
    }
    const rescue = cause instanceof ForwardRefused ? x.rescue() : undefined;
    if (rescue !== undefined) return send(state, x, rescue);
    const refusal = refusalOf(cause);
    if (refusal === null) logFault(state, x, { policy: source, at: step?.at ?? "", error: cause });
    // A fault within on-error does not run on-error again: the first refusal stands.
    if (state.phase === "on-error") return send(state, x, state.refusal ?? refusal ?? refuse("policy.fault"));
    const reply = refusal ?? refuse("policy.fault");
    return toOnError(state, x, reply, {
      code: reply.problem?.code ?? "policy.fault",
      source,
      message: reply.problem?.detail ?? "",
    });
  };

  const logFault = (
    state: RunState,
    x: EngineExchange,
    fields: { readonly policy: string; readonly at: string; readonly error: unknown },
  ): void => {
    const redact = state.route?.api.redact;
    const log = redact === undefined ? tools.log : redactedLog(tools.log, redact);
    log.error("a policy failed", {
      requestId: x.id,
      api: x.route.api,
      operation: x.route.operation,
      section: state.phase,
      revision: x.revision,
      ...fields,
    });
  };

  const giveUp = (x: EngineExchange, thrown: unknown): void => {
    tools.log.error("an exchange failed", { requestId: x.id, error: thrown });
    try {
      x.answer(refuse("gateway.fault"));
    } catch (second) {
      // Answered already: the wire owns the exchange, and its own limits end it.
      tools.log.debug("a failed exchange could not be answered", { requestId: x.id, reason: messageOf(second) });
    }
  };

  const finished: Finished = (x) => {
    const state = x.runState;
    if (!(state instanceof RunState) || state.isFinished) return;
    state.isFinished = true;
    state.phase = "answered";
    if (state.waiting === "step") {
      // A step still runs: its policy must not be disposed under it. A forward that nobody waits for any more is ended.
      state.abandonForward?.(new Error("the exchange has ended"));
      return;
    }
    // Whoever may still call or hold the state must find its own, not the next exchange's: then the collector takes it.
    const isHeld = state.waiting === "backend" || state.isBusy || state.hasWaited;
    release(state);
    if (isHeld || pool.length >= statesMax) return;
    state.clear();
    pool.push(state);
  };

  const releaseIfFinished = (state: RunState): boolean => {
    if (!state.isFinished) return false;
    release(state);
    return true;
  };

  const release = (state: RunState): void => {
    const { x, route } = state;
    if (x !== null) {
      x.runState = null;
      x.forwarder = null;
      x.besideAsker = null;
    }
    state.route = null;
    state.x = null;
    route?.api.end();
  };

  return {
    dispatch,
    finished,
    apiOf: (x) => (x.runState instanceof RunState ? (x.runState.route?.api ?? null) : null),
  };
};

/** A call takes one form of its lists, once they are known. */
const formOf = (x: EngineExchange, plain: Pipeline): Pipeline => (x.record === null ? plain : recordedPipeline(plain));

/** A refusal before any step. */
const refuseUnrouted = (x: EngineExchange, code: GatewayProblemCode, headers: Reply["headers"] = []): void => {
  x.isReusable = true;
  x.answer(refuse(code, { headers }));
};

const automaticOptions = (api: CompiledApi, rest: string, query: string): Reply => {
  const allowed = api.operations.allowed(rest, query);
  if (allowed.length === 0) return refuse("route.not_found");
  return emptyReply(204, [["allow", allowed.join(", ")]]);
};

const isFailure = (x: EngineExchange, options: ForwardOptions): boolean =>
  options.failOnErrorStatusCode === true && (x.reply?.status ?? 0) >= 400;

const compiledReplyStep = ({ policy, step }: ReplyStep): CompiledStep => ({
  policy,
  at: "",
  scope: "",
  section: "outbound",
  step,
  forward: null,
  preflight: null,
});

const sectionOf = (phase: RunState["phase"]): string =>
  phase === "protect" || phase === "preflight" ? "inbound" : phase === "answered" ? "" : phase;

/** A backend that makes its replies itself, such as the mock, has answered like any other: outbound sees the reply. */
const isAnswer = (x: EngineExchange, reply: Reply): boolean => {
  if (reply.problem !== undefined) return false;
  x.setReply(reply);
  return true;
};

/** What the caller is to see of something thrown that is no bug of a policy; null where it is one. */
const refusalOf = (thrown: unknown): Reply | null => {
  if (thrown instanceof ForwardRefused) return thrown.reply;
  if (thrown instanceof BackendStatusFault) return refuse("backend.reply_invalid");
  if (!(thrown instanceof Fault) || !isProblemCode(thrown.code) || thrown.code === "policy.fault") return null;
  return refuse(thrown.code, { detail: thrown.message });
};

const isProblemCode = (code: string): code is GatewayProblemCode => Object.hasOwn(gatewayProblems, code);
