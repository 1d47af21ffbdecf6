/** JSON Merge Patch (RFC 7396 section 2): objects merge, null removes, everything else replaces. */
export const mergePatch = (target: unknown, patch: unknown): unknown => {
  if (!isObject(patch)) return patch;
  const merged: Record<string, unknown> = isObject(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    // As an own property: assigning `__proto__` would change the object's prototype.
    if (value === null) delete merged[name];
    else {
      const before = Object.hasOwn(merged, name) ? merged[name] : undefined;
      Object.defineProperty(merged, name, {
        value: mergePatch(before, value),
        writable: true,
        enumerable: true,
        configurable: true,
      });
    }
  }
  return merged;
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  value !== null && typeof value === "object" && !Array.isArray(value);
