import fc from "fast-check";

/** What one client connection sends. `text` has one character for each byte; `cuts` are where a write ends. */
export interface RawConversation {
  readonly text: (mark: string) => string;
  readonly cuts: readonly number[];
}

/** Stands in every target, so that a request is known again wherever it arrives. */
const targets: readonly string[] = ["/ID", "/ID?a=b", "/ID?a=http://b/../c", "/a/ID", "http://a/ID", "//ID", "/ID%2fb"];
const oddTargets: readonly string[] = [
  "/ID#f",
  "ID",
  "/a/../ID",
  "/ID\tb",
  "/ID b",
  "/ID%0d%0aX:y",
  "/ID\x80",

  "a:80",
];
const methods: readonly string[] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];
const oddMethods: readonly string[] = ["get", "PURGE", "M-SEARCH", "CONNECT", "TRACE", "PRI", "G T", "", "POST\t"];
const oddVersions: readonly string[] = [
  "HTTP/1.0",
  "HTTP/1.2",
  "HTTP/2.0",
  "HTTP/0.9",
  "http/1.1",
  "HTTP/1.1 ",
  "HTTP/1",
  "HTTP/01.1",
];

const plainLines: readonly string[] = [
  "Accept: */*",
  "X-A: b",
  "X-A:",
  "Cookie: a=b; c",
  "Connection: keep-alive",
  "User-Agent: fuzz",
];
const oddLines: readonly string[] = [
  "Connection: close",
  "Connection: Content-Length",
  "Connection: Transfer-Encoding",
  "Connection: close, Host",
  "Connection: Upgrade",
  "Connection: Upgrade, HTTP2-Settings",
  "Upgrade: h2c",
  "Upgrade: websocket",
  "Upgrade: foo",
  "HTTP2-Settings: AAMAAABkAAQAAP__",
  "Expect: 100-continue",
  "Expect: 100-continue, 100-continue",
  "Expect: x",
  "TE: trailers",
  "Trailer: Content-Length",
  "Host: b",
  "X: a\r\n b",
  "X: a\0",
  "X\x01: a",
  "X : a",
  ": a",
  "X",
  "X-Bytes: \x80\xff",
];
const oddFraming: readonly string[] = [
  "Content-Length: 0",
  "Content-Length: 5",
  "Content-Length: 05",
  "Content-Length: +5",
  "Content-Length: -5",
  "Content-Length: 5, 5",
  "Content-Length: 0x5",
  "Content-Length: 5 5",
  "Content-Length:\t5\t",
  "Content-Length : 5",
  "Content-Length: ",
  "Content-Length: 99999999999999999999",
  "content_length: 5",
  "Content-Length\0: 5",
  "Transfer-Encoding: chunked",
  "transfer-encoding:CHUNKED ",
  "Transfer-Encoding: chunked, chunked",
  "Transfer-Encoding: ,chunked",
  "Transfer-Encoding: chunked,",
  "Transfer-Encoding: identity",
  "Transfer-Encoding: gzip, chunked",
  "Transfer-Encoding: chunked; a=b",
  "Transfer-Encoding:\x0bchunked",
  "Transfer-Encoding : chunked",
  " Transfer-Encoding: chunked",
  "Transfer-Encoding:\r\n chunked",
  'Transfer-Encoding: "chunked"',
  "Transfer_Encoding: chunked",
  "X: a\nTransfer-Encoding: chunked",
  "X: a\rContent-Length: 5",
];

const inner = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
const contents = fc.constantFrom("hello", "", "a", "0\r\n\r\n", inner, `0\r\n\r\n${inner}`, "\r\n", "\xff\0\n\r");
const sizeOf = (text: string): string => text.length.toString(16);
const oddChunks: readonly string[] = [
  `5;a=b\r\nhello\r\n0\r\n\r\n`,
  `5;a="\n"\r\nhello\r\n0\r\n\r\n`,
  `5;\nhello\r\n0\r\n\r\n`,
  `5\nhello\r\n0\r\n\r\n`,
  `5\r\nhello\n0\r\n\r\n`,
  `5\r\nhello0\r\n\r\n`,
  `5\rhello\r\n0\r\n\r\n`,
  `5 \r\nhello\r\n0\r\n\r\n`,
  ` 5\r\nhello\r\n0\r\n\r\n`,
  `0x5\r\nhello\r\n0\r\n\r\n`,
  `+5\r\nhello\r\n0\r\n\r\n`,
  `-5\r\nhello\r\n0\r\n\r\n`,
  `5_\r\nhello\r\n0\r\n\r\n`,
  `\r\nhello\r\n0\r\n\r\n`,
  `000000000005\r\nhello\r\n0\r\n\r\n`,
  `00000000000000005\r\nhello\r\n0\r\n\r\n`,
  `10000000000000005\r\nhello\r\n0\r\n\r\n`,
  `fffffffffffffffb\r\nhello\r\n0\r\n\r\n`,
  `5\r\nhello\r\n0\r\nX: y\r\n\r\n`,
  `5\r\nhello\r\n0\r\nContent-Length: 9\r\n\r\n`,
  `5\r\nhello\r\n0\r\nX: y\n\r\n`,
  `5\r\nhello\r\n0\r\nX : y\r\n\r\n`,
  `5\r\nhello\r\n0\r\n y\r\n\r\n`,
  `5\r\nhello\r\n0\n\n`,
  `5\r\nhello\r\n0\r\n\n`,
  `5\r\nhello\r\n0;a\r\n\r\n`,
  `5\r\nhello\r\n0\r\n${inner}`,
  `5\r\nhellohello\r\n0\r\n\r\n`,
  `2\r\nhe\r\n3\r\nllo\r\n00\r\n\r\n`,
  `5\r\nhello\r\n`,
];

