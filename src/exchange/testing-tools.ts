import { type ManualClock, manualClock } from "../base/clock.ts";
import { jsonLog } from "../base/log.ts";
import { compileValue } from "../expressions/value.ts";
import type { ApiContract } from "./contract.ts";
import type { Counters } from "./counters.ts";
import type { Exchange, Step, StepResult } from "./exchange.ts";
import type {
  BuiltForward,
  BuiltPolicy,
  FetchedReply,
  FetchOptions,
  KeyFacts,
  Policy,
  PolicyTarget,
  PolicyTools,
  Section,
} from "./policy.ts";
import type { SharedStore } from "./shared-store.ts";
import { testCounters } from "./testing-counters.ts";
import { testStore } from "./testing-store.ts";

/** What a test may say about the tools; everything has a default. */
export interface TestToolsOptions {
  readonly at?: string;
  readonly section?: Section;
  readonly target?: Partial<PolicyTarget>;
  readonly clock?: ManualClock;
  readonly counters?: Counters;
  readonly store?: SharedStore;
  /** Policies that blocks may hold, beside `{ set-test-variable: { name, value } }` and `{ refuse-test: status }`. */
  readonly policies?: readonly Policy[];
  /** Makes breakers; ones that never open where absent. */
  readonly breaker?: PolicyTools["breaker"];
  readonly keys?: Readonly<Record<string, KeyFacts>>;
  /** Products that hold the API; all where absent. */
  readonly products?: readonly string[];
  readonly mocks?: Readonly<Record<string, PolicyTarget["mocks"]>>;
  readonly baseUrls?: readonly string[];
  readonly contract?: ApiContract;
  readonly fetch?: (url: string, options: FetchOptions) => Promise<FetchedReply>;
}

/** Tools for building one policy, with what was reported through them. */
export interface TestTools extends PolicyTools {
  readonly clock: ManualClock;
  readonly mistakes: readonly { readonly path: string; readonly message: string }[];
  /** Does what was left to `prepare`, as the engine does before it serves. */
  finishPreparing(): void;
  /** Log lines, parsed. */
  readonly lines: readonly Readonly<Record<string, unknown>>[];
  /** What was added to metrics. */
  readonly measured: readonly {
    readonly metric: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly value: number;
  }[];
}

/** Tools for tests: a manual clock, counters in memory, CEL values, blocks over the given policies. */
export const testTools = (options: TestToolsOptions = {}): TestTools => {
  const clock = options.clock ?? manualClock();
  const mistakes: { path: string; message: string }[] = [];
  const lines: Record<string, unknown>[] = [];
  const measured: { metric: string; labels: Record<string, string>; value: number }[] = [];
  const states = new Map<string, unknown>();
  const works: (() => Generator<undefined, void>)[] = [];
  const tools: TestTools = {
    at: options.at ?? "apis/orders/policy.yaml inbound[0]",
    section: options.section ?? "inbound",
    target: { ...anyTarget, ...options.target },
    clock,
    mistakes,
    lines,
    measured,
    metrics: {
      metric: (metric, _help, dimensions) => (values, value) => {
        const labels = Object.fromEntries(dimensions.map((name, index) => [name, values[index] ?? ""]));
        measured.push({ metric, labels, value });
      },
    },
    finishPreparing: () => {
      for (const work of works.splice(0)) for (const _ of work());
    },
    log: jsonLog({ level: "debug", nowMs: clock.nowMs, write: (line) => lines.push(JSON.parse(line)) }),
    counters: options.counters ?? testCounters(),
    store: options.store ?? testStore(),
    mistake: (path, message) => {
      mistakes.push({ path, message });
    },
    value: (source, type, path) =>
      compileValue(source, type, { clock, mistake: (message) => mistakes.push({ path, message }) }),
    block: (steps, path) => blockOf(steps, path, tools, options.policies ?? []),
    shared: (key, make) => {
      const known = states.get(key);
      // The caller names one kind of state per key, as it does in the engine.
      if (known !== undefined) return known as ReturnType<typeof make>;
      const made = make();
      states.set(key, made);
      return made;
    },
    breaker:
      options.breaker ??
      ((_name, rule) => ({ rule, admit: () => 1, ended: () => {}, opensForMs: 0, dispose: () => {} })),
    budget: () => ({ deposit: () => {}, withdraw: () => true, dispose: () => {} }),
    contract: options.contract ?? null,
    // What is left to do is done when the policy has been built.
    prepare: (work) => works.push(work),
    findKey: (key) => (Object.hasOwn(options.keys ?? {}, key) ? options.keys?.[key] : undefined),
    mocksOf: (operation) => options.mocks?.[operation] ?? [],
    baseUrlsOf: () => options.baseUrls ?? [],
    isInProduct: (product) => options.products === undefined || options.products.includes(product),
    fetch: options.fetch ?? (() => Promise.reject(new Error("this test has no network"))),
  };
  return tools;
};

