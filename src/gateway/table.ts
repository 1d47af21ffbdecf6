import type { UnitError } from "../model/snapshot.ts";
import type { CompiledApi } from "./compile/compiled-api.ts";
import type { RouteIndex } from "./router/route-index.ts";

/** What decides about every call: one pointer per thread, taken once per exchange. */
export interface Table {
  readonly revision: number;
  readonly hash: string;
  readonly index: RouteIndex<CompiledApi>;
  readonly apis: ReadonlyMap<string, CompiledApi>;
  /** APIs whose newest unit is not what serves. */
  readonly errors: ReadonlyMap<string, UnitError>;
}
