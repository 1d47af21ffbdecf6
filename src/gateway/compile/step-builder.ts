import { messageOf } from "../../base/fault.ts";
import { nearest } from "../../base/nearest.ts";
import type { Exchange, Step } from "../../exchange/exchange.ts";
import type {
  BuiltForward,
  BuiltPolicy,
  MessageName,
  Policy,
  PolicyTarget,
  PolicyTools,
  Section,
} from "../../exchange/policy.ts";
import type { ApiUnit } from "../../model/snapshot.ts";
import { recordableBlock } from "../record/recorded-steps.ts";
import { withBodies } from "./body-step.ts";
import type { CompileTools } from "./compile-tools.ts";
import { blockOf, type CompiledStep, forwardStep, isWaiting, StepFault } from "./compiled-step.ts";
import type { Mistakes } from "./mistakes.ts";
import type { NamedValues } from "./named-values.ts";
import { redactedLog } from "./redacted-log.ts";

/** Where a list of steps was written. */
export interface StepPlace {
  readonly file: string;
  /** Path of the list in the file: `inbound`, `policies.platform.inbound`. */
  readonly path: string;
  readonly section: Section;
  readonly scope: PolicyTarget["scope"];
  readonly operation: string;
  readonly product: string;
}

/** An entry of a built list; `base` marks where the outer scope's steps run. */
export type ListEntry = CompiledStep | "base";

/** Builds the steps of one unit, and remembers what must be disposed with it. */
export interface StepBuilder {
  /** A section as it was written, `base` and fragments included. */
  section(entries: readonly unknown[], place: StepPlace): readonly ListEntry[];
  /** One policy by name, as the engine itself asks for it; undefined with a mistake. */
  policy(name: string, config: unknown, place: StepPlace): CompiledStep | undefined;
  /** Does what policies left to `prepare`, in slices. */
  prepare(): Generator<undefined, void>;
  disposeAll(): void;
}

const fragmentDepthMax = 10;
const blockDepthMax = 20;
/** Steps that one unit may come to when fragments are expanded. */
const stepsMax = 20_000;

