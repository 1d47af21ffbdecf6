import { type DuplicateKey, duplicateKeysInJson, locateInJson, type Wanted } from "./json-scan.ts";
import { tokensOf } from "./pointer.ts";
import { duplicateKeysInYaml, locateInYaml, type YamlTree, yamlTree } from "./yaml-source.ts";

/** A text in one of the two notations. */
export interface SourceText {
  readonly syntax: "json" | "yaml";
  readonly text: string;
  /** The tree that it was read from, for as long as its memory is not needed: whoever asks for places at once saves the second reading. */
  readonly tree?: WeakRef<YamlTree>;
}

/** A place in a text. Lines and columns count from 1, columns and offsets in UTF-16 units. */
export interface Position {
  readonly offset: number;
  readonly line: number;
  readonly column: number;
}

/** A text that can be asked where things stand in it. It is read once, when first asked. */
export interface SourceMap {
  /**
   * Where the values at JSON pointers stand: the member's name (`key`) or the value itself.
   * A pointer to nothing gets the place of the nearest thing that holds it.
   */
  positions(pointers: Iterable<string>, at?: "key" | "value"): ReadonlyMap<string, Position>;
  /** Names that an object has more than once, in the order of the text. */
  duplicateKeys(countMax: number): readonly DuplicateKey[];
  positionOfOffset(offset: number): Position;
}

/** The source map of a valid JSON or YAML text. */
export const sourceMap = (source: SourceText): SourceMap => {
  let treeRead: YamlTree | undefined;
  let linesRead: readonly number[] | undefined;
  const tree = (): YamlTree => (treeRead ??= source.tree?.deref() ?? yamlTree(source.text));
  const lines = (): readonly number[] => (linesRead ??= lineStarts(source.text));
  return {
    positions: (pointers, at = "key") => {
      const root = emptyWanted();
      const paths = new Map<string, readonly Wanted[]>();
      for (const pointer of pointers) paths.set(pointer, branch(root, pointer));
      if (source.syntax === "json") locateInJson(source.text, root);
      else locateInYaml(tree(), root);
      const found = new Map<string, Position>();
      for (const [pointer, path] of paths) {
        const nearest = path.findLast((wanted) => wanted.key !== undefined || wanted.value !== undefined);
        const offset = (at === "key" ? nearest?.key : undefined) ?? nearest?.value ?? nearest?.key ?? 0;
        found.set(pointer, positionAt(lines(), offset));
      }
      return found;
    },
    duplicateKeys: (countMax) =>
      source.syntax === "json" ? duplicateKeysInJson(source.text, countMax) : duplicateKeysInYaml(tree(), countMax),
    positionOfOffset: (offset) => positionAt(lines(), offset),
  };
};

/** Offsets at which the lines of a text begin. */
const lineStarts = (text: string): readonly number[] => {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
};

/** The line and column of an offset, given where the lines begin. */
const positionAt = (starts: readonly number[], offset: number): Position => {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return { offset, line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
};

const emptyWanted = (): Wanted => ({ key: undefined, value: undefined, below: new Map() });

const branch = (root: Wanted, pointer: string): readonly Wanted[] => {
  const path = [root];
  let wanted = root;
  for (const token of tokensOf(pointer)) {
    let next = wanted.below.get(token);
    if (next === undefined) {
      next = emptyWanted();
      wanted.below.set(token, next);
    }
    path.push(next);
    wanted = next;
  }
  return path;
};
