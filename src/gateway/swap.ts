import { messageOf } from "../base/fault.ts";
import type { ApiUnit, UnitError } from "../model/snapshot.ts";
import type { CompileTools } from "./compile/compile-tools.ts";
import { type CompileResult, compileUnit } from "./compile/compile-unit.ts";
import type { CompiledApi } from "./compile/compiled-api.ts";
import { type ClaimChange, claimsOf, claimText, settleClaims } from "./router/claims.ts";
import { createRouteIndex } from "./router/route-index.ts";
import type { Table } from "./table.ts";

/** What changes with one commit. A unit that is not named stays as it is. */
export interface TableChange {
  readonly revision: number;
  readonly hash: string;
  readonly units: readonly ApiUnit[];
  readonly removed: readonly string[];
}

/** The table of one thread, and the only one who changes it. */
export interface Swap {
  /** The pointer. Null before the first commit. */
  table(): Table | null;
  /**
   * Compiles what changed beside the traffic and makes it live in one step. Settles when it serves, with all unit errors of the
   * table. Changes that wait are joined into one: under a storm of commits the newest wins without compiling the others.
   */
  apply(change: TableChange): Promise<readonly UnitError[]>;
  /** Retires everything; for the end of the thread. */
  dispose(): void;
}

/** How long one slice of compiling may hold the thread. */
const sliceMs = 2;

/** An empty table. */
export const createSwap = (tools: CompileTools): Swap => {
  const { log } = tools;
  const index = createRouteIndex<CompiledApi>();
  const apis = new Map<string, CompiledApi>();
  const errors = new Map<string, UnitError>();
  /** Units that compiled but whose place another API holds: tried again when a place becomes free. */
  const displaced = new Map<string, ApiUnit>();
  let table: Table | null = null;
  let waiting: { change: TableChange; readonly settle: PromiseWithResolvers<readonly UnitError[]> } | null = null;
  let isRunning = false;

  const commit = (change: TableChange, results: ReadonlyMap<string, CompileResult>): void => {
    const changes: ClaimChange[] = change.removed.map((api) => ({ api, held: heldBy(api), wanted: [] }));
    for (const [name, result] of results) {
      if (result.api) changes.push({ api: name, held: heldBy(name), wanted: result.api.claims });
    }
    const conflicts = new Map(
      settleClaims(changes, (key) => index.holderOf(key)?.name).map((conflict) => [conflict.api, conflict]),
    );
    const replaced: CompiledApi[] = [];
    const removed = new Set(change.removed);
    // All old places are given up before any new one is taken: two APIs may change places.
    for (const { api, held } of changes) {
      if (conflicts.has(api)) continue;
      for (const claim of held) index.remove(claim);
      const old = apis.get(api);
      if (old) replaced.push(old);
      apis.delete(api);
      errors.delete(api);
      displaced.delete(api);
    }
    for (const [name, result] of results) {
      if (result.error) {
        errors.set(name, result.error);
        displaced.delete(name);
        continue;
      }
      const conflict = conflicts.get(name);
      if (conflict) {
        const message = `API ${name} asks for ${claimText(conflict.claim)}, which API ${conflict.holder} serves`;
        errors.set(name, {
          api: name,
          hash: result.api.hash,
          message,
          findings: [{ file: `apis/${name}/api.yaml`, path: "path", message }],
        });
        result.api.retire(true);
        continue;
      }
      apis.set(name, result.api);
      for (const claim of result.api.claims) index.add(claim, result.api);
    }
    table = { revision: change.revision, hash: change.hash, index, apis, errors };
    for (const old of replaced) old.retire(removed.has(old.name));
    for (const conflict of conflicts.keys()) {
      const unit = change.units.find((one) => one.api === conflict);
      if (unit) displaced.set(conflict, unit);
    }
  };

  const heldBy = (api: string): CompiledApi["claims"] => apis.get(api)?.claims ?? [];

  const perform = async (change: TableChange): Promise<void> => {
    const results = await compileAll(change.units);
    commit(change, results);
    // A place may have become free: those that were refused for it are tried again. Each round serves at least one of them.
    for (;;) {
      const units = [...displaced.values()].filter(isPlaceFree);
      if (units.length === 0) return;
      commit({ ...change, units, removed: [] }, await compileAll(units));
    }
  };

  const compileAll = async (units: readonly ApiUnit[]): Promise<Map<string, CompileResult>> => {
    const results = new Map<string, CompileResult>();
    let sliceEndsMs = performance.now() + sliceMs;
    for (const unit of units) {
      if (apis.get(unit.api)?.hash === unit.hash) {
        // Back to what serves already: nothing to compile, and its error is gone.
        errors.delete(unit.api);
        displaced.delete(unit.api);
        continue;
      }
      const compiling = compileUnit(unit, tools);
      for (;;) {
        if (performance.now() >= sliceEndsMs) {
          await nextTurn();
          sliceEndsMs = performance.now() + sliceMs;
        }
        const step = stepOf(compiling, unit);
        if (step === undefined) continue;
        results.set(unit.api, step);
        break;
      }
    }
    return results;
  };

  const stepOf = (compiling: ReturnType<typeof compileUnit>, unit: ApiUnit): CompileResult | undefined => {
    try {
      const step = compiling.next();
      return step.done ? step.value : undefined;
    } catch (thrown) {
      // Our own bug, or a unit whose shape is wrong: it must not take the other units with it.
      log.error("a unit could not be compiled", { api: unit.api, hash: unit.hash, error: thrown });
      const message = `API ${unit.api} could not be compiled: ${messageOf(thrown)}`;
      return { error: { api: unit.api, hash: unit.hash, message, findings: [] } };
    }
  };

  const isPlaceFree = (unit: ApiUnit): boolean =>
    settleClaims(
      [{ api: unit.api, held: heldBy(unit.api), wanted: claimsOf(unit) }],
      (key) => index.holderOf(key)?.name,
    ).length === 0;

  const work = async (): Promise<void> => {
    while (waiting !== null) {
      const { change, settle } = waiting;
      waiting = null;
      try {
        await perform(change);
        settle.resolve([...errors.values()]);
      } catch (thrown) {
        settle.reject(thrown);
      }
    }
    isRunning = false;
  };

  return {
    table: () => table,
    apply: (change) => {
      if (waiting === null) waiting = { change, settle: Promise.withResolvers() };
      else waiting.change = joinChanges(waiting.change, change);
      const { promise } = waiting.settle;
      if (!isRunning) {
        isRunning = true;
        // Never rejects: each change's own promise carries its failure.
        void work();
      }
      return promise;
    },
    dispose: () => {
      table = null;
      for (const api of apis.values()) api.retire(true);
      apis.clear();
    },
  };
};

/** A change of units in any form that knows its API. */
interface UnitsChange<U extends { readonly api: string }> {
  readonly revision: number;
  readonly hash: string;
  readonly units: readonly U[];
  readonly removed: readonly string[];
}

/** Two changes in a row as one. */
export const joinChanges = <U extends { readonly api: string }>(
  first: UnitsChange<U>,
  second: UnitsChange<U>,
): UnitsChange<U> => {
  const units = new Map(first.units.map((unit) => [unit.api, unit]));
  const removed = new Set(first.removed);
  for (const api of second.removed) {
    units.delete(api);
    removed.add(api);
  }
  for (const unit of second.units) {
    units.set(unit.api, unit);
    removed.delete(unit.api);
  }
  return { revision: second.revision, hash: second.hash, units: [...units.values()], removed: [...removed] };
};

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
