import { type Document, isAlias, isMap, isPair, isScalar, isSeq, type Pair, parseDocument, type YAMLMap } from "yaml";
import type { DuplicateKey, Wanted } from "./json-scan.ts";
import { pointerTo } from "./pointer.ts";

/** Aliases that one YAML text may resolve; the size of what they unfold to is limited by the reader. */
const aliasesMax = 20_000;

/** What a YAML text says, or where and why it cannot be read. Offsets count UTF-16 units. */
export type YamlReading =
  | { readonly value: unknown; readonly tree: YamlTree; readonly fault?: undefined }
  | { readonly fault: { readonly message: string; readonly offset: number } };

/** Reads YAML 1.2 (core schema, so that `no` is a string) with merge keys, without time stamps or custom tags. */
export const readYaml = (text: string): YamlReading => {
  const tree = yamlTree(text);
  const first = tree.errors[0];
  // The library turns an exhausted stack into an error of the text.
  if (first?.code === "RESOURCE_EXHAUSTION") throw new RangeError(first.message);
  if (first) return { fault: { message: firstLine(first.message), offset: first.pos[0] } };
  try {
    return { value: tree.toJS({ maxAliasCount: aliasesMax }), tree };
  } catch (thrown) {
    // Nesting beyond the stack: the reader has a word for it.
    if (thrown instanceof RangeError) throw thrown;
    // The library throws for alias bombs and for unresolved aliases, without a position.
    return { fault: { message: thrown instanceof Error ? thrown.message : "cannot be read", offset: 0 } };
  }
};

/** A YAML text as a tree with offsets. */
export type YamlTree = Document;

/** Notes in `wanted` where each wanted value of a valid YAML text begins; follows aliases and merge keys. */
export const locateInYaml = (tree: YamlTree, wanted: Wanted): void => {
  locate(tree, tree.contents, wanted);
};

/** The names that mappings of a valid YAML text have more than once, in the order of the text, at most `countMax`. */
export const duplicateKeysInYaml = (tree: YamlTree, countMax: number): readonly DuplicateKey[] => {
  const found: DuplicateKey[] = [];
  const visit = (node: unknown, pointer: string): void => {
    if (isSeq(node)) {
      node.items.forEach((item, index) => {
        visit(item, pointerTo(pointer, index));
      });
    }
    if (!isMap(node)) return;
    const seen = new Set<string>();
    for (const pair of node.items) {
      const name = nameOf(pair);
      const below = pointerTo(pointer, name);
      if (seen.has(name) && name !== mergeKey && found.length < countMax) {
        found.push({ pointer: below, offset: startOf(pair.key) ?? 0 });
      }
      seen.add(name);
      visit(pair.value, below);
    }
  };
  visit(tree.contents, "");
  return found;
};

const mergeKey = "<<";

/** Parses a YAML text into a tree; its errors are in the tree. */
export const yamlTree = (text: string): YamlTree =>
  parseDocument(text, {
    version: "1.2",
    schema: "core",
    merge: true,
    // Looked for by the lint, with a position each; the library compares every pair of names.
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: "silent",
  });

const locate = (tree: Document, start: unknown, wanted: Wanted): void => {
  const node = isAlias(start) ? start.resolve(tree) : start;
  wanted.value = startOf(start);
  if (wanted.below.size === 0) return;
  if (isMap(node)) {
    for (const [name, next] of wanted.below) {
      const pair = pairOf(tree, node, name, mergeDepthMax);
      if (pair === undefined) continue;
      next.key = startOf(pair.key);
      locate(tree, pair.value, next);
    }
  }
  if (isSeq(node)) {
    for (const [name, next] of wanted.below) {
      const item: unknown = node.items[Number(name)];
      if (item === undefined) continue;
      next.key = startOf(item);
      locate(tree, item, next);
    }
  }
};

const mergeDepthMax = 20;

const pairOf = (tree: Document, map: YAMLMap, name: string, depthLeft: number): Pair | undefined => {
  // The last of several equal names is the one whose value counts.
  const own = map.items.findLast((pair) => nameOf(pair) === name);
  if (own !== undefined || depthLeft === 0) return own;
  for (const pair of map.items) {
    if (nameOf(pair) !== mergeKey) continue;
    const merged = isAlias(pair.value) ? pair.value.resolve(tree) : pair.value;
    const sources: readonly unknown[] = isSeq(merged) ? merged.items : [merged];
    for (const source of sources) {
      const target = isAlias(source) ? source.resolve(tree) : source;
      const found = isMap(target) ? pairOf(tree, target, name, depthLeft - 1) : undefined;
      if (found !== undefined) return found;
    }
  }
  return undefined;
};

const nameOf = (pair: Pair): string => {
  if (!isScalar(pair.key)) return String(pair.key);
  // The library reads the merge key as a symbol.
  if (typeof pair.key.value === "symbol") return mergeKey;
  return pair.key.value === null ? "" : String(pair.key.value);
};

const startOf = (node: unknown): number | undefined => {
  if (isPair(node)) return startOf(node.key);
  if (typeof node !== "object" || node === null || !("range" in node) || !Array.isArray(node.range)) return undefined;
  const start: unknown = node.range[0];
  return typeof start === "number" ? start : undefined;
};

const firstLine = (message: string): string => message.split("\n", 1)[0] ?? message;
