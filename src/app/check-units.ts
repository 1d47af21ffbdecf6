import { compileValue } from "../expressions/value.ts";
import { checkUnit } from "../gateway/compile/check-unit.ts";
import type { ApiUnit, UnitError } from "../model/snapshot.ts";
import { standardBackends, standardPolicies } from "./standard.ts";

/** Compiles units as a gateway of this version would, without running them, and answers what is wrong with each. */
export const checkUnits = (units: readonly ApiUnit[]): readonly UnitError[] =>
  units.flatMap(
    (unit) => checkUnit(unit, { policies: standardPolicies, backends: standardBackends, compileValue }) ?? [],
  );
