import type { z } from "zod";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { issueText, schemaIssues } from "../base/schema-issues.ts";
import type { ApiContract } from "./contract.ts";
import type { Counters } from "./counters.ts";
import type { BreakerRule, BudgetRule, CircuitBreaker, RetryBudget } from "./delivery-rules.ts";
import type { Exchange, ForwardOptions, Step } from "./exchange.ts";
import type { MetricSink } from "./metric-sink.ts";
import type { SharedStore } from "./shared-store.ts";

export type Section = "inbound" | "backend" | "outbound" | "on-error";

/** What a policy makes of its configuration. */
export interface BuiltPolicy {
  readonly step: Step;
  /** Runs instead of the whole pipeline on a CORS preflight of the operation. */
  readonly preflight?: Step;
  /** Runs when the table that holds it is no longer used by any exchange. */
  readonly dispose?: () => void;
}

/** The two messages of a call, as expressions name them. */
export type MessageName = "request" | "response";

/** The one step that the engine does itself: call the backend. */
export interface BuiltForward {
  readonly forward: ForwardOptions;
}

/** A value that is known when configured, or computed for each exchange. */
export interface Value<T> {
  /** Set where the value is a literal. */
  readonly constant: T | undefined;
  /** The value for this exchange. A failing expression throws: a fault of the policy. */
  of(x: Exchange): T;
}

export interface ValueTypes {
  readonly string: string;
  readonly number: number;
  readonly boolean: boolean;
  readonly any: unknown;
}

/** Facts of the API that a policy is built for. */
export interface PolicyTarget {
  readonly api: string;
  /** Empty above the operation's scope. */
  readonly operation: string;
  /** Set where the list is compiled for callers of one product. */
  readonly product: string;
  /** Scope that the step was written at: `platform`, `workspace`, `product`, `api`, `operation`. */
  readonly scope: string;
  readonly keyHeaders: readonly string[];
  readonly keyQueryParameters: readonly string[];
  /** Mock answers of the operation, from its document. Empty above the operation. */
  readonly mocks: readonly { readonly status: number; readonly mediaType?: string; readonly body?: string }[];
  readonly backends: readonly string[];
}

/** What a key says about its bearer. */
export interface KeyFacts {
  readonly subscription: string;
  readonly state: string;
  readonly product: string;
  readonly plan: string;
  readonly application: string;
  readonly organization: string;
}

/** Everything a policy may use; nothing else is within its reach. */
export interface PolicyTools {
  /** Where the configuration stands: `apis/orders/policy.yaml inbound[0].rate-limit`. Also the stable name for state. */
  readonly at: string;
  readonly target: PolicyTarget;
  /** The section that the step stands in: some policies act on the request in one and on the reply in another. */
  readonly section: Section;
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: Counters;
  /** Metrics of the policy's own: see `MetricSink`. */
  readonly metrics: MetricSink;
  /** Bytes that all threads share: responses, values of policies. */
  readonly store: SharedStore;
  /** Records a mistake in the configuration at `path` below `at`; the build goes on so that all are found. */
  mistake(path: string, message: string): void;
  /** A literal or, with a leading `=`, a CEL expression; `\=` begins a literal with `=`. */
  value<K extends keyof ValueTypes>(source: unknown, type: K, path: string): Value<ValueTypes[K]>;
  /** Steps within a step, such as the branches of `choose`; runs them in order until one replies. */
  block(steps: readonly unknown[], path: string): Step;
  /** State that outlives configuration changes: made on first use of `key`, disposed when no table uses it any more. */
  shared<T extends { dispose?(): void }>(key: string, make: () => T): T;
  /** A circuit breaker over state that all threads share, found by its name. Ends with the policy; what it knows goes on under its name. */
  breaker(name: string, rule: BreakerRule): CircuitBreaker;
  /** A budget for calls that are sent again, likewise. */
  budget(name: string, rule: BudgetRule): RetryBudget;
  /** Looks a key up in the key table: undefined where it is unknown, revoked or expired. Under a microsecond when warm. */
  findKey(key: string, nowMs: number): KeyFacts | undefined;
  /**
   * What the API's document says of its operations, the same for all versions of OpenAPI. Null unless a policy of the unit is listed in
   * `contractPolicies` (`model/contract.ts`); then it holds the operations that these policies stand at.
   */
  readonly contract: ApiContract | null;
  /**
   * Work that belongs to the build but would hold the thread: runs in slices, each up to a `yield`, after everything is built and before
   * it serves. May report mistakes.
   */
  prepare(work: () => Generator<undefined, void>): void;
  /** Mock answers of any operation of the API, for steps above the operation's scope. */
  mocksOf(operation: string): PolicyTarget["mocks"];
  /** Base URLs of the backend that a call goes to: the named one, or with null the operation's own. Empty for backends without URLs. */
  baseUrlsOf(operation: string, backend: string | null): readonly string[];
  /** True where any API's caller of this product may use this API. */
  isInProduct(product: string): boolean;
  /** An outbound HTTP call beside the exchange (JWKS, introspection): bounded in size and time, redirects not followed. */
  fetch(url: string, options: FetchOptions): Promise<FetchedReply>;
}

