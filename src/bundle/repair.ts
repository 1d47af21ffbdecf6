import { type ResourceKind, resourceSchemas } from "../model/resource.ts";

/**
 * What remains of a configuration value when everything that its schema refuses is taken out, so that the rest can still be
 * checked; undefined where nothing useful remains. List items keep their index.
 */
export const withoutMistakes = (kind: ResourceKind, name: string, value: unknown): unknown => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const copy: object = { ...fallbacks[kind]?.(name), ...structuredClone(value) };
  for (let round = 0; round < roundsMax; round++) {
    const parsed = resourceSchemas[kind].safeParse(copy);
    if (parsed.success) return parsed.data;
    for (const issue of parsed.error.issues) {
      if (issue.code === "unrecognized_keys") for (const key of issue.keys) remove(copy, [...issue.path, key]);
      else if (issue.path.length === 0) return undefined;
      else remove(copy, issue.path);
    }
    Object.assign(copy, { ...fallbacks[kind]?.(name), ...copy });
  }
  return undefined;
};

// Taking one thing out may leave its holder without something it needs.
const roundsMax = 5;

const fallbacks: Readonly<Partial<Record<ResourceKind, (name: string) => object>>> = {
  // A path that no other API has.
  api: (name) => ({ path: `/~${name}` }),
  product: () => ({ apis: [], plans: { any: {} } }),
  fragment: () => ({ steps: [] }),
};

const remove = (root: object, path: readonly PropertyKey[]): void => {
  let holder: unknown = root;
  for (const part of path.slice(0, -1)) {
    if (typeof holder !== "object" || holder === null) return;
    holder = Reflect.get(holder, part);
  }
  const last = path.at(-1);
  if (typeof holder !== "object" || holder === null || last === undefined) return;
  // `base` is the one step that is always right; elsewhere a list without the item would move its followers.
  if (Array.isArray(holder) && typeof last === "number" && holder[last] !== "base") holder[last] = "base";
  // What is missing cannot be taken out: then its holder is what must go.
  else if (Array.isArray(holder) || !Object.hasOwn(holder, last)) remove(root, path.slice(0, -1));
  else Reflect.deleteProperty(holder, last);
};
