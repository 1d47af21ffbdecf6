import { z } from "zod";
import { contentHash } from "../base/canonical-json.ts";
import { manualClock } from "../base/clock.ts";
import { type Log, silentLog } from "../base/log.ts";
import { type BackendKind, defineBackend } from "../exchange/backend.ts";
import { callerOf } from "../exchange/exchange.ts";
import { definePolicy, type Policy } from "../exchange/policy.ts";
import { refuse } from "../exchange/refuse.ts";
import { emptyReply, replyWith } from "../exchange/reply.ts";
import { testCounters } from "../exchange/testing-counters.ts";
import { testStore } from "../exchange/testing-store.ts";
import { compileValue } from "../expressions/value.ts";
import type { ApiUnit, UnitOperation } from "../model/snapshot.ts";
import type { CompileTools } from "./compile/compile-tools.ts";
import { createSharedState } from "./shared-state.ts";

/** An operation `METHOD /path`, with its id made of both. */
export const testOperation = (method: string, path: string, more: Partial<UnitOperation> = {}): UnitOperation => ({
  id: `${method.toLowerCase()} ${path}`,
  method,
  path,
  protect: [],
  backend: "main",
  ...more,
});

/** A unit with everything defaulted: API `orders` at `/orders` with `GET /items` over the backend `main`. */
export const testUnit = (more: Partial<Omit<ApiUnit, "hash">> = {}): ApiUnit => {
  const unit = {
    api: "orders",
    title: "Orders",
    path: "/orders",
    hosts: [],
    gateways: [],
    deprecated: false,
    keyHeaders: [],
    keyQueryParameters: [],
    operations: [testOperation("GET", "/items")],
    backends: { main: { kind: "mock" as const } },
    policies: { products: {}, operations: {} },
    products: {},
    fragments: {},
    namedValues: {},
    ...more,
  };
  return { ...unit, hash: contentHash(unit) };
};

/** The trail that the test policies leave in an exchange. */
export const trailOf = (x: { readonly variables: ReadonlyMap<string, unknown> }): string =>
  String(x.variables.get("trail") ?? "");

const everywhere = ["inbound", "backend", "outbound", "on-error"] as const;
const about = { group: "control", docs: "", examples: [] } as const;

/** How often test policies were built and disposed. */
export interface TestLife {
  built: number;
  disposed: number;
}

/**
 * Policies for tests of the engine itself: `note: TEXT` adds to the trail, `wait: TEXT` does so after a turn, `reply: STATUS`, `refuse: CODE`,
 * `later: TEXT` adds to the trail when the reply is there, `throw: TEXT`, `throw-later: TEXT`, `forgive: TEXT` throws but goes on, `block: [steps]`, `secret-mistake: TEXT`, `pre: TEXT` answers preflights,
 * `forward-request`, `rate-limit`, `quota`, and `key-auth` / `validate-jwt` that read the headers `key` and `token`.
 */
