import { isUtf8 } from "node:buffer";
import { Fault } from "../base/fault.ts";
import { readJson } from "./json-scan.ts";
import { isObject, type JsonObject, member } from "./json-value.ts";
import { type SourceText, sourceMap } from "./position.ts";
import { recogniseText, recogniseValue } from "./recognise.ts";
import { readYaml } from "./yaml-source.ts";

/** The versions of OpenAPI that this room reads. */
export type OpenApiVersion = "2.0" | "3.0" | "3.1" | "3.2";

/** One parsed file. */
export interface SourceFile extends SourceText {
  readonly root: unknown;
}

/** An OpenAPI document as it was read. The bytes themselves stay with whoever gave them; nothing here writes them anew. */
export interface OpenApiDocument extends SourceFile {
  /** The file's name or URL as the person knows it. */
  readonly name: string;
  /** What relative references start from; absent where nobody knows. */
  readonly uri: string | undefined;
  readonly version: OpenApiVersion;
  /** As it stands in the document: `3.0.1`. */
  readonly versionText: string;
  readonly root: JsonObject;
  /** Files that references lead to, by their name relative to the document or by URL. */
  readonly externals: ReadonlyMap<string, SourceFile>;
}

/** The bounds of one document. */
export interface DocumentLimits {
  readonly bytesMax: number;
  /** Values in the document, each alias counted as often as it is used: this is what stops alias bombs. */
  readonly valuesMax: number;
  readonly depthMax: number;
}

/** 32 MiB, five million values, 256 levels: more than any published document needs. */
export const documentLimits: DocumentLimits = { bytesMax: 32 * 1024 * 1024, valuesMax: 5_000_000, depthMax: 256 };

/** What a reader may be told beside the bytes. */
export interface ReadOptions {
  readonly name?: string;
  readonly uri?: string;
  readonly limits?: Partial<DocumentLimits>;
  /** Texts of external files that were fetched before, by the keys that `externalSources` gave them. */
  readonly externals?: Readonly<Record<string, string>>;
}

/**
 * Reads OpenAPI 2.0, 3.0, 3.1 or 3.2 in JSON or YAML. Throws a `Fault` with a finding for whatever is none of these:
 * `document.empty`, `.too_large`, `.not_utf8`, `.syntax`, `.too_deep`, `.not_openapi`, `.version_unknown`.
 */
export const readDocument = (bytes: Uint8Array, options: ReadOptions = {}): OpenApiDocument => {
  const limits = { ...documentLimits, ...options.limits };
  const name = options.name ?? "document";
  const source = readSource(bytes, name, limits);
  const root = source.root;
  if (!isObject(root)) throw notOpenApi(name, recogniseValue(root), source);
  const declared = member(root, "openapi") ?? member(root, "swagger");
  if (declared === undefined) throw notOpenApi(name, recogniseValue(root), source);
  const versionText = String(declared);
  const version = versionOf(root, versionText);
  if (version === undefined) {
    const pointer = member(root, "openapi") === undefined ? "/swagger" : "/openapi";
    const place = sourceMap(source).positions([pointer], "value").get(pointer);
    throw refusal("document.version_unknown", name, `${name} declares ${pointer.slice(1)} ${versionText}.`, {
      ...place,
      path: pointer,
      next: "Give a document of version 2.0, 3.0, 3.1 or 3.2.",
    });
  }
  const externals = new Map<string, SourceFile>();
  for (const [key, text] of Object.entries(options.externals ?? {})) {
    externals.set(key, readSource(new TextEncoder().encode(text), key, limits));
  }
  return { ...source, root, name, uri: options.uri, version, versionText, externals };
};

/** Reads any JSON or YAML file within the limits; what it says is not looked at. */
export const readSource = (bytes: Uint8Array, name: string, limits: DocumentLimits = documentLimits): SourceFile => {
  if (bytes.length > limits.bytesMax) {
    throw refusal(
      "document.too_large",
      name,
      `${name} has ${bytes.length} bytes; at most ${limits.bytesMax} are read.`,
      {
        next: "Split the document, or raise the limit documentLimits.bytesMax.",
      },
    );
  }
  const text = decode(bytes, name);
  if (text.trim() === "")
    throw refusal("document.empty", name, `${name} is empty.`, { next: "Give the document itself." });
  const source = parse(text, name);
  measure(source, name, limits);
  return source;
};

const decode = (bytes: Uint8Array, name: string): string => {
  const [first, second] = bytes;
  const isUtf16 = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff) || second === 0;
  if (isUtf16 || !isUtf8(bytes)) {
    const offset = isUtf16 ? 0 : firstInvalidByte(bytes);
    const before = new TextDecoder().decode(bytes.subarray(0, offset));
    throw refusal(
      "document.not_utf8",
      name,
      `${name} is not UTF-8: ${isUtf16 ? "it looks like UTF-16" : `byte ${offset} is invalid`}.`,
      {
        ...sourceMap({ syntax: "json", text: before }).positionOfOffset(before.length),
        next: "Save the file as UTF-8.",
      },
    );
  }
  // The decoder drops a byte order mark, which RFC 8259 section 8.1 allows a reader to ignore.
  return new TextDecoder().decode(bytes);
};

