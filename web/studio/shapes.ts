import type { components } from "../ui/generated/management.ts";

type Schemas = components["schemas"];

// The shapes are the management API's own: its document is where they are described.
export type ApiView = Schemas["ApiView"];
export type AccessKey = Schemas["AccessKey"];
export type ImportPlan = Schemas["ImportPlan"];
export type ImportFinding = ImportPlan["findings"][number];
export type PlannedOperation = ImportPlan["operations"]["added"][number];
export type GatewayView = Schemas["Gateway"];
export type UnitError = GatewayView["unitErrors"][number];
export type RevisionView = Schemas["Revision"];
export type Explanation = Schemas["Explanation"];
export type ExplainedStep = Schemas["ExplainedStep"];
export type EffectiveStep = Schemas["EffectivePolicy"]["inbound"][number];

/** The sections of a policy, in the order in which they run. */
export const policySections = ["inbound", "backend", "outbound", "on-error"] as const;

/** One line of an API's operations. */
export interface OperationRow {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly summary?: string;
  readonly tags: readonly string[];
  readonly isDeprecated: boolean;
  readonly isHidden: boolean;
  readonly protect: readonly ("key" | "jwt")[];
  readonly hasPolicy: boolean;
}

/** One line of the newest calls, as gateways tell it. */
export interface RequestRow {
  readonly id: string;
  readonly time: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly durationMs: number;
  readonly api: string;
  readonly operation: string;
  readonly code: string;
}

/** A record of a gateway as a line; what it does not tell is empty. */
export const requestRow = (record: Readonly<Record<string, unknown>>): RequestRow => {
  const text = (name: string): string => {
    const value = record[name];
    return typeof value === "string" ? value : "";
  };
  return {
    id: text("id"),
    time: text("time"),
    method: text("method"),
    path: text("path"),
    status: Number(record.status ?? 0),
    durationMs: Number(record.durationMs ?? 0),
    api: text("api"),
    operation: text("operation"),
    code: text("code"),
  };
};
