import { entriesOf, isObject, type Located, member } from "./json-value.ts";
import type { RawFinding } from "./lint-rules.ts";
import { isMethodServed, methodPattern, type OperationPlace, pathItems } from "./operations.ts";
import { pointerTo } from "./pointer.ts";
import type { OpenApiDocument } from "./read-document.ts";

/** Operations that are not served because of their method: a name that HTTP does not allow, or one that no gateway answers. */
export const lintMethods = (document: OpenApiDocument, places: readonly OperationPlace[]): readonly RawFinding[] => {
  const found: RawFinding[] = [];
  for (const { method, path, operation } of places) {
    if (isMethodServed(method)) continue;
    found.push({ rule: "method-refused", message: `${method} ${path} is never served.`, pointer: operation.pointer });
  }
  if (document.version !== "3.2") return found;
  for (const [path, value] of entriesOf(member(document.root, "paths"))) {
    for (const item of pathItems(document, value, pointerTo("/paths", path))) found.push(...badNames(path, item));
  }
  return found;
};

const badNames = (path: string, item: Located): readonly RawFinding[] =>
  entriesOf(member(item.value, "additionalOperations"))
    .filter(([method, operation]) => isObject(operation) && !methodPattern.test(method))
    .map(([method]) => ({
      rule: "method-name",
      message: `${path} has an operation with a method that HTTP does not allow: ${JSON.stringify(method)}.`,
      pointer: pointerTo(item.pointer, "additionalOperations", method),
    }));
