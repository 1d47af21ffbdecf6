import { Fault, type Finding } from "../base/fault.ts";
import { type Problem, type ProblemRow, problemType } from "../base/problem.ts";
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
  const row: ProblemRow | undefined = Object.hasOwn(managementProblems, fault.code)
    ? managementProblems[fault.code as ManagementProblemCode]
    : undefined;
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

// Faults of the rooms below (documents, the store) have their own codes; their rows are not this table's.
const titles: Readonly<Record<number, string>> = { 4: "Request refused", 5: "Not available" };
