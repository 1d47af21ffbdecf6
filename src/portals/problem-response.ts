import { type Problem, problemMediaType, problemType } from "../base/problem.ts";
import { type PortalProblemCode, portalProblems } from "./problems.ts";

/** A refusal as RFC 9457 problem details. */
export const problemResponse = (code: PortalProblemCode, detail: string, requestId: string): Response => {
  const { status, title } = portalProblems[code];
  const problem: Problem = { type: problemType(code), title, status, detail, code, requestId };
  return new Response(JSON.stringify(problem), {
    status,
    headers: { "content-type": problemMediaType, "cache-control": "no-store", "x-request-id": requestId },
  });
};
