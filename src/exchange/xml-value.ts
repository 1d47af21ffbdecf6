import { DOMParser } from "@xmldom/xmldom";
import { Fault } from "../base/fault.ts";

/** How XML becomes a plain value. */
export interface XmlValueOptions {
  /** `direct`: attributes as `@name`, prefixes as `prefix$name`; `javascript-friendly`: local names only, no namespaces. */
  readonly kind: "direct" | "javascript-friendly";
  /** Every child element is a list, also where it stands alone. */
  readonly isAlwaysList: boolean;
  /** What an element with `xsi:nil="true"` becomes; null where absent. */
  readonly nil?: null | "";
}

interface XmlNode {
  readonly nodeType: number;
  readonly nodeName: string;
  readonly nodeValue: string | null;
}

const elementType = 1;
const textType = 3;
const cdataType = 4;
const depthMax = 200;

/**
 * XML as objects, lists and texts. An element with neither attributes nor children is its text, an empty one is an empty text, one with
 * `xsi:nil="true"` is null. Text beside attributes or children is `#text`. Throws a Fault `request.body_invalid` for what is not well
 * formed and for any document type declaration: entities are never expanded.
 */
export const xmlValue = (text: string, options: XmlValueOptions): Readonly<Record<string, unknown>> => {
  if (/<!DOCTYPE/i.test(text)) throw notXml("a document type declaration is not taken");
  const root = parse(text).documentElement;
  if (root === null) throw notXml("there is no element");
  const value = elementValue(root, options, depthMax);
  return { [nameOf(root.nodeName, options)]: options.isAlwaysList ? [value] : value };
};

/** The root of a well-formed document; undefined for any other text. */
export const rootOf = (
  text: string,
): { readonly localName: string | null; readonly namespaceURI: string | null } | undefined => {
  try {
    return parse(text).documentElement ?? undefined;
  } catch {
    return undefined;
  }
};

const parse = (text: string): ReturnType<DOMParser["parseFromString"]> => {
  try {
    return new DOMParser({
      onError: (level, message) => {
        if (level !== "warning") throw new Error(message);
      },
    }).parseFromString(text.replace(/^\uFEFF/, ""), "text/xml");
  } catch (cause) {
    throw notXml("it is not well formed", cause);
  }
};

const notXml = (why: string, cause?: unknown): Fault =>
  new Fault("request.body_invalid", { public: `The body is no XML: ${why}.`, status: 400, cause });

interface XmlElement extends XmlNode {
  readonly attributes: ArrayLike<{ readonly name: string; readonly value: string }>;
  readonly childNodes: ArrayLike<XmlNode>;
}

const isElement = (node: XmlNode): node is XmlElement => node.nodeType === elementType;

const elementValue = (element: XmlElement, options: XmlValueOptions, depthLeft: number): unknown => {
  if (depthLeft === 0) throw notXml(`it is nested more than ${depthMax} deep`);
  // A null prototype: names of the document are data, also `__proto__`.
  const value: Record<string, unknown> = Object.create(null);
  let isNil = false;
  for (const { name, value: text } of Array.from(element.attributes)) {
    if (name === "xsi:nil" && text === "true") isNil = true;
    const key = attributeName(name, options);
    if (key !== undefined) value[key] = text;
  }
  let content = "";
  for (const child of Array.from(element.childNodes)) {
    if (isElement(child))
      add(value, nameOf(child.nodeName, options), elementValue(child, options, depthLeft - 1), options);
    else if (child.nodeType === textType || child.nodeType === cdataType) content += child.nodeValue ?? "";
  }
  if (isNil) return options.nil ?? null;
  if (Object.keys(value).length === 0) return content;
  if (content.trim() !== "") value["#text"] = content.trim();
  return value;
};

const add = (value: Record<string, unknown>, name: string, child: unknown, { isAlwaysList }: XmlValueOptions): void => {
  const there = value[name];
  if (there === undefined && !Object.hasOwn(value, name)) value[name] = isAlwaysList ? [child] : child;
  else if (Array.isArray(there)) there.push(child);
  else value[name] = [there, child];
};

const nameOf = (name: string, { kind }: XmlValueOptions): string =>
  kind === "direct" ? name.replace(":", "$") : (name.split(":").at(-1) ?? name);

const attributeName = (name: string, options: XmlValueOptions): string | undefined => {
  if (options.kind === "direct") return `@${nameOf(name, options)}`;
  return name === "xmlns" || name.startsWith("xmlns:") || name.startsWith("xsi:") ? undefined : nameOf(name, options);
};
