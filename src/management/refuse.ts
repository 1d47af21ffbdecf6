import { Fault, type Finding } from "../base/fault.ts";
import { type Problem, type ProblemRow, type ProblemTable, problemType } from "../base/problem.ts";
import { documentProblems } from "../openapi/problems.ts";
import { storeProblems } from "../store/problems.ts";
import { type ManagementProblemCode, managementProblems } from "./problems.ts";

/** One mistake in what was sent: `pointer` is a JSON pointer into the body, `parameter` a parameter's or header's name. */
export interface RequestMistake extends Finding {
  readonly pointer?: string;
  readonly parameter?: string;
}

/** A refusal of a request, to be thrown; the server turns it into problem details. */
export const refuse = (code: ManagementProblemCode, detail: string, errors: readonly RequestMistake[] = []): Fault =>
  new Fault(code, { public: detail, status: managementProblems[code].status, findings: errors });

/** RFC 9457 problem details of anything that was thrown; what is no fault says nothing of itself. */
export const problemOf = (thrown: unknown, requestId: string): Problem => {
  const fault =
    thrown instanceof Fault
      ? thrown
      : refuse("management.fault", "Something failed that should not. The log has more.");
  const row = rowOf(fault.code);
  return {
    type: problemType(fault.code),
    title: row?.title ?? titles[Math.floor(fault.status / 100)] ?? "Refused",
    status: fault.status,
    detail: fault.message,
    code: fault.code,
    requestId,
    ...(fault.findings.length === 0 ? {} : { errors: fault.findings }),
  };
};

/** Faults of the rooms below come through with their own codes. */
const tables: readonly ProblemTable[] = [managementProblems, documentProblems, storeProblems];

const rowOf = (code: string): ProblemRow | undefined => {
  for (const table of tables) if (Object.hasOwn(table, code)) return table[code];
  return undefined;
};

const titles: Readonly<Record<number, string>> = { 4: "Request refused", 5: "Not available" };
