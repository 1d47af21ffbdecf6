/** Where a text stops being JSON (RFC 8259) and what was expected there; undefined where it is valid. */
export const jsonFault = (text: string): { readonly offset: number; readonly message: string } | undefined => {
  let at = skipSpace(text, 0);
  // What closes the open objects and lists, innermost last: a list of its own, because depth is not limited here.
  const closers: ("}" | "]")[] = [];
  for (;;) {
    // A value is expected.
    const opener = text[at];
    if (opener === "{" || opener === "[") {
      const closer = opener === "{" ? "}" : "]";
      at = skipSpace(text, at + 1);
      if (text[at] !== closer) {
        closers.push(closer);
        if (closer === "}") {
          const next = nameEnd(text, at);
          if (typeof next !== "number") return next;
          at = next;
        }
        continue;
      }
      at++;
    } else {
      scalar.lastIndex = at;
      if (!scalar.test(text))
        return expected(text, at, text[at] === '"' ? "a closed string without control characters" : "a value");
      at = scalar.lastIndex;
    }
    // A value has ended: close what ends with it, then either the next member or the end of the text.
    for (;;) {
      at = skipSpace(text, at);
      const closer = closers.at(-1);
      if (closer === undefined) return at === text.length ? undefined : expected(text, at, "the end of the text");
      if (text[at] === closer) {
        closers.pop();
        at++;
        continue;
      }
      if (text[at] !== ",") return expected(text, at, `"," or "${closer}"`);
      at = skipSpace(text, at + 1);
      if (closer === "}") {
        const next = nameEnd(text, at);
        if (typeof next !== "number") return next;
        at = next;
      }
      break;
    }
  }
};

type Fault = { readonly offset: number; readonly message: string };

const string = String.raw`"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"`;
const name = new RegExp(string, "y");
const scalar = new RegExp(
  `${string}|-?(?:0|[1-9]\\d*)(?:\\.\\d+)?(?:[eE][+-]?\\d+)?(?![\\w.])|(?:true|false|null)(?!\\w)`,
  "y",
);

const nameEnd = (text: string, start: number): number | Fault => {
  name.lastIndex = start;
  if (!name.test(text)) return expected(text, start, "a name in double quotes");
  const colon = skipSpace(text, name.lastIndex);
  if (text[colon] !== ":") return expected(text, colon, '":" after the name');
  return skipSpace(text, colon + 1);
};

const expected = (text: string, offset: number, what: string): Fault => ({
  offset,
  message: `expected ${what}, found ${offset >= text.length ? "the end of the text" : JSON.stringify(text[offset])}`,
});

const skipSpace = (text: string, start: number): number => {
  let at = start;
  while (at < text.length && " \t\r\n".includes(text.charAt(at))) at++;
  return at;
};
