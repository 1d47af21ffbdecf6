import type { z } from "zod";
import type {
  BreakerRule,
  BudgetRule,
  HealthRule,
  HedgeRule,
  LimitRule,
  OutlierRule,
  RetryRule,
} from "./delivery-rules.ts";
import type { Exchange, ForwardOptions } from "./exchange.ts";
import type { Value, ValueTypes } from "./policy.ts";
import type { Reply } from "./reply.ts";

/**
 * Told once: nothing, when the engine has the reply's head in `x.reply`; a reply that the backend made itself, which goes on to
 * `outbound` like any other; or a refusal (with `problem`), which is a fault of the call.
 */
export type Settled = (reply: Reply | undefined) => void;

/** Something that answers calls. Either sets the exchange's reply through its tools, or settles with a reply made here. */
export interface BuiltBackend {
  send(x: Exchange, options: ForwardOptions, settled: Settled): void;
  dispose(): void;
}

/** A target of the engine's HTTP client. */
export interface UpstreamTarget {
  readonly url: string;
  readonly connectTimeoutMs: number;
  readonly timeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly connectionsMax: number;
  readonly pendingMax: number;
  readonly preserveHost: boolean;
  /** `h2`: by ALPN, nothing else; `h2c`: by prior knowledge; `auto`: what ALPN agrees on. HTTP/1.1 where absent. */
  readonly protocol?: "http/1.1" | "h2" | "h2c" | "auto";
  /** Calls of gRPC-Web are translated where the backend speaks HTTP/2; true where absent. */
  readonly translatesGrpcWeb?: boolean;
  readonly tls: {
    readonly serverName?: string;
    readonly ca?: string;
    readonly verify: boolean;
    /** What the gateway shows; PEM, both or none. */
    readonly clientCertificate?: string;
    readonly clientKey?: string;
    /** 1.2 where absent. */
    readonly minVersion?: "1.2" | "1.3";
  };
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly query: readonly (readonly [name: string, value: string])[];
}

/** How a target is chosen among those of one priority. */
export type Balance =
  | { readonly kind: "round-robin" }
  | { readonly kind: "least-requests" }
  | { readonly kind: "random" }
  | {
      readonly kind: "hash";
      /** What decides; undefined: any target. */
      readonly keyOf: (x: Exchange) => string | undefined;
      /** A target takes at most this many times the average of running calls; 0: no bound. */
      readonly loadFactor: number;
    };

/** Keeps a client with the target that answered it first. */
export interface Affinity {
  readonly cookie: string;
  /** Makes the cookie's value unguessable; empty: opaque only. */
  readonly secret: string;
  /** Seconds; 0: until the browser ends. */
  readonly maxAge: number;
}

export interface ClusterTarget {
  readonly target: UpstreamTarget;
  /** Share of the calls; 0: none but those that are kept there. */
  readonly weight: number;
  /** Lower ones are used first. */
  readonly priority: number;
  readonly zone: string;
}

/** A backend with several targets or with rules. Null: no such rule. */
export interface ClusterConfig {
  /** Its name among the states that all threads share. */
  readonly name: string;
  readonly targets: readonly ClusterTarget[];
  readonly balance: Balance;
  readonly affinity: Affinity | null;
  readonly health: HealthRule | null;
  readonly outlier: OutlierRule | null;
  readonly breaker: BreakerRule | null;
  readonly limits: LimitRule | null;
  readonly retry: RetryRule | null;
  readonly budget: BudgetRule;
  readonly hedge: HedgeRule | null;
  readonly tryTimeoutMs: number | undefined;
  /** Where fewer of the targets than this share can be used, their health is not asked any more. */
  readonly panicShare: number;
  /** How long a target that comes back gets less than its share. */
  readonly slowStartMs: number;
}

/** What a backend kind is built with. */
export interface BackendTools {
  readonly at: string;
  mistake(path: string, message: string): void;
  /** The engine's HTTP client to one target, with its pool of connections: they outlive swaps while the target is the same. */
  upstream(target: UpstreamTarget): BuiltBackend;
  /** The same over several targets, or with rules about their failures; what is learnt about them is known to all threads. */
  cluster(config: ClusterConfig): BuiltBackend;
  /** A literal or, with a leading `=`, an expression. */
  value<K extends keyof ValueTypes>(source: unknown, type: K, path: string): Value<ValueTypes[K]>;
  /** Mock answers of an operation, from its document. */
  mocksOf(
    operation: string,
  ): readonly { readonly status: number; readonly mediaType?: string; readonly body?: string }[];
}

/** A kind of backend: its schema checks `backends/NAME.yaml`, `build` makes what answers. */
export interface BackendKind {
  readonly kind: string;
  readonly summary: string;
  readonly schema: z.ZodType<unknown>;
  build(config: unknown, tools: BackendTools): BuiltBackend;
}

/** Makes a kind of its definition, with the configuration's type inside only. */
export const defineBackend = <C>(definition: {
  readonly kind: string;
  readonly summary: string;
  readonly schema: z.ZodType<C>;
  build(config: C, tools: BackendTools): BuiltBackend;
}): BackendKind => ({
  ...definition,
  build: (config, tools) => definition.build(definition.schema.parse(config), tools),
});
