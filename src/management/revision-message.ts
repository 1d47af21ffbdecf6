import { isUuid } from "../store/repositories/organizations.ts";

/** One thing that a change touched: `key/ID`, with how it was and how it is. */
export interface Touched {
  readonly target: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

const shownMax = 3;

/** What a revision did, in words, for when nobody gave it a message: `create api orders, update product gold and 2 more`. */
export const revisionMessage = (touched: readonly Touched[]): string | undefined => {
  if (touched.length === 0) return undefined;
  // `named-value/x/value` is told with `named-value/x`.
  const whole = touched.filter(({ target }) => !touched.some((one) => target.startsWith(`${one.target}/`)));
  const shown = whole.slice(0, shownMax).map(wordsOf).join(", ");
  return whole.length > shownMax ? `${shown} and ${whole.length - shownMax} more` : shown;
};

const wordsOf = ({ target, before, after }: Touched): string => {
  const slash = target.indexOf("/");
  const [kind, name] = [target.slice(0, slash), target.slice(slash + 1)];
  const verb = before === undefined ? "create" : after === undefined ? "delete" : "update";
  // An id says nothing to a reader; the name or the shown characters of a key do.
  const label = isUuid(name) ? (memberOf(after ?? before, "name") ?? memberOf(after ?? before, "prefix")) : name;
  return label === undefined ? `${verb} ${kind}` : `${verb} ${kind} ${label}`;
};

const memberOf = (value: unknown, name: string): string | undefined => {
  const found: unknown = typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
  return typeof found === "string" ? found : undefined;
};
