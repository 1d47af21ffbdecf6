import type { ProblemTable } from "../base/problem.ts";
import { gatewayProblems } from "../exchange/problems.ts";
import { managementProblems } from "../management/problems.ts";
import { documentProblems } from "../openapi/problems.ts";
import { portalProblems } from "../portals/problems.ts";
import { storeProblems } from "../store/problems.ts";
import { programProblems } from "./problems.ts";

/** The tables of refusals, by who answers with them. */
export const problemTables: Readonly<Record<string, ProblemTable>> = {
  Gateway: gatewayProblems,
  "Management API": managementProblems,
  "Developer portal": portalProblems,
  Documents: documentProblems,
  Database: storeProblems,
  "Command line and start": programProblems,
};

/** `docs/errors.md` as the tables say it should be. */
export const errorReference = (): string => `# Error codes

Errors are problem details (RFC 9457, \`application/problem+json\`) with \`type\`, \`title\`, \`status\`, \`detail\`, \`code\` and \`requestId\`.
A code never changes its meaning and is never used again. This page is generated from the tables in the source.

${Object.entries(problemTables)
  .map(
    ([who, table]) =>
      `## ${who}\n\n| code | status | title | when, and what to do |\n|---|---|---|---|\n${rowsOf(table)}\n`,
  )
  .join("\n")}`;

const rowsOf = (table: ProblemTable): string =>
  Object.entries(table)
    .map(([code, row]) => `| \`${code}\` | ${row.status} | ${row.title} | ${row.help} |`)
    .join("\n");
