import type { components } from "../ui/generated/management.ts";

type Schemas = components["schemas"];

// The shapes are the management API's own: its document is where they are described.
export type ApiView = Schemas["ApiView"];
export type ImportPlan = Schemas["ImportPlan"];
export type ImportFinding = ImportPlan["findings"][number];
export type PlannedOperation = ImportPlan["operations"]["added"][number];
export type GatewayView = Schemas["Gateway"];
export type UnitError = GatewayView["unitErrors"][number];
export type RevisionView = Schemas["Revision"];
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
