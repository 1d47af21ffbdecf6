import { type GatewayProblemCode, gatewayProblems } from "./problems.ts";
import type { Reply } from "./reply.ts";

/** What a refusal may add to its row. */
export interface RefusalDetail {
  /** One or two sentences for the caller; the row's help where absent. */
  readonly detail?: string;
  /** Another status where the configuration asks for one (`failed-check-httpcode`). */
  readonly status?: number;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly errors?: readonly unknown[];
}

/** A refusal as a reply: problem details with the row's code, status and title. */
export const refuse = (code: GatewayProblemCode, more: RefusalDetail = {}): Reply => {
  const row = gatewayProblems[code];
  return {
    status: more.status ?? row.status,
    headers: more.headers ?? [],
    body: null,
    problem: {
      code,
      title: row.title,
      detail: more.detail ?? row.help,
      ...(more.errors === undefined ? {} : { errors: more.errors }),
    },
  };
};