export const testPolicies = (life: TestLife = { built: 0, disposed: 0 }): readonly Policy[] => {
  const text = z.strictObject({ text: z.string() });
  const leave = (x: { readonly variables: Map<string, unknown> }, word: string): void => {
    x.variables.set("trail", trailOf(x) === "" ? word : `${trailOf(x)} ${word}`);
  };
  return [
    definePolicy({
      ...about,
      name: "note",
      summary: "Adds to the trail.",
      sections: [...everywhere],
      schema: text,
      shorthand: "text",
      build: (config, tools) => {
        life.built += 1;
        const word = tools.value(config.text, "string", ".text");
        return {
          step: (x) => leave(x, word.of(x)),
          dispose: () => {
            life.disposed += 1;
          },
        };
      },
    }),
    definePolicy({
      ...about,
      name: "wait",
      summary: "Adds to the trail after a turn.",
      sections: [...everywhere],
      schema: text,
      shorthand: "text",
      build: (config) => async (x) => {
        await new Promise((resolve) => setImmediate(resolve));
        leave(x, config.text);
      },
    }),
    definePolicy({
      ...about,
      name: "later",
      summary: "Adds to the trail when the reply is there.",
      sections: [...everywhere],
      schema: text,
      shorthand: "text",
      build: (config) => (x) => x.onReply("later", (same) => leave(same, config.text)),
    }),
    definePolicy({
      ...about,
      name: "reply",
      summary: "Replies.",
      sections: [...everywhere],
      schema: z.strictObject({ status: z.int() }),
      shorthand: "status",
      build: (config) => () => replyWith(config.status, "text/plain", "replied"),
    }),
    definePolicy({
      ...about,
      name: "refuse",
      summary: "Refuses.",
      sections: [...everywhere],
      schema: z.strictObject({ code: z.enum(["policy.refused", "limit.rate_exceeded"]) }),
      shorthand: "code",
      build: (config) => () => refuse(config.code),
    }),
    definePolicy({
      ...about,
      name: "throw",
      summary: "Throws.",
      sections: [...everywhere],
      schema: text,
      shorthand: "text",
      build: (config) => () => {
        throw new Error(config.text);
      },
    }),
    definePolicy({
      ...about,
      name: "throw-later",
      summary: "Rejects.",
      sections: [...everywhere],
      schema: text,
      shorthand: "text",
      build: (config) => async () => {
        await new Promise((resolve) => setImmediate(resolve));
        throw new Error(config.text);
      },
    }),
    definePolicy({
      ...about,
      name: "forgive",
      summary: "Throws, but the call goes on.",
      sections: [...everywhere],
      onFault: "continue",
      schema: text,
      shorthand: "text",
      build: (config) => () => {
        throw new Error(config.text);
      },
    }),
    definePolicy({
      ...about,
      name: "block",
      summary: "Steps within a step.",
      sections: [...everywhere],
      schema: z.strictObject({ steps: z.array(z.unknown()) }),
      build: (config, tools) => tools.block(config.steps, ".steps"),
    }),
    definePolicy({
      ...about,
      name: "secret-mistake",
      summary: "Quotes its configuration in a mistake.",
      sections: ["inbound"],
      schema: text,
      shorthand: "text",
      build: (config, tools) => {
        tools.mistake(".text", `not accepted: ${config.text}`);
        return () => undefined;
      },
    }),
    definePolicy({
      ...about,
      name: "pre",
      summary: "Answers preflights.",
      sections: ["inbound"],
      schema: text,
      shorthand: "text",
      build: (config) => ({
        step: () => undefined,
        preflight: () => emptyReply(204, [["x-preflight", config.text]]),
      }),
    }),
    definePolicy({
      ...about,
      name: "forward-request",
      summary: "Calls the backend.",
      sections: ["backend"],
      schema: z.strictObject({ "fail-on-error-status-code": z.boolean().optional() }),
      build: (config) => ({
        forward: { ...(config["fail-on-error-status-code"] ? { failOnErrorStatusCode: true } : {}) },
      }),
    }),
    ...["rate-limit", "quota"].map((name) =>
      definePolicy({
        ...about,
        name,
        summary: "Leaves its place in the trail.",
        sections: ["inbound"],
        schema: z.looseObject({ calls: z.int().optional() }),
        build: (config, tools) => (x) => leave(x, `${name}:${String(config.calls)}@${tools.at}`),
      }),
    ),
    ...(
      [
        ["key-auth", "key", "key.missing", "key.invalid"],
        ["validate-jwt", "token", "token.missing", "token.invalid"],
      ] as const
    ).map(([name, header, missing, invalid]) =>
      definePolicy({
        ...about,
        name,
        summary: "Reads a header `product/plan`, or `bad`.",
        sections: ["inbound"],
        schema: z.looseObject({}),
        build: (_config, tools) => (x) => {
          const value = x.request.headers.get(header);
          if (value === undefined) return refuse(missing);
          if (value === "bad") return refuse(invalid);
          const [product = "", plan = ""] = value.split("/");
          if (!tools.isInProduct(product)) return refuse("subscription.forbidden");
          x.caller = callerOf({ kind: header, product, plan, subscription: "s1" });
          return undefined;
        },
      }),
    ),
  ];
};

/** Backends for tests: `mock` answers 200 with its name and the path, or with the status that the header `want` asks for. */
export const testBackends = (life: TestLife = { built: 0, disposed: 0 }): readonly BackendKind[] => {
  const kind = (name: string): BackendKind =>
    defineBackend({
      kind: name,
      summary: "For tests.",
      schema: z.looseObject({ url: z.string().startsWith("http").optional() }),
      build: (config, tools) => {
        life.built += 1;
        return {
          send: (x, _options, settled) => {
            const want = x.request.headers.get("want");
            const answer = (): void => {
              if (want === "refusal") {
                settled(refuse("backend.unreachable"));
                return;
              }
              engineSetReply(x, Number(want ?? 200), `${config.url ?? tools.at} ${x.request.upstreamPath}`);
              settled(undefined);
            };
            if (x.request.headers.has("later")) setImmediate(answer);
            else answer();
          },
          dispose: () => {
            life.disposed += 1;
          },
        };
      },
    });
  return [kind("mock"), kind("http")];
};

const engineSetReply = (x: object, status: number, body: string): void => {
  // The engine's exchanges and the tests' have this method beside the contract's.
  if ("setReply" in x && typeof x.setReply === "function") x.setReply(replyWith(status, "text/plain", body));
};

/** Tools for compiling in tests. */
export const testCompileTools = (more: Partial<CompileTools> = {}): CompileTools => ({
  lists: { policies: testPolicies(), backends: testBackends(), compileValue },
  clock: manualClock(),
  log: silentLog as Log,
  counters: testCounters(),
  store: testStore(),
  shared: createSharedState(),
  metrics: { metric: () => () => {} },
  findKey: () => undefined,
  fetch: () => Promise.reject(new Error("no network")),
  upstream: () => {
    throw new Error("no upstream");
  },
  cluster: () => {
    throw new Error("no upstream");
  },
  breaker: (_name, rule) => ({ rule, admit: () => 1, ended: () => {}, opensForMs: 0, dispose: () => {} }),
  budget: () => ({ deposit: () => {}, withdraw: () => true, dispose: () => {} }),
  ...more,
});
