import type { ResourceKind } from "../model/resource.ts";
import { refuse } from "./refuse.ts";

/** The roles of those who administer. A token or session holds one or more. */
export const roles = ["owner", "operator", "publisher", "support", "viewer"] as const;
export type Role = (typeof roles)[number];

/**
 * Which role holds which right. An operation asks for exactly one.
 *
 * Owners may do everything; operators run the platform but do not touch APIs; publishers own APIs, products and those who
 * use them; support looks after consumers; viewers look.
 */
// biome-ignore format: a reviewer reads this as one table.
export const rights = {
  //                  owner    operator    publisher    support    viewer
  "apis.read":       ["owner", "operator", "publisher", "support", "viewer"],
  "apis.write":      ["owner",             "publisher"],
  "backends.read":   ["owner", "operator", "publisher",            "viewer"],
  "backends.write":  ["owner", "operator", "publisher"],
  "settings.read":   ["owner", "operator", "publisher",            "viewer"],
  "settings.write":  ["owner", "operator"],
  "consumers.read":  ["owner", "operator", "publisher", "support", "viewer"],
  "consumers.write": ["owner",             "publisher", "support"],
  "members.read":    ["owner", "operator"],
  "members.write":   ["owner"],
  "gateways.read":   ["owner", "operator", "publisher",            "viewer"],
  "traffic.read":    ["owner", "operator", "publisher", "support", "viewer"],
  "audit.read":      ["owner", "operator"],
  "recovery.write":  ["owner"],
} as const satisfies Readonly<Record<string, readonly Role[]>>;

export type Right = keyof typeof rights;

/** True where one of the roles holds the right. */
export const holds = (held: readonly Role[], right: Right): boolean => {
  const allowed: readonly Role[] = rights[right];
  return held.some((role) => allowed.includes(role));
};

/** The rights that roles give together. */
export const rightsOf = (held: readonly Role[]): readonly string[] =>
  Object.entries(rights)
    .filter(([, allowed]) => allowed.some((role) => held.includes(role)))
    .map(([right]) => right);

/** Narrows a text to a role. */
export const isRole = (text: string): text is Role => roles.some((role) => role === text);

/** The right that a change of a kind asks for, where one request may change several kinds. */
const kindRights: Readonly<Record<ResourceKind, Right>> = {
  settings: "settings.write",
  backend: "backends.write",
  "named-value": "backends.write",
  certificate: "settings.write",
  fragment: "apis.write",
  api: "apis.write",
  "api-policy": "apis.write",
  product: "apis.write",
};

/** Refuses where one of the kinds may not be changed by these roles. */
export const requireKinds = (held: readonly Role[], kinds: Iterable<ResourceKind>): void => {
  for (const kind of new Set(kinds)) {
    const right = kindRights[kind];
    if (holds(held, right)) continue;
    throw refuse("right.missing", `Changing a ${kind} needs the right ${right}, which none of your roles holds.`);
  }
};
