import { mockBackendName } from "../model/backend.ts";
import type { Resource } from "../model/resource.ts";

/** A place where a policy, a backend or an API names something by its name. */
export interface Mention {
  readonly what: "fragment" | "backend" | "named-value" | "policy";
  readonly name: string;
  /** Path within the value that was searched. */
  readonly path: readonly PropertyKey[];
}

/** Everything that a configuration value names: fragments, backends, policies by their step, `{{named values}}` in any text. */
const mentionsIn = (value: unknown): readonly Mention[] => {
  const found: Mention[] = [];
  const visit = (node: unknown, path: readonly PropertyKey[]): void => {
    if (typeof node === "string") {
      for (const [, name] of node.matchAll(namedValuePattern)) {
        if (name !== undefined) found.push({ what: "named-value", name, path });
      }
      return;
    }
    if (Array.isArray(node)) {
      node.forEach((item: unknown, index) => {
        const step = stepOf(item);
        if (step !== undefined) found.push({ what: "policy", name: step[0], path: [...path, index, step[0]] });
        if (step !== undefined) found.push(...namedBy(step[0], step[1], [...path, index, step[0]]));
        visit(item, [...path, index]);
      });
      return;
    }
    if (typeof node !== "object" || node === null) return;
    for (const [name, below] of Object.entries(node)) {
      // In a Liquid template braces are Liquid's.
      if (name === "value" && Reflect.get(node, "template") === "liquid") continue;
      visit(below, [...path, name]);
    }
  };
  visit(value, []);
  return found;
};

/** The backends, fragments and named values that a resource names, with their paths in its body. */
export const mentionsOf = (resource: Resource): readonly Mention[] => {
  // An API's and a product's texts are for people; `{{...}}` in a description means nothing.
  if (resource.kind === "api") return mentionsIn(resource.body.jwt ?? {}).map((mention) => below(["jwt"], mention));
  if (resource.kind === "product")
    return mentionsIn(resource.body.policy ?? {}).map((mention) => below(["policy"], mention));
  if (resource.kind === "fragment") return mentionsIn(resource.body.steps).map((mention) => below(["steps"], mention));
  if (resource.kind === "settings")
    return mentionsIn(resource.body.policies ?? {}).map((mention) => below(["policies"], mention));
  if (resource.kind === "backend" || resource.kind === "api-policy" || resource.kind === "certificate")
    return mentionsIn(resource.body);
  return [];
};

/** Written `{{name}}`; `\\{{` is an escaped brace and names nothing. The gateway substitutes by the same rule. */
const namedValuePattern = /\\\{\{|\{\{\s*([^{}]*?)\s*\}\}/g;

const below = (above: readonly PropertyKey[], mention: Mention): Mention => ({
  ...mention,
  path: [...above, ...mention.path],
});

const stepOf = (item: unknown): readonly [string, unknown] | undefined => {
  if (typeof item !== "object" || item === null || Array.isArray(item)) return undefined;
  const entries = Object.entries(item);
  return entries.length === 1 ? entries[0] : undefined;
};

const namedBy = (policy: string, config: unknown, path: readonly PropertyKey[]): readonly Mention[] => {
  const row = namers[policy];
  if (row === undefined) return [];
  const isBare = typeof config === "string";
  const name: unknown = isBare
    ? row.isShorthand
      ? config
      : undefined
    : typeof config === "object" && config !== null
      ? Reflect.get(config, row.attribute)
      : undefined;
  // An expression is decided for each call; the unit then holds every backend.
  if (typeof name !== "string" || name.startsWith("=") || (row.what === "backend" && name === mockBackendName))
    return [];
  return [{ what: row.what, name, path: isBare ? path : [...path, row.attribute] }];
};

const namers: Readonly<
  Record<
    string,
    { readonly what: "fragment" | "backend"; readonly attribute: string; readonly isShorthand: boolean } | undefined
  >
> = {
  "include-fragment": { what: "fragment", attribute: "fragment-id", isShorthand: true },
  "set-backend-service": { what: "backend", attribute: "backend-id", isShorthand: false },
};