/** A policy built for a test; fails with the mistakes where there were any. */
export const buildPolicy = (policy: Policy, config: unknown, tools: TestTools = testTools()): BuiltPolicy => {
  const built = buildAny(policy, config, tools);
  if ("forward" in built) throw new Error(`${policy.name} built a forward`);
  return built;
};

/** The same for `forward-request`, which the engine carries out itself. */
export const buildForward = (policy: Policy, config: unknown, tools: TestTools = testTools()): BuiltForward => {
  const built = buildAny(policy, config, tools);
  if (!("forward" in built)) throw new Error(`${policy.name} built a step`);
  return built;
};

/** Builds a policy and runs its step once. */
export const runPolicy = (
  policy: Policy,
  config: unknown,
  x: Exchange,
  tools: TestTools = testTools(),
): StepResult | Promise<StepResult> => buildPolicy(policy, config, tools).step(x);

/** The mistakes that a configuration is refused with; an empty list where it is accepted. */
export const mistakesOf = (
  policy: Policy,
  config: unknown,
  tools: TestTools = testTools(),
): readonly { readonly path: string; readonly message: string }[] => {
  policy.compile(config, tools);
  tools.finishPreparing();
  return tools.mistakes;
};

const buildAny = (policy: Policy, config: unknown, tools: TestTools): BuiltPolicy | BuiltForward => {
  const built = policy.compile(config, tools);
  tools.finishPreparing();
  if (!built || tools.mistakes.length > 0) throw new Error(`${policy.name}: ${JSON.stringify(tools.mistakes)}`);
  return built;
};

const anyTarget: PolicyTarget = {
  api: "orders",
  operation: "listOrders",
  product: "",
  scope: "api",
  keyHeaders: [],
  keyQueryParameters: [],
  mocks: [],
  backends: ["main"],
};

const blockOf = (steps: readonly unknown[], path: string, tools: TestTools, policies: readonly Policy[]): Step => {
  const built = steps.map((step, index) => stepOf(step, `${path}[${index}]`, tools, policies));
  return (x) => runFrom(built, 0, x);
};

/** Synchronous until a step waits, as the engine runs blocks. */
const runFrom = (steps: readonly Step[], first: number, x: Exchange): StepResult | Promise<StepResult> => {
  for (let index = first; index < steps.length; index++) {
    const result = steps[index]?.(x);
    if (result instanceof Promise) return result.then((reply) => reply ?? runFrom(steps, index + 1, x));
    if (result) return result;
  }
  return undefined;
};

const stepOf = (step: unknown, path: string, tools: TestTools, policies: readonly Policy[]): Step => {
  const [name, config] = step !== null && typeof step === "object" ? (Object.entries(step)[0] ?? []) : [];
  if (name === "set-test-variable") return (x) => void x.variables.set(config.name, config.value);
  if (name === "refuse-test") return () => ({ status: Number(config), headers: [], body: null });
  const policy = policies.find((candidate) => candidate.name === name);
  if (!policy) {
    tools.mistake(path, `unknown policy ${String(name)}`);
    return () => undefined;
  }
  const within: TestTools = {
    ...tools,
    mistake: (below, message) => tools.mistake(`${path}.${policy.name}${below}`, message),
  };
  const built = policy.compile(config, within);
  if (!built) return () => undefined;
  if ("forward" in built)
    return async (x) => {
      await x.forward(built.forward);
    };
  return built.step;
};