/** A builder for one unit. */
export const createStepBuilder = (
  unit: ApiUnit,
  tools: CompileTools,
  named: NamedValues,
  mistakes: Mistakes,
): StepBuilder => {
  const policies = new Map(tools.lists.policies.map((policy) => [policy.name, policy]));
  const disposals: (() => void)[] = [];
  const mocks = new Map(unit.operations.map((operation) => [operation.id, operation.mocks ?? []]));
  const backends = Object.keys(unit.backends);
  const log = named.hasSecrets ? redactedLog(tools.log, named.redact) : tools.log;
  const works: (() => Generator<undefined, void>)[] = [];
  let steps = 0;

  const targetOf = (place: StepPlace): PolicyTarget => ({
    api: unit.api,
    operation: place.operation,
    product: place.product,
    scope: place.scope,
    keyHeaders: unit.keyHeaders,
    keyQueryParameters: unit.keyQueryParameters,
    mocks: mocks.get(place.operation) ?? [],
    backends,
  });

  const toolsOf = (place: StepPlace, path: string, depth: number, reads: Set<MessageName>): PolicyTools => ({
    at: `${place.file} ${path}`,
    target: targetOf(place),
    section: place.section,
    clock: tools.clock,
    log,
    counters: tools.counters,
    metrics: tools.metrics,
    store: tools.store,
    mistake: (below, message) => mistakes.add(place.file, joined(path, below), message),
    value: (source, type, below) =>
      tools.lists.compileValue(source, type, {
        clock: tools.clock,
        mistake: (message) => mistakes.add(place.file, joined(path, below), message),
        reads: (message) => reads.add(message),
      }),
    block: (entries, below) => {
      const at = { ...place, path: joined(path, below) };
      if (depth < blockDepthMax)
        return recordableBlock(plainSteps(list(entries, at, depth + 1, []), at), `${place.file} ${path}`);
      mistakes.add(place.file, at.path, `blocks are nested more than ${blockDepthMax} deep`);
      return blockOf([]);
    },
    shared: (key, make) => {
      const value = tools.shared.take(key, make);
      disposals.push(() => tools.shared.release(key));
      return value;
    },
    breaker: (name, rule) => {
      const breaker = tools.breaker(name, rule);
      disposals.push(() => breaker.dispose());
      return breaker;
    },
    budget: (name, rule) => {
      const budget = tools.budget(name, rule);
      disposals.push(() => budget.dispose());
      return budget;
    },
    contract: unit.contract ?? null,
    prepare: (work) => works.push(work),
    findKey: (key, nowMs) => tools.findKey(key, nowMs),
    mocksOf: (operation) => mocks.get(operation) ?? [],
    baseUrlsOf: (operation, backend) => {
      const name = backend ?? unit.operations.find((one) => one.id === operation)?.backend ?? "";
      const found = Object.hasOwn(unit.backends, name) ? unit.backends[name] : undefined;
      return found !== undefined && "url" in found && typeof found.url === "string" ? [found.url] : [];
    },
    // A key without a product (only a bundle's own keys may be so) opens every API of its bundle.
    isInProduct: (product) => product === "" || Object.hasOwn(unit.products, product),
    fetch: (url, options) => tools.fetch(url, options),
  });

  const plainSteps = (entries: readonly ListEntry[], place: StepPlace): readonly CompiledStep[] =>
    entries.filter((entry) => {
      if (entry !== "base") return true;
      mistakes.add(place.file, place.path, "`base` stands only in a section itself, not inside a step");
      return false;
    }) as readonly CompiledStep[];

  const build = (
    name: string,
    config: unknown,
    place: StepPlace,
    path: string,
    depth: number,
  ): CompiledStep | undefined => {
    const policy = policies.get(name);
    if (policy === undefined) {
      const meant = nearest(name, policies.keys());
      mistakes.add(
        place.file,
        path,
        `unknown policy ${quoted(name)}${meant === undefined ? "" : `; did you mean ${quoted(meant)}?`}`,
      );
      return undefined;
    }
    if (!policy.sections.includes(place.section)) {
      mistakes.add(
        place.file,
        path,
        `policy ${quoted(name)} may not stand in ${place.section}; it belongs in ${policy.sections.join(", ")}`,
      );
      return undefined;
    }
    const known = named.substitute(config, (below, message) => mistakes.add(place.file, joined(path, below), message));
    let built: BuiltPolicy | BuiltForward | undefined;
    const reads = new Set<MessageName>();
    try {
      built = policy.compile(known, toolsOf(place, path, depth, reads));
    } catch (thrown) {
      // A policy that cannot be built is a mistake of this unit, never an outage of the others.
      mistakes.add(
        place.file,
        path,
        `policy ${quoted(name)} could not be built: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
      );
      return undefined;
    }
    if (built === undefined) return undefined;
    return compiled(policy, built, place, path, reads);
  };

  const compiled = (
    policy: Policy,
    built: BuiltPolicy | BuiltForward,
    { file, scope, section }: StepPlace,
    path: string,
    reads: ReadonlySet<MessageName>,
  ): CompiledStep => {
    const shared = { policy: policy.name, at: `${file} ${path}`, scope, section };
    if ("forward" in built)
      return { ...shared, step: forwardStep(built.forward), forward: built.forward, preflight: null };
    if (built.dispose) disposals.push(built.dispose);
    const plain = reads.size === 0 ? built.step : withBodies(built.step, reads);
    const step = policy.onFault === "continue" ? forgiving(plain, policy.name, shared.at) : plain;
    return { ...shared, step, forward: null, preflight: built.preflight ?? null };
  };

  // The policy's declared fault rule is to go on: what it throws is logged, and the call proceeds without it.
  const forgiving = (step: Step, name: string, at: string): Step => {
    const note = (thrown: unknown, x: Exchange): undefined => {
      const error = thrown instanceof StepFault ? thrown.cause : thrown;
      log.warn("a policy failed; the call goes on as its fault rule says", {
        policy: name,
        at,
        requestId: x.id,
        error,
      });
      x.record?.note("failed", messageOf(error), at);
      return undefined;
    };
    return (x) => {
      try {
        const result = step(x);
        return isWaiting(result) ? result.catch((thrown: unknown) => note(thrown, x)) : result;
      } catch (thrown) {
        return note(thrown, x);
      }
    };
  };

  const list = (
    entries: readonly unknown[],
    place: StepPlace,
    depth: number,
    fragments: readonly string[],
  ): readonly ListEntry[] => {
    const built: ListEntry[] = [];
    if (!Array.isArray(entries)) {
      mistakes.add(place.file, place.path, "a list of steps is needed here");
      return built;
    }
    for (const [index, entry] of entries.entries()) {
      const path = `${place.path}[${index}]`;
      steps += 1;
      if (steps > stepsMax) {
        mistakes.add(place.file, path, `the API has more than ${stepsMax} steps`);
        return built;
      }
      if (entry === "base") {
        built.push("base");
        continue;
      }
      const named = stepOf(entry);
      if (named === undefined) {
        mistakes.add(place.file, path, "a step is `base` or an object with exactly one key, the policy's name");
        continue;
      }
      const [name, config] = named;
      if (name === "include-fragment") {
        built.push(...fragment(config, place, `${path}.${name}`, depth, fragments));
        continue;
      }
      const step = build(name, config, place, `${path}.${name}`, depth);
      if (step) built.push(step);
    }
    return built;
  };

  const fragment = (
    config: unknown,
    place: StepPlace,
    path: string,
    depth: number,
    open: readonly string[],
  ): readonly ListEntry[] => {
    const id = fragmentIdOf(config);
    if (id === undefined) {
      mistakes.add(place.file, path, "`include-fragment` needs `fragment-id`, and nothing else");
      return [];
    }
    const found = Object.hasOwn(unit.fragments, id) ? unit.fragments[id] : undefined;
    if (found === undefined) {
      const meant = nearest(id, Object.keys(unit.fragments));
      mistakes.add(
        place.file,
        path,
        `unknown fragment ${quoted(id)}${meant === undefined ? "" : `; did you mean ${quoted(meant)}?`}`,
      );
      return [];
    }
    if (open.includes(id)) {
      mistakes.add(place.file, path, `fragments include each other: ${[...open, id].join(" -> ")}`);
      return [];
    }
    if (open.length >= fragmentDepthMax) {
      mistakes.add(place.file, path, `fragments are nested more than ${fragmentDepthMax} deep`);
      return [];
    }
    const at: StepPlace = { ...place, file: `policies/${id}.yaml`, path: "steps" };
    return plainSteps(list(found, at, depth, [...open, id]), at);
  };

  return {
    section: (entries, place) => {
      const built = list(entries, place, 0, []);
      if (built.filter((entry) => entry === "base").length > 1) {
        mistakes.add(place.file, place.path, "`base` stands at most once in a section");
      }
      return built;
    },
    policy: (name, config, place) => {
      steps += 1;
      return build(name, config, place, place.path, 0);
    },
    prepare: function* () {
      for (const work of works.splice(0)) {
        yield* work();
        yield;
      }
    },
    disposeAll: () => {
      for (const dispose of disposals.splice(0)) {
        try {
          dispose();
        } catch (thrown) {
          log.error("a policy could not be disposed", { api: unit.api, error: thrown });
        }
      }
    },
  };
};

/** Joins a path in a file with one below it, which may come with or without its separator. */
const joined = (path: string, below: string): string =>
  below === "" || below.startsWith(".") || below.startsWith("[") ? path + below : `${path}.${below}`;

const quoted = (name: string): string => JSON.stringify(name.slice(0, 100));

const stepOf = (entry: unknown): readonly [name: string, config: unknown] | undefined => {
  if (entry === null || typeof entry !== "object" || Array.isArray(entry)) return undefined;
  const pairs = Object.entries(entry);
  return pairs.length === 1 ? pairs[0] : undefined;
};

const fragmentIdOf = (config: unknown): string | undefined => {
  if (typeof config === "string") return config;
  if (config === null || typeof config !== "object" || Array.isArray(config)) return undefined;
  const pairs = Object.entries(config);
  const id: unknown = pairs[0]?.[1];
  return pairs.length === 1 && pairs[0]?.[0] === "fragment-id" && typeof id === "string" ? id : undefined;
};
