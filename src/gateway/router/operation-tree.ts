import { decodeSegment, type PathTemplate, splitMixed } from "./path-template.ts";

/** An operation with the method and the template under which it is found. */
export interface TreeEntry<T> {
  readonly id: string;
  readonly method: string;
  readonly template: PathTemplate;
  readonly value: T;
}

/** The operations of one API by path and method. */
export interface OperationTree<T> {
  /** The operation that serves the method on this path (raw, below the API's base), or null. HEAD is served by GET. */
  find(method: string, path: string, query: string): T | null;
  /** The methods that exist on this path, HEAD and OPTIONS included; empty where no template matches it. */
  allowed(path: string, query: string): readonly string[];
}

/** A tree, or the pairs of operations that no request could tell apart. */
export interface TreeBuild<T> {
  readonly tree: OperationTree<T>;
  readonly duplicates: readonly { readonly first: TreeEntry<T>; readonly second: TreeEntry<T> }[];
}

interface Candidate<T> {
  readonly value: T;
  readonly hasConditions: boolean;
  readonly entry: TreeEntry<T>;
  /** The next best with the same method and shape but other conditions on the query. */
  next: Candidate<T> | null;
}

/** The operations of one path. Most have one method: it lies in the object itself, where a look-up costs no map. */
interface Terminal<T> {
  method: string;
  first: Candidate<T> | null;
  others: Map<string, Candidate<T>> | null;
}

/** A node with one literal child, as most have, holds it itself; further ones are in `literals`. */
interface Node<T> {
  literal: string | null;
  literalNode: Node<T> | null;
  literals: Map<string, Node<T>> | null;
  mixed: { readonly texts: readonly string[]; readonly weight: number; readonly node: Node<T> }[] | null;
  parameter: Node<T> | null;
  rest: Terminal<T> | null;
  terminal: Terminal<T> | null;
}

/**
 * Builds the tree. Where several templates match a path, segment by segment from the left a literal goes before a mixed segment,
 * that before a parameter, and that before a rest; the first of them that has the method serves the request. A slash at the end
 * counts only where it must: `/orders/` is served by `/orders` (and the other way round) unless the document has both.
 */
export const buildOperationTree = <T>(entries: Iterable<TreeEntry<T>>): TreeBuild<T> => {
  const root = emptyNode<T>();
  const wholeLiterals = new Map<string, Terminal<T>>();
  const duplicates: { first: TreeEntry<T>; second: TreeEntry<T> }[] = [];

  for (const entry of entries) {
    const terminal = terminalOf(root, entry.template);
    const first = add(terminal, entry);
    if (first) duplicates.push({ first, second: entry });
    const path = literalPathOf(entry.template);
    if (path !== undefined) wholeLiterals.set(path, terminal);
  }

  const search = (method: string, path: string, query: string): T | null => {
    const hasEncoding = path.includes("%");
    if (!hasEncoding) {
      const terminal = wholeLiterals.get(path);
      const found = terminal === undefined ? null : pick(terminal, method, query);
      if (found !== null) return found;
    }
    return walk(root, path, 0, hasEncoding, method, query);
  };

  return {
    duplicates,
    tree: {
      find: (method, path, query) => {
        const exact = search(method, path, query);
        if (exact !== null) return exact;
        const other = otherSlash(path);
        if (other === undefined) return null;
        // An exact template with other methods keeps the path to itself: its answer is 405, not its neighbour's.
        const methods = new Set<string>();
        collect(root, path, 0, methods, query);
        return methods.size === 0 ? search(method, other, query) : null;
      },
      allowed: (path, query) => {
        const methods = new Set<string>();
        collect(root, path, 0, methods, query);
        const other = otherSlash(path);
        if (methods.size === 0 && other !== undefined) collect(root, other, 0, methods, query);
        if (methods.size === 0) return [];
        if (methods.has("GET")) methods.add("HEAD");
        methods.add("OPTIONS");
        return [...methods].sort();
      },
    },
  };
};

const emptyTerminal = <T>(): Terminal<T> => ({ method: "", first: null, others: null });

const emptyNode = <T>(): Node<T> => ({
  literal: null,
  literalNode: null,
  literals: null,
  mixed: null,
  parameter: null,
  rest: null,
  terminal: null,
});

const terminalOf = <T>(root: Node<T>, template: PathTemplate): Terminal<T> => {
  let node = root;
  for (const segment of template.segments) {
    if (segment.kind === "rest") {
      node.rest ??= emptyTerminal();
      return node.rest;
    }
    if (segment.kind === "parameter") {
      node.parameter ??= emptyNode();
      node = node.parameter;
    } else if (segment.kind === "literal") {
      node = literalChild(node, segment.text) ?? addLiteralChild(node, segment.text);
    } else {
      node.mixed ??= [];
      const known = node.mixed.find((branch) => sameTexts(branch.texts, segment.texts));
      if (known) node = known.node;
      else {
        const weight = segment.texts.reduce((sum, text) => sum + text.length, 0);
        const next = emptyNode<T>();
        node.mixed.push({ texts: segment.texts, weight, node: next });
        // The more is fixed, the more specific: `{name}.tar.gz` before `{name}.gz`. Ties keep one order on every thread.
        node.mixed.sort((a, b) => b.weight - a.weight || (a.texts.join("{}") < b.texts.join("{}") ? -1 : 1));
        node = next;
      }
    }
  }
  node.terminal ??= emptyTerminal();
  return node.terminal;
};

