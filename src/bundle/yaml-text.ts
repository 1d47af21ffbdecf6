import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument } from "yaml";
import { messageOf } from "../base/fault.ts";
import { pathText } from "./finding.ts";

/** A place in a text; lines and columns count from 1. */
interface TextPlace {
  readonly line: number;
  readonly column: number;
}

/** Something wrong with a YAML text itself. */
interface YamlMistake extends TextPlace {
  readonly message: string;
  readonly path?: string;
  readonly next?: string;
}

/** A configuration file as YAML: its value, what is wrong with it, and where everything in it stands. */
export interface YamlText {
  readonly value: unknown;
  readonly mistakes: readonly YamlMistake[];
  /** Where the member or item at `path` begins (`key`: its name), or the nearest thing that holds it. */
  place(path: readonly PropertyKey[], at: "key" | "value"): TextPlace;
  /** True where something stands at the path. */
  has(path: readonly PropertyKey[]): boolean;
}

/** Aliases may unfold to this many times the nodes that are written; more is taken for an attack. */
const aliasesMax = 100;
const depthMax = 100;
const mistakesMax = 100;

/**
 * Reads one YAML 1.2 document strictly: duplicate keys, tabs, tags, merge keys, several documents, control characters and
 * aliases that unfold without bounds are mistakes. Never throws; all mistakes come at once.
 */
