/** A JSON object as it was parsed: nothing about its members has been checked. */
export interface JsonObject {
  readonly [name: string]: unknown;
}

/** A value with its place: a JSON pointer into the document, or `file#pointer` into one of its external files. */
export interface Located {
  readonly value: unknown;
  readonly pointer: string;
}

/** Whether a parsed value is an object (neither null nor a list). */
export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A member of an object that the document itself declares: `__proto__` and `constructor` are ordinary names here. */
export const member = (value: unknown, name: string): unknown =>
  isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;

/** A member that is a string; anything else counts as absent. */
export const textOf = (value: unknown, name: string): string | undefined => {
  const found = member(value, name);
  return typeof found === "string" ? found : undefined;
};

/** A member that is a finite number; anything else counts as absent. */
export const numberOf = (value: unknown, name: string): number | undefined => {
  const found = member(value, name);
  return typeof found === "number" && Number.isFinite(found) ? found : undefined;
};

/** Whether a member is exactly `true`. */
export const isTrue = (value: unknown, name: string): boolean => member(value, name) === true;

/** A member that is a list; anything else counts as empty. */
export const listOf = (value: unknown, name: string): readonly unknown[] => {
  const found = member(value, name);
  return Array.isArray(found) ? found : [];
};

/** The strings of a member that is a list; other entries are left out. */
export const textsOf = (value: unknown, name: string): readonly string[] =>
  listOf(value, name).filter((entry) => typeof entry === "string");

/** The members of an object in document order; anything else has none. */
export const entriesOf = (value: unknown): readonly (readonly [string, unknown])[] =>
  isObject(value) ? Object.entries(value) : [];

/** The members whose names begin with `x-`, as they stand. */
export const extensionsOf = (value: unknown): JsonObject => {
  let found: Record<string, unknown> | undefined;
  if (isObject(value)) {
    for (const name in value) {
      if (!name.startsWith("x-")) continue;
      found ??= {};
      found[name] = value[name];
    }
  }
  return found ?? none;
};

const none: JsonObject = Object.freeze({});
