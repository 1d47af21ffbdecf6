/** One page of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next?: string;
}

/** An API: its name and what its file says. */
export interface ApiView {
  readonly name: string;
  readonly title?: string;
  readonly description?: string;
  readonly path: string;
  readonly hosts?: readonly string[];
  readonly backend?: string;
  readonly protect?: string | readonly string[];
  readonly versions?: { readonly scheme: string; readonly value: string; readonly parameter?: string };
  readonly gateways?: readonly string[];
  readonly visibility?: string | Readonly<Record<string, unknown>>;
  readonly products?: readonly string[];
  readonly tags?: readonly string[];
  readonly deprecated?: boolean;
  readonly document?: { readonly fileName: string; readonly hash: string };
  readonly revision: number;
}

/** One line of an API's operations. */
export interface OperationRow {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly summary?: string;
  readonly tags: readonly string[];
  readonly isDeprecated: boolean;
  readonly isHidden: boolean;
  readonly protect: readonly string[];
  readonly hasPolicy: boolean;
}

/** A revision in which an API changed. */
export interface ApiRevision {
  readonly revision: number;
  readonly isDeleted: boolean;
}

/** What an import does or would do. */
export interface ImportPlan {
  readonly api: string;
  readonly isNew: boolean;
  readonly title?: string;
  readonly path: string;
  readonly document: {
    readonly fileName: string;
    readonly version: string;
    readonly operations: number;
    readonly bytes: number;
  };
  readonly operations: {
    readonly added: readonly PlannedOperation[];
    readonly removed: readonly PlannedOperation[];
    readonly changed: readonly (PlannedOperation & { readonly level: string })[];
    readonly unchanged: number;
  };
  readonly level?: string;
  readonly findings: readonly ImportFinding[];
  readonly affects: {
    readonly policies: readonly { readonly operation: string; readonly becomes?: string }[];
    readonly products: readonly string[];
  };
  readonly revision?: number;
}

export interface PlannedOperation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly summary?: string;
}

export interface ImportFinding {
  readonly rule: string;
  readonly severity: "error" | "warning" | "info";
  readonly message: string;
  readonly line: number;
  readonly column: number;
}

/** A gateway as it last said it was. */
export interface GatewayView {
  readonly instance: string;
  readonly version: string;
  readonly labels: readonly string[];
  readonly revision: number;
  readonly threads: number;
  readonly isConnected: boolean;
  readonly reportedAt?: string;
  readonly unitErrors: readonly UnitError[];
}

/** Why the newest version of an API does not run. */
export interface UnitError {
  readonly api: string;
  readonly message: string;
  readonly findings: readonly { readonly file?: string; readonly path?: string; readonly message: string }[];
}

/** All gateways, and what they should run. */
export interface GatewayList {
  readonly desiredRevision: number;
  readonly undeliverable: readonly UnitError[];
  readonly items: readonly GatewayView[];
}

/** A product: the APIs that are sold together. */
export interface ProductView {
  readonly name: string;
  readonly title?: string;
  readonly apis: readonly string[];
}

/** One revision. */
export interface RevisionView {
  readonly revision: number;
  readonly at: string;
  readonly actor: string;
  readonly message?: string;
  readonly kind: "configuration" | "access";
}

export const policySections = ["inbound", "backend", "outbound", "on-error"] as const;
export type PolicySection = (typeof policySections)[number];

/** One step in the order in which it runs, with the scope that says so. */
export interface EffectiveStep {
  readonly policy: string;
  readonly config: unknown;
  readonly scope: string;
  readonly product?: string;
  readonly file: string;
  readonly path: string;
}

export type EffectivePolicy = Readonly<Record<PolicySection, readonly EffectiveStep[]>>;

/** What one scope says. */
export type PolicyDocument = Readonly<Partial<Record<PolicySection, readonly unknown[]>>>;
