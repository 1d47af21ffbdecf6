import { request as httpRequest } from "node:http";
import { silentLog } from "../../base/log.ts";
import type { ScenarioCall, ScenarioCaller } from "../../bundle/scenario-file.ts";
import type { KeyFacts } from "../../exchange/policy.ts";
import { compileValue } from "../../expressions/value.ts";
import type { EngineExchange } from "../../gateway/engine.ts";
import { CallRecord } from "../../gateway/record/call-record.ts";
import type { Recording } from "../../gateway/record/recording.ts";
import { explanationOf } from "../../gateway/record/write-explanation.ts";
import { createRun } from "../../gateway/run/run.ts";
import { createUrlBackends } from "../../gateway/run/url-backends.ts";
import { attachCounters, createCounterMemory } from "../../gateway/shared/counters.ts";
import { createLocalStore } from "../../gateway/shared/shared-store.ts";
import { createSharedState } from "../../gateway/shared-state.ts";
import { createSwap } from "../../gateway/swap.ts";
import { createUpstreams } from "../../gateway/upstream/upstreams.ts";
import { createWire } from "../../gateway/wire/wire.ts";
import type { Explanation } from "../../model/explanation.ts";
import type { ApiUnit, UnitError } from "../../model/snapshot.ts";
import { standardBackends, standardPolicies } from "../standard.ts";
import type { Coverage } from "./coverage.ts";
import { memorySockets } from "./memory-sockets.ts";
import { type StubServices, sentFields, stubServices } from "./stub-services.ts";
import { type VirtualTime, virtualTime } from "./virtual-time.ts";

/** What the client got. */
export interface ScenarioReply {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  readonly explanation: Explanation | null;
}

/** A gateway of its own for one scenario: the engine as it runs in production, over connections in memory and a time of its own. */
export interface ScenarioGateway {
  readonly time: VirtualTime;
  readonly services: StubServices;
  readonly errors: readonly UnitError[];
  call(request: ScenarioCall["request"], callers: Readonly<Record<string, ScenarioCaller>>): Promise<ScenarioReply>;
  close(): Promise<void>;
}

const defaultHost = "gateway.test";

