import { contentHash } from "../base/canonical-json.ts";
import { refuse } from "./refuse.ts";

/** A strong entity tag of a representation (RFC 9110 section 8.8.3). */
export const entityTagOf = (representation: unknown): string => `"${contentHash(representation).slice(0, 32)}"`;

/** Compares the conditions of a write with what is there now (RFC 9110 section 13.1); undefined: nothing is. Refuses with 412. */
export const matchConditions = (headers: Headers, current: unknown): void => {
  const ifMatch = conditionOf(headers, "if-match");
  const tag = current === undefined ? undefined : entityTagOf(current);
  if (ifMatch !== undefined && (tag === undefined || !(ifMatch === "*" || ifMatch.includes(tag)))) {
    throw refuse(
      "precondition.failed",
      "Somebody changed or removed it since you read it. Read it again, then repeat your change.",
    );
  }
  const ifNoneMatch = conditionOf(headers, "if-none-match");
  if (ifNoneMatch === undefined || tag === undefined) return;
  if (ifNoneMatch === "*" || ifNoneMatch.includes(tag)) throw refuse("precondition.failed", "It exists already.");
};

/** True where a reader already has this representation. Weak comparison, as RFC 9110 section 13.1.2 says. */
export const isKnownToReader = (headers: Headers, tag: string): boolean => {
  const known = conditionOf(headers, "if-none-match");
  return known !== undefined && (known === "*" || known.includes(tag));
};

const conditionOf = (headers: Headers, name: string): "*" | readonly string[] | undefined => {
  const text = headers.get(name)?.trim();
  if (text === undefined) return undefined;
  if (text === "*") return "*";
  const tags = text.split(",").map((tag) => tag.trim());
  // A proxy that compresses turns our tag into a weak one; If-Match needs a strong one, but the content is what counts here.
  if (tags.some((tag) => !/^(W\/)?"[\x21\x23-\x7e]*"$/.test(tag))) {
    throw refuse("precondition.invalid", `${name} must hold entity tags in quotes, or *.`);
  }
  return tags.map((tag) => tag.replace(/^W\//, ""));
};
