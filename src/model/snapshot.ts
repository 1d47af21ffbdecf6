import type { Priority, Protection, Version } from "./api.ts";
import type { Backend } from "./backend.ts";
import type { SubscriptionState } from "./consumer.ts";
import type { ApiContract } from "./contract.ts";
import type { Operation } from "./operation.ts";
import type { PolicyDocument, PolicyStep } from "./policy-document.ts";
import type { Plan } from "./product.ts";
import type { Streams, Upgrade } from "./streams.ts";
import type { TlsState } from "./tls.ts";

/** An operation as a unit carries it, with what the API's file says about it. */
export interface UnitOperation extends Operation {
  /** The protections of which any one suffices; an empty list means open. */
  readonly protect: readonly Exclude<Protection, "none">[];
  /** A name in `backends`. */
  readonly backend: string;
  /** Instead of the API's. */
  readonly upgrade?: Upgrade;
  readonly streams?: Streams;
}

/** Where a policy was written, for errors and explain. */
export interface UnitPolicy {
  readonly document: PolicyDocument;
  /** The file it came from, relative to its bundle: `apis/orders/policy.yaml`. */
  readonly file: string;
  /** Where in the file the document stands: `operations.listOrders`, `policy`; absent: at its root. */
  readonly at?: string;
}

/**
 * Everything one API needs at a gateway, complete in itself: a gateway compiles, keeps and drops it as a whole.
 * `hash` is the content hash of all other fields: equal hash, equal unit. A unit may hold secrets.
 */
export interface ApiUnit {
  readonly hash: string;
  readonly api: string;
  readonly title: string;
  readonly path: string;
  /** Lower-case host names, `*.` for any label in front; empty: every host. */
  readonly hosts: readonly string[];
  readonly version?: Version;
  /** Labels of the gateways it is for; empty: all. */
  readonly gateways: readonly string[];
  readonly deprecated: boolean;
  /** Protocols that clients may change to; absent: WebSocket. */
  readonly upgrade?: Upgrade;
  /** What bounds upgraded connections and streams of events. */
  readonly streams?: Streams;
  /** Which calls an overloaded gateway refuses first; absent: `normal`. */
  readonly priority?: Priority;
  /** Header and query parameter names that carry the key, beside `X-API-Key`: from the document's `apiKey` schemes. */
  readonly keyHeaders: readonly string[];
  readonly keyQueryParameters: readonly string[];
  /** Configuration of the policy `validate-jwt` that `protect: jwt` stands for. */
  readonly jwt?: Readonly<Record<string, unknown>>;
  readonly operations: readonly UnitOperation[];
  /** What the document says about them, where a policy works from it. */
  readonly contract?: ApiContract;
  /** Every backend that the API or its policies name. */
  readonly backends: Readonly<Record<string, Backend>>;
  readonly policies: {
    readonly platform?: UnitPolicy;
    readonly workspace?: UnitPolicy;
    /** By product: the products that hold this API. */
    readonly products: Readonly<Record<string, UnitPolicy>>;
    readonly api?: UnitPolicy;
    readonly operations: Readonly<Record<string, UnitPolicy>>;
  };
  /** The plans of each product that holds this API: product, then plan. */
  readonly products: Readonly<Record<string, Readonly<Record<string, Plan>>>>;
  readonly fragments: Readonly<Record<string, readonly PolicyStep[]>>;
  /** Named values that the policies and backends use; `secret` ones are redacted wherever they would be shown. */
  readonly namedValues: Readonly<Record<string, { readonly value: string; readonly secret: boolean }>>;
}

/** The whole configuration of the data plane at one revision. `hash` covers the units' hashes in order of API name. */
export interface Snapshot {
  readonly revision: number;
  readonly hash: string;
  readonly units: readonly ApiUnit[];
}

/** A subscription as gateways know it. */
export interface SubscriptionEntry {
  readonly id: string;
  readonly state: SubscriptionState;
  readonly product: string;
  readonly plan: string;
  readonly application: string;
  readonly organization: string;
}

/** A key as gateways know it: the first 16 bytes of its SHA-256 in hex, whose it is, and until when (0: no end). */
export interface KeyEntry {
  readonly digest: string;
  readonly subscription: string;
  readonly expiresAtMs: number;
}

/**
 * One line of the stream from control to a gateway (JSON lines). After it connects with the unit hashes it holds, a gateway
 * receives first what it lacks, then a `commit`; later each change as deltas with its own `commit`. Nothing takes effect before
 * its commit. `reset` says that the gateway's access table is replaced rather than changed.
 */
export type DeliveryMessage =
  | { readonly type: "unit"; readonly unit: ApiUnit }
  | { readonly type: "remove-unit"; readonly api: string }
  | { readonly type: "manifest"; readonly units: Readonly<Record<string, string>> }
  | {
      readonly type: "access";
      readonly reset: boolean;
      readonly subscriptions: readonly SubscriptionEntry[];
      readonly keys: readonly KeyEntry[];
      /** Digests that are no longer valid. */
      readonly revoked: readonly string[];
    }
  /** All certificates with their keys, where they are others than before. */
  | { readonly type: "tls"; readonly state: TlsState }
  /** All answers of HTTP-01 challenges that are open, by token; takes effect at once. */
  | { readonly type: "acme-challenges"; readonly answers: Readonly<Record<string, string>> }
  /** The public key of tokens that ask for calls to be explained; takes effect at once. */
  | { readonly type: "explain-key"; readonly key: string }
  | { readonly type: "commit"; readonly revision: number; readonly hash: string }
  | { readonly type: "beat"; readonly nowMs: number };

/** What a gateway reports back after each commit and every few seconds. */
export interface GatewayReport {
  readonly instance: string;
  readonly version: string;
  readonly labels: readonly string[];
  readonly revision: number;
  readonly hash: string;
  readonly threads: number;
  readonly startedAtMs: number;
  /** APIs whose newest unit did not compile; their last good version serves. */
  readonly unitErrors: readonly UnitError[];
}

/** Why a unit did not compile, each finding with its path in the unit's files. */
export interface UnitError {
  readonly api: string;
  readonly hash: string;
  readonly message: string;
  readonly findings: readonly { readonly file?: string; readonly path?: string; readonly message: string }[];
}

/** One minute of calls that share api, operation, subscription and status. */
export interface UsageRow {
  /** Start of the minute, milliseconds since 1970. */
  readonly minuteMs: number;
  readonly api: string;
  readonly operation: string;
  /** Empty where the caller has none. */
  readonly subscription: string;
  readonly status: number;
  readonly calls: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly durationMsSum: number;
  readonly durationMsMax: number;
}
