import { z } from "zod";
import type { Admission } from "./counters.ts";
import type { Exchange } from "./exchange.ts";
import { headerNameAttribute, variableNameAttribute } from "./policy-schema.ts";

/** Where a limit tells how it stands, beside the `RateLimit` fields: the attributes that all limiting policies share. */
export const limitAnnouncement = {
  "retry-after-header-name": headerNameAttribute.optional(),
  "retry-after-variable-name": variableNameAttribute.optional(),
  "remaining-calls-header-name": headerNameAttribute.optional(),
  "remaining-calls-variable-name": variableNameAttribute.optional(),
  "total-calls-header-name": headerNameAttribute.optional(),
};
const announcementSchema = z.object(limitAnnouncement);
type Announcement = z.infer<typeof announcementSchema>;

/** One limit with the text of its `RateLimit-Policy` item, made when it is configured. */
export interface AnnouncedLimit {
  readonly name: string;
  /** `;q=100;w=60` */
  readonly policyParameters: string;
}

/** A limit's item for draft-ietf-httpapi-ratelimit-headers-11 section 2.1. A window of 0 is none; `unit` beside requests. */
export const announcedLimit = (
  name: string,
  quota: number,
  windowMs: number,
  unit?: "content-bytes",
): AnnouncedLimit => ({
  // A String of RFC 9651 holds printable ASCII and escapes two characters of it; names need none of that.
  name: name.replace(/[^A-Za-z0-9._-]/g, "-"),
  policyParameters: `;q=${quota}${unit === undefined ? "" : `;qu="${unit}"`}${windowMs === 0 ? "" : `;w=${Math.ceil(windowMs / 1000)}`}`,
});

/** What has been announced on an exchange; no `set-variable` can have this name. */
const announcedVariable = "=limits";

interface Announced {
  readonly names: string[];
  policy: string;
  state: string;
}

/**
 * Adds a limit to `RateLimit-Policy` and `RateLimit`. Several limits of one exchange become one list each; no name occurs
 * twice (draft-11 section 2.2: a response must not hold two items of one policy), so later ones are numbered.
 */
export const announceLimit = (x: Exchange, limit: AnnouncedLimit, admission: Admission): void => {
  const seconds = admission.isAdmitted ? secondsUntil(admission.resetAfterMs) : retryAfterSeconds(admission);
  // A volume that never renews has no reset.
  const parameters = `;r=${admission.remaining}${seconds > 0 && Number.isFinite(seconds) ? `;t=${seconds}` : ""}`;
  const before = x.variables.get(announcedVariable);
  let announced: Announced;
  if (isAnnounced(before)) {
    let name = limit.name;
    for (let n = 2; before.names.includes(name); n++) name = `${limit.name}-${n}`;
    before.names.push(name);
    before.policy += `, "${name}"${limit.policyParameters}`;
    before.state += `, "${name}"${parameters}`;
    announced = before;
  } else {
    announced = {
      names: [limit.name],
      policy: `"${limit.name}"${limit.policyParameters}`,
      state: `"${limit.name}"${parameters}`,
    };
    x.variables.set(announcedVariable, announced);
  }
  x.record?.note(`limit ${limit.name}`, admission.limit);
  x.record?.note(`remaining ${limit.name}`, admission.remaining);
  x.setReplyHeader("RateLimit-Policy", announced.policy);
  x.setReplyHeader("RateLimit", announced.state);
};

/** Writes the headers and variables that the configuration names for an admission. */
export const announceDetails = (x: Exchange, config: Announcement, admission: Admission): void => {
  const remainingHeader = config["remaining-calls-header-name"];
  if (remainingHeader !== undefined) x.setReplyHeader(remainingHeader, String(admission.remaining));
  const totalHeader = config["total-calls-header-name"];
  if (totalHeader !== undefined) x.setReplyHeader(totalHeader, String(admission.limit));
  const remainingVariable = config["remaining-calls-variable-name"];
  if (remainingVariable !== undefined) x.variables.set(remainingVariable, admission.remaining);
  const retryVariable = config["retry-after-variable-name"];
  if (retryVariable !== undefined && !admission.isAdmitted)
    x.variables.set(retryVariable, retryAfterSeconds(admission));
};

/** Whole seconds, rounded up: a client that waits this long is admitted. At least 1, since 0 would mean at once. */
export const retryAfterSeconds = (admission: Admission): number => Math.max(1, secondsUntil(admission.retryAfterMs));

const secondsUntil = (ms: number): number => Math.ceil(ms / 1000);

const isAnnounced = (value: unknown): value is Announced => value !== null && typeof value === "object";