export const readYamlText = (source: string): YamlText => {
  // A byte order mark is allowed (YAML 1.2 section 5.2) but would shift the columns of the first line.
  const text = source.startsWith("\uFEFF") ? source.slice(1) : source;
  const lines = new LineCounter();
  const placeOfOffset = (offset: number): TextPlace => {
    const { line, col } = lines.linePos(Math.min(Math.max(offset, 0), text.length));
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const control = forbiddenCharacter.exec(text);
  const tree = guardStack(() =>
    parseDocument(text, {
      version: "1.2",
      schema: "core",
      merge: false,
      stringKeys: true,
      // Looked for below, with a place each; the library compares every pair of keys.
      uniqueKeys: false,
      prettyErrors: false,
      resolveKnownTags: false,
      // Not `silent`: that would also keep quiet about a second document.
      logLevel: "error",
      lineCounter: lines,
    }),
  );
  if (tree === undefined) return unreadable({ line: 1, column: 1, message: "is nested too deeply to be read" });
  const mistakes: YamlMistake[] = [];
  if (control !== null) {
    const code = control[0].charCodeAt(0).toString(16).padStart(4, "0").toUpperCase();
    mistakes.push({
      ...placeOfOffset(control.index),
      message: `holds the control character U+${code}`,
      next: "Remove it.",
    });
  }
  for (const { message, pos } of [...tree.errors, ...tree.warnings].slice(0, mistakesMax)) {
    mistakes.push({ ...placeOfOffset(pos[0]), message: `is not valid YAML: ${firstLine(message)}` });
  }
  const contents = tree.contents;
  if (mistakes.length === 0) mistakes.push(...structureMistakes(contents, placeOfOffset));
  const resolve = (node: unknown): unknown => (isAlias(node) ? node.resolve(tree) : node);
  const find = (path: readonly PropertyKey[]): { readonly pair: Found; readonly isWhole: boolean } => {
    let found: Found = { key: undefined, value: contents };
    for (const part of path) {
      const next = below(resolve(found.value), part);
      if (next === undefined) return { pair: found, isWhole: false };
      found = next;
    }
    return { pair: found, isWhole: true };
  };
  return {
    value: mistakes.length > 0 ? undefined : guardAliases(() => tree.toJS({ maxAliasCount: aliasesMax }), mistakes),
    mistakes,
    place: (path, at) => {
      const { pair } = find(path);
      const [first, second] = at === "key" ? [pair.key, pair.value] : [pair.value, pair.key];
      return placeOfOffset(offsetOf(first) ?? offsetOf(second) ?? firstContent(text));
    },
    has: (path) => find(path).isWhole,
  };
};

interface Found {
  readonly key: unknown;
  readonly value: unknown;
}

// What YAML 1.2 section 5.1 calls non-printable; a tab, LF and CR are printable.
const forbiddenCharacter = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

const unreadable = (mistake: YamlMistake): YamlText => ({
  value: undefined,
  mistakes: [mistake],
  place: () => ({ line: mistake.line, column: mistake.column }),
  has: () => false,
});

const guardStack = <T>(read: () => T): T | undefined => {
  try {
    return read();
  } catch (thrown) {
    // The parser is recursive: thousands of levels exhaust the stack, which is an answer about the text.
    if (thrown instanceof RangeError) return undefined;
    throw thrown;
  }
};

const guardAliases = (unfold: () => unknown, mistakes: YamlMistake[]): unknown => {
  try {
    return unfold();
  } catch (thrown) {
    // The library throws, without a place, for unresolved aliases and for those that unfold without bounds.
    mistakes.push({
      line: 1,
      column: 1,
      message: `is not valid YAML: ${firstLine(messageOf(thrown))}`,
      next: "Write the values out instead of using aliases.",
    });
    return undefined;
  }
};

const structureMistakes = (root: unknown, placeOfOffset: (offset: number) => TextPlace): readonly YamlMistake[] => {
  const found: YamlMistake[] = [];
  const anchors = new Set<string>();
  const visit = (node: unknown, path: readonly PropertyKey[]): void => {
    if (isAlias(node) && !anchors.has(node.source) && found.length < mistakesMax) {
      const message = `is not valid YAML: the alias *${node.source} has no anchor before it`;
      found.push({ ...placeOfOffset(offsetOf(node) ?? 0), path: pathText(path), message });
    }
    if (path.length > depthMax) {
      if (found.length < mistakesMax)
        found.push({ ...placeOfOffset(offsetOf(node) ?? 0), message: `is nested more than ${depthMax} levels deep` });
      return;
    }
    if (isSeq(node)) {
      node.items.forEach((item, index) => {
        visit(item, [...path, index]);
      });
    }
    const seen = new Set<string>();
    for (const pair of isMap(node) ? node.items : []) {
      const key = nameOf(pair);
      const below = [...path, key];
      const message = keyMessage(key, seen);
      if (message !== undefined && found.length < mistakesMax) {
        found.push({ ...placeOfOffset(offsetOf(pair.key) ?? 0), path: pathText(below), message });
      }
      seen.add(key);
      visit(pair.value, below);
    }
    // Known only from here on: a node that holds an alias of itself would have no end.
    if ((isMap(node) || isSeq(node) || isScalar(node)) && node.anchor !== undefined) anchors.add(node.anchor);
  };
  visit(root, []);
  return found;
};

const keyMessage = (key: string, seen: ReadonlySet<string>): string | undefined => {
  if (seen.has(key)) return `the key '${key}' stands twice in the same place`;
  if (key === "__proto__") return "the key '__proto__' is not allowed";
  if (key === "<<") return "merge keys ('<<') are not part of YAML 1.2: write the fields out";
  return undefined;
};

const below = (node: unknown, part: PropertyKey): Found | undefined => {
  if (isSeq(node)) {
    const item = typeof part === "number" ? node.items[part] : undefined;
    return item === undefined ? undefined : { key: undefined, value: item };
  }
  if (!isMap(node)) return undefined;
  const pair = node.items.find((candidate) => nameOf(candidate) === String(part));
  return pair === undefined ? undefined : { key: pair.key, value: pair.value };
};

const nameOf = (pair: Pair): string => (isScalar(pair.key) ? String(pair.key.value) : String(pair.key));

const offsetOf = (node: unknown): number | undefined => (isNode(node) ? node.range?.[0] : undefined);

const isNode = (node: unknown): node is Node => typeof node === "object" && node !== null && "range" in node;

const firstContent = (text: string): number => Math.max(text.search(/^[^#\s]/m), 0);

const firstLine = (message: string): string => message.split("\n", 1)[0] ?? message;
