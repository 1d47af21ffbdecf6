import type { BackendKind } from "../exchange/backend.ts";
import type { Policy } from "../exchange/policy.ts";

/** Every policy that a document may name, in the order of the reference. */
export const standardPolicies: readonly Policy[] = [];

/** Every kind of backend. */
export const standardBackends: readonly BackendKind[] = [];