const literalChild = <T>(node: Node<T>, text: string): Node<T> | undefined => {
  if (node.literal === text) return node.literalNode ?? undefined;
  return node.literals === null ? undefined : node.literals.get(text);
};

const addLiteralChild = <T>(node: Node<T>, text: string): Node<T> => {
  const child = emptyNode<T>();
  if (node.literal === null) {
    node.literal = text;
    node.literalNode = child;
  } else {
    node.literals ??= new Map();
    node.literals.set(text, child);
  }
  return child;
};

const candidatesOf = <T>(terminal: Terminal<T>, method: string): Candidate<T> | null => {
  if (terminal.method === method) return terminal.first;
  return terminal.others === null ? null : (terminal.others.get(method) ?? null);
};

const setCandidates = <T>(terminal: Terminal<T>, method: string, candidates: Candidate<T>): void => {
  if (terminal.first === null || terminal.method === method) {
    terminal.method = method;
    terminal.first = candidates;
    return;
  }
  terminal.others ??= new Map();
  terminal.others.set(method, candidates);
};

/** Answers the operation that stands there already, if there is one. */
const add = <T>(terminal: Terminal<T>, entry: TreeEntry<T>): TreeEntry<T> | undefined => {
  const shape = JSON.stringify(entry.template.conditions);
  let before: Candidate<T> | null = null;
  let at = candidatesOf(terminal, entry.method);
  while (at !== null) {
    if (JSON.stringify(at.entry.template.conditions) === shape) return at.entry;
    if (at.entry.template.conditions.length < entry.template.conditions.length) break;
    before = at;
    at = at.next;
  }
  const hasConditions = entry.template.conditions.length > 0;
  const candidate: Candidate<T> = { value: entry.value, hasConditions, entry, next: at };
  if (before === null) setCandidates(terminal, entry.method, candidate);
  else before.next = candidate;
  return undefined;
};

const literalPathOf = (template: PathTemplate): string | undefined => {
  let path = "";
  for (const segment of template.segments) {
    if (segment.kind !== "literal" || segment.text.includes("/") || segment.text.includes("%")) return undefined;
    path += `/${segment.text}`;
  }
  return path;
};

const pick = <T>(terminal: Terminal<T>, method: string, query: string): T | null => {
  let at = candidatesOf(terminal, method);
  if (at === null && method === "HEAD") at = candidatesOf(terminal, "GET");
  while (at?.hasConditions && !isFulfilled(at.entry.template, query)) at = at.next;
  return at === null ? null : at.value;
};

const isFulfilled = (template: PathTemplate, query: string): boolean => {
  const parameters = new URLSearchParams(query);
  return template.conditions.every(({ name, value }) =>
    value === null ? parameters.has(name) : parameters.getAll(name).includes(value),
  );
};

// `position` is the index of the slash in front of the next segment, or the path's length.
const walk = <T>(
  node: Node<T>,
  path: string,
  position: number,
  hasEncoding: boolean,
  method: string,
  query: string,
): T | null => {
  if (position >= path.length) return node.terminal === null ? null : pick(node.terminal, method, query);
  const slash = path.indexOf("/", position + 1);
  const end = slash < 0 ? path.length : slash;
  const raw = path.slice(position + 1, end);
  const text = hasEncoding ? decodeSegment(raw) : raw;
  const child = literalChild(node, text);
  if (child !== undefined) {
    const found = walk(child, path, end, hasEncoding, method, query);
    if (found !== null) return found;
  }
  // A parameter takes at least one character; only a rest may be empty.
  if (text === "") return node.rest === null ? null : pick(node.rest, method, query);
  if (node.mixed !== null) {
    for (const branch of node.mixed) {
      if (splitMixed(branch.texts, text) === undefined) continue;
      const found = walk(branch.node, path, end, hasEncoding, method, query);
      if (found !== null) return found;
    }
  }
  if (node.parameter !== null) {
    const found = walk(node.parameter, path, end, hasEncoding, method, query);
    if (found !== null) return found;
  }
  return node.rest === null ? null : pick(node.rest, method, query);
};

const collect = <T>(node: Node<T>, path: string, position: number, methods: Set<string>, query: string): void => {
  if (position >= path.length) {
    addMethods(node.terminal, methods, query);
    return;
  }
  const slash = path.indexOf("/", position + 1);
  const end = slash < 0 ? path.length : slash;
  const text = decodeSegment(path.slice(position + 1, end));
  const literal = literalChild(node, text);
  if (literal) collect(literal, path, end, methods, query);
  if (text !== "") {
    for (const branch of node.mixed ?? []) {
      if (splitMixed(branch.texts, text) !== undefined) collect(branch.node, path, end, methods, query);
    }
    if (node.parameter !== null) collect(node.parameter, path, end, methods, query);
  }
  addMethods(node.rest, methods, query);
};

const addMethods = <T>(terminal: Terminal<T> | null, methods: Set<string>, query: string): void => {
  if (terminal === null) return;
  if (terminal.first === null) return;
  for (const method of [terminal.method, ...(terminal.others?.keys() ?? [])]) {
    if (pick(terminal, method, query) !== null) methods.add(method);
  }
};

const otherSlash = (path: string): string | undefined => {
  if (!path.endsWith("/")) return `${path}/`;
  return path.length > 1 && !path.endsWith("//") ? path.slice(0, -1) : undefined;
};

const sameTexts = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((text, index) => text === b[index]);
