/** A path as OpenAPI writes it, `/orders/{orderId}`, taken apart. */
export interface PathTemplate {
  readonly text: string;
  /** Names between braces, in order. */
  readonly names: readonly string[];
  /** The same for templates that match the same paths: the names left out, `/orders/{}`. */
  readonly shape: string;
  /** What is wrong with it; a template with problems is not served. */
  readonly problems: readonly PathProblem[];
}

/** One thing wrong with a path template. */
export interface PathProblem {
  readonly rule: PathRule;
  readonly message: string;
}

type PathRule =
  | "path-slash"
  | "path-query"
  | "path-braces"
  | "path-parameter-twice"
  | "path-parameter-name"
  | "path-parameters-adjacent"
  | "path-unreachable";

/** Takes a path template apart; says everything that is wrong with it. */
export const parsePathTemplate = (text: string): PathTemplate => {
  const problems: PathProblem[] = [];
  const names: string[] = [];
  let shape = "";
  let at = 0;
  if (!text.startsWith("/"))
    problems.push({ rule: "path-slash", message: `The path ${text} does not begin with a slash.` });
  while (at < text.length) {
    const open = text.indexOf("{", at);
    const literal = text.slice(at, open < 0 ? undefined : open);
    problems.push(...literalProblems(text, literal));
    shape += literal;
    if (open < 0) break;
    const close = text.indexOf("}", open);
    const name = text.slice(open + 1, close < 0 ? undefined : close);
    if (close < 0 || name.includes("{")) {
      problems.push({ rule: "path-braces", message: `The path ${text} has a { that is not closed.` });
      shape += text.slice(open);
      break;
    }
    if (name === "" || /[/?#\s]/.test(name)) {
      problems.push({
        rule: "path-parameter-name",
        message: `The path ${text} has a parameter without a usable name: {${name}}.`,
      });
    }
    if (names.includes(name)) {
      problems.push({ rule: "path-parameter-twice", message: `The path ${text} has the parameter {${name}} twice.` });
    }
    if (text[close + 1] === "{") {
      const message = `The path ${text} has nothing between {${name}} and the parameter behind it.`;
      problems.push({ rule: "path-parameters-adjacent", message });
    }
    names.push(name);
    shape += "{}";
    at = close + 1;
  }
  if (problems.length === 0 && !isReachable(shape)) {
    const message = `No call can have the path ${text}: dot segments, backslashes and controls are refused.`;
    problems.push({ rule: "path-unreachable", message });
  }
  return { text, names, shape, problems };
};

const literalProblems = (text: string, literal: string): readonly PathProblem[] => [
  ...(literal.includes("}")
    ? [{ rule: "path-braces" as const, message: `The path ${text} has a } without a {.` }]
    : []),
  ...(/[?#]/.test(literal)
    ? [
        {
          rule: "path-query" as const,
          message: `The path ${text} contains ${literal.includes("?") ? "a query" : "a fragment"}, which is no part of a path.`,
        },
      ]
    : []),
];

/** False where every call with this path is refused by the gateway, whatever its parameters are. */
const isReachable = (shape: string): boolean => {
  const decoded = shape.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  for (let at = 0; at < decoded.length; at++) {
    const code = decoded.charCodeAt(at);
    if (code < 0x20 || code === 0x7f || code === 0x5c) return false;
  }
  return !decoded.split("/").some((segment) => /^\.{1,2}(?:;|$)/.test(segment));
};