/** Makes the gateway; `errors` says which APIs it could not compile. */
export const scenarioGateway = async (
  units: readonly ApiUnit[],
  coverage: Coverage,
  startMs: number,
): Promise<ScenarioGateway> => {
  const time = virtualTime(startMs);
  const { clock, wheel } = time;
  const log = silentLog;
  const services = stubServices(time);
  const keys = new Map<string, KeyFacts>();
  const lists = {
    policies: coverage.counted(standardPolicies),
    backends: services.known(standardBackends),
    compileValue,
  };
  const upstreams = createUpstreams({
    clock,
    log,
    wheel,
    dial: services.dial,
    lookup: () => Promise.resolve({ addresses: [] }),
  });
  const swap = createSwap({
    lists,
    clock,
    log,
    counters: attachCounters(createCounterMemory(counterSizes), 0),
    store: createLocalStore(storeSizes),
    shared: createSharedState(),
    findKey: (key) => keys.get(key),
    fetch: services.fetch,
    metrics: { metric: () => () => {} },
    upstream: upstreams.to,
    cluster: upstreams.cluster,
    breaker: upstreams.breaker,
    budget: upstreams.budget,
  });
  const errors = await swap.apply({ revision: 1, hash: "scenario", units, removed: [] });
  const urlBackends = createUrlBackends({ kinds: lists.backends, log, upstream: upstreams.to });
  let explanation: Explanation | null = null;
  let finishedCount = 0;
  const recording = recordingOfAll((one) => {
    explanation = one;
  });
  const run = createRun({
    table: swap.table,
    urlBackends,
    deliver: upstreams.deliver,
    askBeside: upstreams.askBeside,
    log,
    recording,
  });
  const wire = createWire({
    dispatch: run.dispatch,
    finished: (x, outcome) => {
      recording.finished(x, outcome, run.apiOf(x));
      run.finished(x, outcome);
      finishedCount += 1;
    },
    clock,
    log,
    wheel,
  });

  const keyOf = (request: ScenarioCall["request"], callers: Readonly<Record<string, ScenarioCaller>>): string => {
    if (request.caller === undefined) return request.key ?? "";
    const caller = typeof request.caller === "string" ? callers[request.caller] : request.caller;
    const facts: KeyFacts = {
      subscription: caller?.subscription ?? `subscription-of-${nameOf(request.caller)}`,
      state: caller?.state ?? "active",
      product: caller?.product ?? "",
      plan: caller?.plan ?? "",
      application: caller?.application ?? "",
      organization: caller?.organization ?? "",
    };
    const key = `key-of-${JSON.stringify(facts)}`.replace(/[^A-Za-z0-9-]+/g, "_");
    keys.set(key, facts);
    return key;
  };

  return {
    time,
    services,
    errors,
    call: async (request, callers) => {
      explanation = null;
      const before = finishedCount;
      const { engine, peer } = memorySockets(request.ip ?? "127.0.0.1");
      wire.accept(engine, request.scheme ?? "http");
      const body = request.json === undefined ? request.body : JSON.stringify(request.json);
      const fields = new Map<string, string | string[]>([["host", request.host ?? defaultHost]]);
      if (request.json !== undefined) fields.set("content-type", "application/json");
      const key = keyOf(request, callers);
      if (key !== "") fields.set("x-api-key", key);
      const own = new Map<string, string[]>();
      for (const [name, value] of sentFields(request.headers ?? {}))
        own.set(name.toLowerCase(), [...(own.get(name.toLowerCase()) ?? []), value]);
      for (const [name, values] of own) fields.set(name, values.length === 1 ? (values[0] ?? "") : values);
      let reply: Omit<ScenarioReply, "explanation"> | null = null;
      let broken: Error | null = null;
      const client = httpRequest(
        {
          method: (request.method ?? "GET").toUpperCase(),
          path: targetOf(request),
          headers: Object.fromEntries(fields),
          createConnection: () => peer,
        },
        (incoming) => {
          const chunks: Buffer[] = [];
          incoming.on("data", (chunk: Buffer) => {
            time.stir();
            chunks.push(chunk);
          });
          incoming.on("error", (error) => {
            broken = error;
          });
          incoming.on("end", () => {
            const raw = incoming.rawHeaders;
            reply = {
              status: incoming.statusCode ?? 0,
              headers: Array.from({ length: raw.length / 2 }, (_, at): readonly [string, string] => [
                raw[2 * at] ?? "",
                raw[2 * at + 1] ?? "",
              ]),
              body: Buffer.concat(chunks).toString(),
            };
          });
        },
      );
      client.on("error", (error) => {
        broken = error;
      });
      client.end(body);
      await time.until(() => broken !== null || (reply !== null && finishedCount > before));
      peer.destroy();
      if (reply === null) throw broken ?? new Error("no reply");
      return { ...(reply as Omit<ScenarioReply, "explanation">), explanation };
    },
    close: async () => {
      await wire.close();
      upstreams.close();
      urlBackends.dispose();
      swap.dispose();
      services.close();
      time.close();
    },
  };
};

/** Enough for a scenario; pages that no key touches cost nothing. */
const counterSizes = { threadsMax: 1, windowsMax: 4096, periodsMax: 4096, concurrenciesMax: 1024 };
const storeSizes = { bytesMax: 8 * 1024 * 1024, valuesMax: 1024 };

/** Records every call whole. */
const recordingOfAll = (tell: (explanation: Explanation) => void): Recording => ({
  takeKey: () => {},
  begin: (x: EngineExchange) => {
    x.record = new CallRecord(x, {
      reason: "asked",
      hasChanges: false,
      isTraced: false,
      tokenApi: "",
      bodyBytesMax: 0,
    });
  },
  isWatching: false,
  watch: () => {},
  reached: (x, api) => {
    if (x.record instanceof CallRecord && api !== null) x.record.redactor.reach(api.secretNames);
  },
  finished: (x, outcome) => {
    if (x.record instanceof CallRecord) tell(explanationOf(x.record, x, outcome));
  },
  take: () => "",
});

const nameOf = (caller: string | ScenarioCaller): string =>
  typeof caller === "string" ? caller : caller.application || caller.product || "caller";

const targetOf = (request: ScenarioCall["request"]): string => {
  const query = Object.entries(request.query ?? {})
    .flatMap(([name, value]) => (Array.isArray(value) ? value : [value]).map((one) => [name, String(one)] as const))
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join("&");
  if (query === "") return request.path;
  return `${request.path}${request.path.includes("?") ? "&" : "?"}${query}`;
};
