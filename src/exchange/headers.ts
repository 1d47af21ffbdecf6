/** Header or trailer fields in wire order; names compare without regard to case (RFC 9110 section 5.1). */
export interface Headers {
  /** The first field's value, or undefined. A framing-relevant field never occurs twice: the wire has refused that. */
  get(name: string): string | undefined;
  /** The values of all fields of that name, in order. */
  getAll(name: string): readonly string[];
  has(name: string): boolean;
  /** Replaces all fields of that name by one. Throws a RangeError for names or values that are not legal on the wire. */
  set(name: string, value: string): void;
  /** Adds one field behind the others. */
  append(name: string, value: string): void;
  delete(name: string): void;
  /** All fields as they stand now; costs an array. */
  entries(): readonly (readonly [name: string, value: string])[];
}

/** A token of RFC 9110 section 5.6.2: what a field name or a method may be. */
export const tokenPattern: RegExp = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** RFC 9110 section 5.5 without obs-text controls: no CR, LF, NUL, and no other control but HTAB; latin1 only. */
export const fieldValuePattern: RegExp = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Refuses what would break a message head: thrown where a policy sets a field, never silently dropped. */
export const assertField = (name: string, value: string): void => {
  if (!tokenPattern.test(name)) throw new RangeError(`not a legal header name: ${JSON.stringify(name.slice(0, 80))}`);
  if (!fieldValuePattern.test(value))
    throw new RangeError(`the value of header ${name} holds a control or non-latin1 character`);
};

/** Headers held as a list: for replies that we make ourselves, and for tests. */
export const plainHeaders = (fields: Iterable<readonly [string, string]> = []): Headers => {
  let list: [name: string, value: string][] = [];
  const same = (a: string, b: string): boolean => a.length === b.length && a.toLowerCase() === b.toLowerCase();
  const headers: Headers = {
    get: (name) => list.find((field) => same(field[0], name))?.[1],
    getAll: (name) => list.filter((field) => same(field[0], name)).map((field) => field[1]),
    has: (name) => list.some((field) => same(field[0], name)),
    set: (name, value) => {
      assertField(name, value);
      headers.delete(name);
      list.push([name, value]);
    },
    append: (name, value) => {
      assertField(name, value);
      list.push([name, value]);
    },
    delete: (name) => {
      list = list.filter((field) => !same(field[0], name));
    },
    entries: () => list,
  };
  for (const [name, value] of fields) headers.append(name, value);
  return headers;
};