export interface FetchOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly timeoutMs: number;
  readonly bytesMax: number;
}

export interface FetchedReply {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
}

/** A policy: its schema gives the type, the check, the JSON Schema, the form and the page in the docs. */
export interface PolicyDefinition<C> {
  readonly name: string;
  readonly group:
    | "limits"
    | "authentication"
    | "validation"
    | "routing"
    | "caching"
    | "transformation"
    | "control"
    | "cross-domain"
    | "logging";
  /** One sentence. */
  readonly summary: string;
  /** Markdown: semantics, defaults, edge cases, source. */
  readonly docs: string;
  readonly sections: readonly Section[];
  readonly schema: z.ZodType<C>;
  /** `sections`: where the example may stand, if not in all of the policy's. */
  readonly examples: readonly {
    readonly title: string;
    readonly config: unknown;
    readonly sections?: readonly Section[];
  }[];
  /** What a fault of the step does: refuse the call (default), or go on. */
  readonly onFault?: "deny" | "continue";
  /** Name of the one attribute that a bare value stands for: `set-status: 204`. */
  readonly shorthand?: string;
  build(config: C, tools: PolicyTools): Step | BuiltPolicy | BuiltForward;
}

/** A policy without its configuration's type, as lists hold it. */
export interface Policy extends Omit<PolicyDefinition<unknown>, "build" | "schema"> {
  readonly schema: z.ZodType<unknown>;
  /** Parses `config`, records each mistake with its path, and builds. Answers undefined where there were mistakes. */
  compile(config: unknown, tools: PolicyTools): BuiltPolicy | BuiltForward | undefined;
}

/** Makes a policy of its definition: parsing comes first, so that `build` sees only what the schema allows. */
export const definePolicy = <C>(definition: PolicyDefinition<C>): Policy => {
  const { build, ...rest } = definition;
  return {
    ...rest,
    compile: (config, tools) => {
      const isBare = definition.shorthand !== undefined && (config === null || typeof config !== "object");
      const value: unknown = isBare ? { [definition.shorthand ?? ""]: config } : (config ?? {});
      const parsed = definition.schema.safeParse(value);
      if (!parsed.success) {
        // An unknown field is a mistake of what holds it: there its line is found even in one-line notation.
        for (const issue of schemaIssues(definition.schema, value, parsed.error))
          tools.mistake(pathOf(issue.isUnknown === true ? issue.path.slice(0, -1) : issue.path), issueText(issue));
        return undefined;
      }
      const built = build(parsed.data, tools);
      return typeof built === "function" ? { step: built } : built;
    },
  };
};

const pathOf = (path: readonly PropertyKey[]): string =>
  path.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`)).join("");
