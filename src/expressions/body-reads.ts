import type { MessageName } from "../exchange/policy.ts";

/** A node of the library's syntax tree, as far as it is looked at here. */
interface Node {
  readonly op: string;
  readonly args: unknown;
}

/** The messages whose bodies an expression reads, from its syntax tree: `request.body`, `response.json`. */
export const bodyReads = (root: unknown): readonly MessageName[] => {
  const reads = new Set<MessageName>();
  const seen = new Set<object>();
  const visit = (value: unknown): void => {
    if (value === null || typeof value !== "object" || seen.has(value)) return;
    seen.add(value);
    if (Array.isArray(value)) for (const entry of value) visit(entry);
    else if (isNode(value)) {
      const read = readOf(value);
      if (read !== undefined) reads.add(read);
      visit(value.args);
    } else if (Object.getPrototypeOf(value) === Object.prototype)
      for (const entry of Object.values(value)) visit(entry);
  };
  visit(root);
  return [...reads];
};

const isNode = (value: object): value is Node => "op" in value && "args" in value;

const readOf = (node: Node): MessageName | undefined => {
  if ((node.op !== "." && node.op !== "[]") || !Array.isArray(node.args)) return undefined;
  const [subject, selected]: readonly unknown[] = node.args;
  const field = typeof selected === "string" ? selected : argsOf(selected, "value");
  if (field !== "body" && field !== "json") return undefined;
  const noun = argsOf(subject, "id");
  return noun === "request" || noun === "response" ? noun : undefined;
};

const argsOf = (value: unknown, op: string): unknown =>
  value !== null && typeof value === "object" && isNode(value) && value.op === op ? value.args : undefined;
