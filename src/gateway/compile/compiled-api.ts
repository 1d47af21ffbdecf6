import type { BuiltBackend } from "../../exchange/backend.ts";
import type { Caller, RouteFacts } from "../../exchange/exchange.ts";
import type { Priority } from "../../model/api.ts";
import type { SecretNames } from "../record/redactor.ts";
import type { Claim } from "../router/claims.ts";
import type { OperationTree } from "../router/operation-tree.ts";
import type { PathTemplate } from "../router/path-template.ts";
import type { StreamSettings } from "../stream-settings.ts";
import type { CompiledStep } from "./compiled-step.ts";
import { assemblePipeline, type BuiltDocument, type Pipeline } from "./pipeline.ts";

/** One operation, ready to serve. Everything a call needs is on it. */
export interface CompiledRoute {
  readonly facts: RouteFacts;
  readonly api: CompiledApi;
  readonly template: PathTemplate;
  /** Runs before everything else: the protection, or nothing where the operation is open. */
  readonly protectList: readonly CompiledStep[];
  /** For callers of no product. */
  readonly pipeline: Pipeline;
  readonly backend: BuiltBackend;
  readonly streams: StreamSettings;
  /** Answers CORS preflights of the operation; null where no policy does. */
  readonly preflight: readonly CompiledStep[] | null;
  /** The operation's own document, or undefined. */
  readonly document: BuiltDocument | undefined;
  /** Pipelines for callers of a product and plan, put together on the first call. */
  readonly byPlan: Map<string, Map<string, Pipeline>>;
}

/** A unit, compiled: what one API needs, with the number of exchanges that still use it. */
export interface CompiledApi {
  readonly name: string;
  readonly hash: string;
  readonly claims: readonly Claim[];
  /** What an overloaded thread goes by. */
  readonly priority: Priority;
  /** What is known of a call that reached the API but none of its operations. */
  readonly facts: RouteFacts;
  readonly operations: OperationTree<CompiledRoute>;
  readonly backends: ReadonlyMap<string, BuiltBackend>;
  readonly scopes: ApiScopes;
  /** Takes the API's secrets out of a text or a log field. */
  redact(text: string): string;
  /** What records of its calls must not show. */
  readonly secretNames: SecretNames;
  /** An exchange begins or ends on it. */
  begin(): void;
  end(): void;
  /**
   * No new exchange comes: disposes of policies and backends when the last one is done. Long streams are told; `isRemoved`: no other table
   * takes the API's place.
   */
  retire(isRemoved: boolean): void;
  readonly exchanges: number;
  readonly isDisposed: boolean;
}

/** The built documents above the operation, and the limits of plans. */
export interface ApiScopes {
  readonly platform: BuiltDocument | undefined;
  readonly workspace: BuiltDocument | undefined;
  readonly api: BuiltDocument | undefined;
  /** Every product that holds the API, with its document and its plans' steps. */
  readonly products: ReadonlyMap<string, ProductScope>;
  /** Pipelines of operations without an own document, by product and plan: one for all of them. */
  readonly byPlan: Map<string, Map<string, Pipeline>>;
}

/** What a product adds for its callers. */
export interface ProductScope {
  readonly document: BuiltDocument | undefined;
  readonly plans: ReadonlyMap<string, readonly CompiledStep[]>;
}

/** The pipeline for a caller, or null where its plan is not one of its product's: unknown means no. */
export const pipelineFor = (route: CompiledRoute, caller: Caller | null): Pipeline | null => {
  if (caller === null || caller.product === "") return route.pipeline;
  const known = route.byPlan.get(caller.product)?.get(caller.plan);
  return known ?? assembleFor(route, caller.product, caller.plan);
};

/** The pipeline of an operation for callers of no product. */
export const pipelineWithoutProduct = (scopes: ApiScopes, document: BuiltDocument | undefined): Pipeline =>
  assemblePipeline([scopes.platform, scopes.workspace, scopes.api, document]);

const assembleFor = (route: CompiledRoute, product: string, plan: string): Pipeline | null => {
  const { scopes } = route.api;
  const scope = scopes.products.get(product);
  // A caller of a product that does not hold this API has been let in by another protection than its key.
  if (scope === undefined) return route.pipeline;
  const limits = plan === "" ? [] : scope.plans.get(plan);
  if (limits === undefined) return null;
  const byPlan = route.document === undefined ? scopes.byPlan : route.byPlan;
  let pipeline = byPlan.get(product)?.get(plan);
  if (pipeline === undefined) {
    pipeline = assemblePipeline(
      [scopes.platform, scopes.workspace, scope.document, scopes.api, route.document],
      limits,
    );
    put(byPlan, product, plan, pipeline);
  }
  if (byPlan !== route.byPlan) put(route.byPlan, product, plan, pipeline);
  return pipeline;
};

// Bounded by the unit: only its own products and plans come here.
const put = (byPlan: Map<string, Map<string, Pipeline>>, product: string, plan: string, pipeline: Pipeline): void => {
  let plans = byPlan.get(product);
  if (plans === undefined) {
    plans = new Map();
    byPlan.set(product, plans);
  }
  plans.set(plan, pipeline);
};
