import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import type { ContractSchema } from "./contract.ts";
import { schemaPattern } from "./schema-pattern.ts";
import { adaptSchema, type SchemaVariant } from "./schema-variant.ts";

/** One thing that a value breaks: where, as a JSON pointer, and what. Never the value itself. */
export interface SchemaFinding {
  readonly pointer: string;
  readonly detail: string;
}

/** Checks a value; null where it is valid. Throws nothing. */
export type SchemaCheck = (value: unknown) => readonly SchemaFinding[] | null;

/** The compiled schemas of one contract, in one variant. */
export interface SchemaSet {
  /** Compiles a schema under a key that stands for its content, one of those it leads to after the other. Throws for what is no schema. */
  prepare(key: string, schema: ContractSchema): Generator<undefined, SchemaCheck>;
  dispose(): void;
}

/** Findings that one message is told of. */
export const findingsMax: number = 20;

/** A set over the named schemas of a contract; what is never asked for is never compiled. */
export const schemaSet = (schemas: Readonly<Record<string, ContractSchema>>, variant: SchemaVariant): SchemaSet => {
  const ajv = new Ajv2020({
    strict: false,
    allErrors: true,
    logger: false,
    // Everything that is registered has a key of its own; nothing is found by a caller's words.
    addUsedSchema: false,
    // Each named schema is code of its own, made once: put in place, a large one would be made again wherever it is named.
    inlineRefs: false,
    code: { regExp: Object.assign(linearRegExp, { code: "linear" }) },
  });
  // The package is CommonJS: its default export is a property of what TypeScript sees.
  (addFormats as unknown as typeof addFormats.default)(ajv);
  ajv.removeKeyword("uniqueItems");
  ajv.addKeyword({
    keyword: "uniqueItems",
    type: "array",
    schemaType: "boolean",
    validate: areUnique,
    error: { message: "must NOT have duplicate items" },
  });
  const registered = new Map<string, readonly string[]>();
  const compiled = new Set<string>();
  const checks = new Map<string, SchemaCheck>();
  let isDisposed = false;

  /** Registers a named schema, once; answers what it leads to, or undefined where there is none of that name. */
  const register = (ref: string): readonly string[] | undefined => {
    const known = registered.get(ref);
    if (known !== undefined) return known;
    const name = ref.slice(ref.indexOf(":") + 1);
    const schema = Object.hasOwn(schemas, name) ? schemas[name] : undefined;
    if (schema === undefined) return undefined;
    const adapted = adaptSchema(schema, variant, ref.startsWith("open:"));
    ajv.addSchema(adapted, ref, false, false);
    const leadsTo = referencesOf(adapted);
    registered.set(ref, leadsTo);
    return leadsTo;
  };

  /** Everything that the references lead to and that is not compiled yet, the last first. Registered before anything is compiled. */
  function* closure(refs: readonly string[], seen: Set<string>, order: string[]): Generator<undefined, void> {
    for (const ref of refs) {
      if (seen.has(ref) || compiled.has(ref)) continue;
      seen.add(ref);
      const below = register(ref);
      if (below === undefined) continue;
      yield;
      yield* closure(below, seen, order);
      order.push(ref);
    }
  }

  return {
    prepare: function* (key, schema) {
      const known = checks.get(key);
      if (known !== undefined) return known;
      const adapted = adaptSchema(schema, variant, false);
      const order: string[] = [];
      yield* closure(referencesOf(adapted), new Set(), order);
      for (const ref of order) {
        if (compiled.has(ref)) continue;
        compiled.add(ref);
        ajv.getSchema(ref);
        yield;
      }
      if (isDisposed) return nothingFound;
      const check = checkOf(ajv.compile(typeof adapted === "boolean" ? adapted : { ...adapted }));
      checks.set(key, check);
      return check;
    },
    dispose: () => {
      isDisposed = true;
      checks.clear();
    },
  };
};

const nothingFound: SchemaCheck = () => null;

const linearRegExp = (pattern: string): { test(text: string): boolean } => schemaPattern(pattern);

const referencesOf = (value: unknown): readonly string[] => {
  const found: string[] = [];
  const visit = (node: unknown): void => {
    if (typeof node !== "object" || node === null) return;
    for (const [name, below] of Object.entries(node)) {
      if (name === "$ref" && typeof below === "string" && /^(schema|open):/.test(below)) found.push(below);
      else if (name !== "enum" && name !== "const") visit(below);
    }
  };
  visit(value);
  return found;
};

const checkOf =
  (validate: ValidateFunction): SchemaCheck =>
  (value) => {
    try {
      if (validate(value) === true) return null;
    } catch (thrown) {
      // A value nested deeper than the thread's stack reaches is refused like any other that cannot be right.
      if (!(thrown instanceof RangeError)) throw thrown;
      return [{ pointer: "", detail: "is nested too deep" }];
    }
    return findingsOf(validate.errors ?? []);
  };

const findingsOf = (errors: readonly ErrorObject[]): readonly SchemaFinding[] => {
  const findings: SchemaFinding[] = [];
  for (const error of errors) {
    // That a branch failed says less than why.
    if (error.keyword === "if") continue;
    const extra: unknown = error.params.additionalProperty ?? error.params.unevaluatedProperty;
    const at = typeof extra === "string" ? `/${extra.replaceAll("~", "~0").replaceAll("/", "~1")}` : "";
    const detail =
      typeof extra === "string" ? "is not a property that is allowed here" : (error.message ?? error.keyword);
    findings.push({ pointer: (error.instancePath + at).slice(0, 500), detail: detail.slice(0, 300) });
    if (findings.length === findingsMax) break;
  }
  return findings;
};

// Ajv compares each object with every other; a body of thousands of them would hold the thread for seconds.
const areUnique = (isWanted: boolean, items: readonly unknown[]): boolean => {
  if (!isWanted) return true;
  const seen = new Set<unknown>();
  for (const item of items) {
    const key =
      typeof item === "object" && item !== null ? `o${canonical(item)}` : typeof item === "string" ? `s${item}` : item;
    if (seen.has(key)) return false;
    seen.add(key);
  }
  return true;
};

const canonical = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return `{${Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, below]) => `${JSON.stringify(name)}:${canonical(below)}`)
    .join()}}`;
};