const firstInvalidByte = (bytes: Uint8Array): number => {
  let low = 0;
  let high = bytes.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    // A prefix may end inside a character: up to three more bytes are needed to know.
    const isValid = [0, 1, 2, 3].some((more) => isUtf8(bytes.subarray(0, Math.min(middle + more, bytes.length))));
    if (isValid) low = middle;
    else high = middle - 1;
  }
  return low;
};

const parse = (text: string, name: string): SourceFile => {
  const looksLikeJson = /^\s*[[{]/.test(text);
  if (looksLikeJson) {
    const reading = readJson(text);
    if (reading.fault === undefined) return { syntax: "json", text, root: reading.value };
    // A flow mapping in YAML begins like JSON too: `{openapi: 3.1.0, ...}`.
    if (/\.json$/i.test(name) || /^\s*\{\s*"/.test(text)) throw syntaxFault(name, "JSON", text, reading.fault);
  }
  const looksLike = looksLikeJson ? undefined : recogniseText(text);
  if (looksLike !== undefined) throw notOpenApi(name, looksLike, undefined);
  const reading = guardStack(() => readYaml(text), name);
  if (reading.fault) throw syntaxFault(name, "YAML", text, reading.fault);
  return { syntax: "yaml", text, root: reading.value, tree: new WeakRef(reading.tree) };
};

const guardStack = <T>(read: () => T, name: string): T => {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof RangeError) throw tooDeep(name);
    throw thrown;
  }
};

// Counts with aliases unfolded, as every later walk will meet them.
const measure = (source: SourceFile, name: string, limits: DocumentLimits): void => {
  let values = 0;
  const visit = (value: unknown, depth: number): void => {
    if (++values > limits.valuesMax) {
      throw refusal(
        "document.too_large",
        name,
        `${name} unfolds to more than ${limits.valuesMax} values${source.syntax === "yaml" ? " (aliases count as often as they are used)" : ""}.`,
        { next: "Write less, or fewer aliases." },
      );
    }
    if (typeof value !== "object" || value === null) return;
    if (depth >= limits.depthMax) throw tooDeep(name);
    if (Array.isArray(value)) for (const item of value) visit(item, depth + 1);
    else for (const key in value) visit(Reflect.get(value, key), depth + 1);
  };
  visit(source.root, 0);
};

const versionOf = (root: JsonObject, text: string): OpenApiVersion | undefined => {
  // `swagger: 2.0` without quotes is the number 2 in YAML, `openapi: 3.0` the number 3.
  if (Object.hasOwn(root, "openapi")) {
    const match = /^3(?:\.([0-2])(?:\.\d+)?(?:-[\w.]+)?)?$/.exec(text);
    return match === null ? undefined : (["3.0", "3.1", "3.2"] as const)[Number(match[1] ?? 0)];
  }
  return /^2(\.0)?$/.test(text) ? "2.0" : undefined;
};

const notOpenApi = (name: string, looksLike: string, source: SourceFile | undefined): Fault =>
  refusal("document.not_openapi", name, `${name} is not an OpenAPI document: it looks like ${looksLike}.`, {
    ...(source === undefined ? {} : { path: "" }),
    line: 1,
    column: 1,
    next: "Give an OpenAPI document of version 2.0, 3.0, 3.1 or 3.2 in JSON or YAML.",
  });

const syntaxFault = (
  name: string,
  notation: string,
  text: string,
  at: { readonly offset: number; readonly message: string },
): Fault => {
  const place = sourceMap({ syntax: "json", text }).positionOfOffset(at.offset);
  return refusal(
    "document.syntax",
    name,
    `${name} is not valid ${notation}: ${at.message} (line ${place.line}, column ${place.column}).`,
    {
      ...place,
      next: `Correct the ${notation} at this place.`,
    },
  );
};

const tooDeep = (name: string): Fault =>
  refusal("document.too_deep", name, `${name} is nested too deeply or contains itself.`, {
    next: "Use $ref where a structure repeats.",
  });

const refusal = (
  code: string,
  file: string,
  message: string,
  place: { readonly line?: number; readonly column?: number; readonly path?: string; readonly next: string },
): Fault => {
  const { line, column, path, next } = place;
  return new Fault(code, {
    public: message,
    status: code === "document.too_large" ? 413 : 422,
    findings: [
      {
        message,
        file,
        next,
        ...(path === undefined ? {} : { path }),
        ...(line === undefined ? {} : { line }),
        ...(column === undefined ? {} : { column }),
      },
    ],
  });
};
