/** A request as a reader of RFC 9112 finds it in the bytes of one connection. */
export interface ReadRequest {
  readonly method: string;
  readonly target: string;
  /** What it holds, without the chunks around it; only its begin where the request is not whole. */
  readonly body: string;
  readonly isWhole: boolean;
  /** Where its last byte stands. */
  readonly end: number;
}

/** All requests of a connection, and how it ended for the reader. */
export interface Reading {
  readonly requests: readonly ReadRequest[];
  /** `clean`: behind a whole request; `partial`: within one; `illegal`: the bytes are no HTTP/1.1 or allow two readings; `closed`: no more is read. */
  readonly ending: "clean" | "partial" | "illegal" | "closed";
  readonly why: string;
}

/**
 * Reads bytes (one character each) as RFC 9112 demands where nothing may be guessed. It shares no code with the gateway, is slow,
 * and takes nothing that two readers could take differently.
 */
export const readStrictly = (text: string): Reading => {
  const requests: ReadRequest[] = [];
  const ended = (ending: Reading["ending"], why = ""): Reading => ({ requests, ending, why });
  let at = 0;
  while (true) {
    // Section 2.2: empty lines before a request line are overlooked.
    while (text.startsWith("\r\n", at)) at += 2;
    if (at >= text.length) return ended("clean");
    const headEnd = text.indexOf("\r\n\r\n", at);
    if (headEnd < 0) return ended("partial");
    const head = readHead(text.slice(at, headEnd).split("\r\n"));
    if (typeof head === "string") return ended("illegal", head);
    const body = readBody(text, headEnd + 4, head);
    requests.push({ method: head.method, target: head.target, ...body });
    if (body.why !== "") return ended("illegal", body.why);
    if (!body.isWhole) return ended("partial");
    if (head.isLast) return ended("closed");
    at = body.end;
  }
};

interface ReadHead {
  readonly method: string;
  readonly target: string;
  readonly isChunked: boolean;
  readonly length: number;
  readonly isLast: boolean;
}

const requestLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e\x80-\xff]+) HTTP\/1\.(\d)$/;
const fieldLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/;

const readHead = ([first = "", ...lines]: readonly string[]): ReadHead | string => {
  const line = requestLine.exec(first);
  if (line === null) return "request line";
  const fields: (readonly [name: string, value: string])[] = [];
  for (const text of lines) {
    const field = fieldLine.exec(text);
    if (field === null) return "field line";
    fields.push([(field[1] ?? "").toLowerCase(), field[2] ?? ""]);
  }
  const valuesOf = (name: string): readonly string[] =>
    fields.filter(([each]) => each === name).map(([, value]) => value);
  const lengths = valuesOf("content-length");
  const codings = valuesOf("transfer-encoding");
  const isOld = line[3] === "0";
  if (lengths.length + codings.length > 1) return "two framing fields";
  if (codings.length === 1 && (isOld || codings[0]?.toLowerCase() !== "chunked")) return "coding";
  if (lengths.length === 1 && !/^\d{1,15}$/.test(lengths[0] ?? "")) return "length";
  const options = valuesOf("connection").flatMap((value) => value.toLowerCase().split(/[ \t]*,[ \t]*/));
  const method = line[1] ?? "";
  return {
    method,
    target: line[2] ?? "",
    isChunked: codings.length === 1,
    length: Number(lengths[0] ?? 0),
    // What follows CONNECT is no request to anybody.
    isLast: options.includes("close") || (isOld && !options.includes("keep-alive")) || method === "CONNECT",
  };
};

type ReadBody = Pick<ReadRequest, "body" | "isWhole" | "end"> & { readonly why: string };

const readBody = (text: string, from: number, head: ReadHead): ReadBody => {
  if (head.isChunked) return readChunks(text, from);
  const body = text.slice(from, from + head.length);
  return { body, isWhole: body.length === head.length, end: from + head.length, why: "" };
};

const readChunks = (text: string, from: number): ReadBody => {
  let at = from;
  let body = "";
  const stopped = (why: string): ReadBody => ({ body, isWhole: false, end: at, why });
  while (true) {
    const sizeEnd = text.indexOf("\r\n", at);
    // What has come of the line may already be wrong; that it is not whole is the weaker and sufficient answer.
    if (sizeEnd < 0) return stopped("");
    const size = /^([0-9A-Fa-f]{1,12})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?$/.exec(text.slice(at, sizeEnd));
    if (size === null) return stopped("chunk size");
    const length = Number.parseInt(size[1] ?? "", 16);
    at = sizeEnd + 2;
    if (length === 0) break;
    body += text.slice(at, at + length);
    at += length;
    if (at + 2 > text.length) return stopped("");
    if (!text.startsWith("\r\n", at)) return stopped("chunk end");
    at += 2;
  }
  while (true) {
    const lineEnd = text.indexOf("\r\n", at);
    if (lineEnd < 0) return stopped("");
    const line = text.slice(at, lineEnd);
    at = lineEnd + 2;
    if (line === "") return { body, isWhole: true, end: at, why: "" };
    if (!fieldLine.test(line)) return stopped("trailer line");
  }
};
