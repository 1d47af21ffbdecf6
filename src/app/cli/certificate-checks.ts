import { type Json, listOf, textOf } from "./management-client.ts";

/** What one look found. */
export interface Check {
  readonly name: string;
  readonly state: "ok" | "warning" | "failure";
  readonly message: string;
  readonly next?: string;
}

const dayMs = 86_400_000;
/** ACME renews with a third of ninety days left: what comes so near has failed for a week. */
const warnDays = 21;
const next = "docs/tls.md says how certificates are exchanged.";

/** Looks at what `GET /certificates` says: those that cannot be used, and those that end soon. */
export const certificateChecks = (certificates: Json, nowMs: number): readonly Check[] =>
  listOf(certificates, "items").map((item): Check => {
    const name = `Certificate ${textOf(item, "name") ?? ""}`;
    const status = statusOf(item);
    const problems = Array.isArray(status.problems) ? status.problems.map(String).join(" ") : "";
    if (status.isUsable !== true)
      return { name, state: "failure", message: problems === "" ? "cannot be used." : problems, next };
    const days = Math.floor((Date.parse(textOf(status, "notAfter") ?? "") - nowMs) / dayMs);
    if (days >= warnDays) return { name, state: "ok", message: `good for ${days} days` };
    return days >= 0
      ? { name, state: "warning", message: `ends in ${days} days.`, next }
      : { name, state: "failure", message: "has ended.", next };
  });

const statusOf = (item: Json): Json => {
  const { status } = item;
  return typeof status === "object" && status !== null ? { ...status } : {};
};