/** A legal body together with the field that frames it; now and then the two do not belong together. */
const framed = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ lines: [] as readonly string[], body: "" }) },
  {
    weight: 4,
    arbitrary: contents.map((body) => ({ lines: [`Content-Length: ${body.length}`], body })),
  },
  {
    weight: 4,
    arbitrary: fc.array(contents, { maxLength: 3 }).map((parts) => ({
      lines: ["Transfer-Encoding: chunked"],
      body: `${parts
        .filter((part) => part !== "")
        .map((part) => `${sizeOf(part)}\r\n${part}\r\n`)
        .join("")}0\r\n\r\n`,
    })),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(...oddChunks).map((body) => ({ lines: ["Transfer-Encoding: chunked"], body })),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        fc.array(fc.constantFrom(...oddFraming), { minLength: 1, maxLength: 2 }),
        fc.constantFrom("hello", "5\r\nhello\r\n0\r\n\r\n", "", inner),
      )
      .map(([lines, body]) => ({ lines, body })),
  },
);

/** Mostly the usual, seldom the odd: a conversation of odd parts only is refused at its first byte. */
const mostly = (usual: readonly string[], odd: readonly string[], weight = 14): fc.Arbitrary<string> =>
  fc.oneof({ weight, arbitrary: fc.constantFrom(...usual) }, { weight: 1, arbitrary: fc.constantFrom(...odd) });

/** One byte of a request put in, taken out or replaced. */
const fault = fc.record({
  at: fc.nat(400),
  act: fc.constantFrom("insert", "replace", "remove"),
  byte: fc.constantFrom(
    "\r",
    "\n",
    " ",
    "\t",
    ":",
    ";",
    ",",
    "0",
    "5",
    "a",
    "_",
    "\0",
    "\x0b",
    "\x80",
    '"',
    "\r\n",
    "-",
  ),
});

const request = fc
  .record({
    method: mostly(methods, oddMethods),
    target: mostly(targets, oddTargets),
    version: mostly(["HTTP/1.1"], oddVersions),
    host: mostly(["Host: a"], ["Host: a:80", "host:a", "Host: a, b", "Host:", "Host : a", "X: y"], 30),
    lines: fc.array(mostly(plainLines, oddLines, 2), { maxLength: 3 }),
    framing: framed,
    isFramingFirst: fc.boolean(),
    lineEnd: fc.oneof(
      { weight: 40, arbitrary: fc.constant("\r\n") },
      { weight: 1, arbitrary: fc.constantFrom("\n", "\r", "\r\r\n", "\n\r") },
    ),
    faults: fc.oneof(
      { weight: 4, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.array(fault, { minLength: 1, maxLength: 2 }) },
    ),
  })
  .map((parts) => (id: string): string => {
    const { framing, host, lines, lineEnd } = parts;
    const fields = parts.isFramingFirst ? [...framing.lines, host, ...lines] : [host, ...lines, ...framing.lines];
    const first = `${parts.method} ${parts.target.replace("ID", id)} ${parts.version}`;
    let text = `${[first, ...fields].join(lineEnd)}${lineEnd}${lineEnd}${framing.body}`;
    for (const { at, act, byte } of parts.faults) {
      const place = at % (text.length + 1);
      text = text.slice(0, place) + (act === "remove" ? "" : byte) + text.slice(act === "insert" ? place : place + 1);
    }
    return text;
  });

/** Up to four requests of one connection, and where its writes end. */
export const rawConversation: fc.Arbitrary<RawConversation> = fc
  .record({
    requests: fc.array(request, { minLength: 1, maxLength: 4 }),
    between: fc.oneof(
      { weight: 20, arbitrary: fc.constant("") },
      { weight: 1, arbitrary: fc.constantFrom("\r\n", "\n", "\r\n\r\n", " ") },
    ),
    cuts: fc.array(fc.nat(600), { maxLength: 3 }),
  })
  .map(({ requests, between, cuts }) => ({
    text: (mark) => requests.map((make, at) => make(`r${mark}x${at}`)).join(between),
    cuts: [...cuts].sort((left, right) => left - right),
  }));

/** The mark that the path or query of a target carries, or undefined where it carries none. */
export const idOf = (target: string): string | undefined =>
  /r\w+x\d/.exec(target.replace(/^https?:\/\/[^/?#]*/i, ""))?.[0];
