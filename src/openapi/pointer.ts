import { isObject } from "./json-value.ts";

/** Appends reference tokens to a pointer, escaped after RFC 6901 section 3. */
export const pointerTo = (pointer: string, ...tokens: readonly (string | number)[]): string => {
  let text = pointer;
  for (const token of tokens) text += `/${typeof token === "number" ? token : escapeToken(token)}`;
  return text;
};

/** The reference tokens of a JSON pointer, unescaped; an empty pointer has none. */
export const tokensOf = (pointer: string): readonly string[] =>
  pointer === "" ? [] : pointer.slice(1).split("/").map(unescapeToken);

/** The last reference token of a pointer, unescaped. */
export const lastTokenOf = (pointer: string): string => unescapeToken(pointer.slice(pointer.lastIndexOf("/") + 1));

/** The value at a JSON pointer, or undefined where the document has none (RFC 6901 section 4; `-` names nothing). */
export const valueAt = (root: unknown, pointer: string): unknown => {
  if (pointer === "") return root;
  if (!pointer.startsWith("/")) return undefined;
  let value = root;
  for (const token of tokensOf(pointer)) {
    if (Array.isArray(value)) value = /^(0|[1-9]\d*)$/.test(token) ? value[Number(token)] : undefined;
    else value = isObject(value) && Object.hasOwn(value, token) ? value[token] : undefined;
    if (value === undefined) return undefined;
  }
  return value;
};

/** The file and the JSON pointer of a place: pointers into the document itself carry no file. */
export const splitPlace = (place: string): { readonly file: string | undefined; readonly pointer: string } => {
  if (place === "" || place.startsWith("/")) return { file: undefined, pointer: place };
  const hash = place.indexOf("#");
  return hash < 0 ? { file: place, pointer: "" } : { file: place.slice(0, hash), pointer: place.slice(hash + 1) };
};

/** The place of a JSON pointer in a file; the document itself carries no file. */
export const joinPlace = (file: string | undefined, pointer: string): string =>
  file === undefined ? pointer : `${file}#${pointer}`;

const escapeToken = (token: string): string =>
  token.includes("~") || token.includes("/") ? token.replaceAll("~", "~0").replaceAll("/", "~1") : token;

// The order matters: `~01` is `~1`, not `/` (RFC 6901 section 4).
const unescapeToken = (token: string): string =>
  token.includes("~") ? token.replaceAll("~1", "/").replaceAll("~0", "~") : token;
