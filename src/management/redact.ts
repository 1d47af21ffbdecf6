import type { Resource, ResourceKind } from "../model/resource.ts";
import { holds, type Role } from "./rights.ts";

/** What stands where a secret stood. */
export const redacted = "(redacted)";

/**
 * A resource as audit and diffs may show it. Values of named secrets never enter a body; literal credentials of backends do,
 * and are taken out here unless they only name a named value.
 */
export const redactResource = (resource: Resource | undefined): unknown => {
  if (resource === undefined) return undefined;
  const body = redactBody(resource.kind, resource.body);
  return resource.document === undefined ? body : { ...objectOf(body), document: resource.document };
};

/**
 * A resource as somebody with these roles may read it: who may not write backends does not see credentials that were written out in
 * one. What only names a named value stays.
 */
export const readableBy = (roles: readonly Role[], resource: Resource): Resource => {
  if (resource.kind !== "backend" || holds(roles, "backends.write")) return resource;
  const body: unknown = redactBody(resource.kind, resource.body);
  // Only texts became other texts: it is a backend's body as before.
  return body === resource.body ? resource : { ...resource, body: body as typeof resource.body };
};

/** A resource's body without literal credentials. */
const redactBody = (kind: ResourceKind, body: unknown): unknown => {
  if (kind !== "backend" || body === null || typeof body !== "object" || !("credentials" in body)) return body;
  return { ...body, credentials: redactTexts(body.credentials) };
};

const redactTexts = (value: unknown): unknown => {
  if (typeof value === "string") return /^\{\{[^{}]+\}\}$/.test(value) ? value : redacted;
  if (Array.isArray(value)) return value.map(redactTexts);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, redactTexts(member)]));
};

const objectOf = (value: unknown): object => (typeof value === "object" && value !== null ? value : {});
