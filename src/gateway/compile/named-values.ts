import { nearest } from "../../base/nearest.ts";
import type { ApiUnit } from "../../model/snapshot.ts";

/** The named values of a unit. */
export interface NamedValues {
  /** The value with every `{{name}}` in its strings replaced; `\{{` stays `{{`. Unknown names are mistakes. */
  substitute(value: unknown, mistake: (path: string, message: string) => void): unknown;
  /** The text with every secret value taken out. */
  redact(text: string): string;
  readonly hasSecrets: boolean;
  /** The secret values, the longest first. */
  readonly secrets: readonly string[];
}

/** The named values as a unit carries them. */
export const namedValuesOf = (values: ApiUnit["namedValues"]): NamedValues => {
  const secrets = Object.values(values)
    .filter((one) => one.secret && one.value !== "")
    .map((one) => one.value)
    // A secret that contains another one must go first, or its rest would stay.
    .sort((a, b) => b.length - a.length);

  const replace = (text: string, path: string, mistake: (path: string, message: string) => void): string => {
    if (!text.includes("{{")) return text;
    return text.replace(/\\\{\{|\{\{\s*([^{}]*?)\s*\}\}/g, (whole, name: string | undefined) => {
      if (name === undefined) return "{{";
      const found = Object.hasOwn(values, name) ? values[name] : undefined;
      if (found !== undefined) return found.value;
      const meant = nearest(name, Object.keys(values));
      mistake(path, `unknown named value {{${name}}}${meant === undefined ? "" : `; did you mean {{${meant}}}?`}`);
      return whole;
    });
  };

  const substitute = (value: unknown, path: string, mistake: (path: string, message: string) => void): unknown => {
    if (typeof value === "string") return replace(value, path, mistake);
    if (Array.isArray(value)) return value.map((item, index) => substitute(item, `${path}[${index}]`, mistake));
    if (value === null || typeof value !== "object") return value;
    const changed: Record<string, unknown> = {};
    for (const [key, item] of Object.entries(value)) {
      // A key named `__proto__` must become a member like any other.
      Object.defineProperty(changed, key, {
        value: isLiquid(value, key) ? item : substitute(item, `${path}.${key}`, mistake),
        enumerable: true,
        configurable: true,
        writable: true,
      });
    }
    return changed;
  };

  return {
    substitute: (value, mistake) => substitute(value, "", mistake),
    redact: (text) => {
      let shown = text;
      for (const secret of secrets) shown = shown.replaceAll(secret, "[secret]");
      return shown;
    },
    hasSecrets: secrets.length > 0,
    secrets,
  };
};

/** In a Liquid template braces are Liquid's: `{ template: liquid, value: "{{ body.name }}" }`. */
const isLiquid = (value: object, key: string): boolean =>
  key === "value" && Reflect.get(value, "template") === "liquid";
