import { writeLatin1 } from "../wire/latin1.ts";
import { staticFields } from "./hpack-static.ts";

const overhead = 32;
/** What we use of the peer's table at most. */
const tableBytesMax = 4096;
/** Larger fields are not worth a place. */
const entryBytesMax = 512;

/** Index by `name: value`, and by name alone. */
const staticLines = new Map<string, number>();
const staticNames = new Map<string, number>();
staticFields.forEach(([name, value], index) => {
  if (value !== "") staticLines.set(`${name}: ${value}`, index + 1);
  if (!staticNames.has(name)) staticNames.set(name, index + 1);
});

/** Values that differ from message to message: an entry would be used once. */
const neverTwice = new Set([
  ":path",
  "content-length",
  "x-request-id",
  "traceparent",
  "tracestate",
  "etag",
  "last-modified",
  "if-none-match",
  "if-modified-since",
  "location",
  "age",
  "content-range",
  "range",
  "ratelimit",
]);

/** Secrets: nobody on the way may put them into a table either (RFC 7541 section 7.1.3). */
const secret = new Set(["authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key"]);

const statusLines = new Map<number, number>([
  [200, 8],
  [204, 9],
  [206, 10],
  [304, 11],
  [400, 12],
  [404, 13],
  [500, 14],
]);

/**
 * The sending side of a connection's header compression. Fields come as lines of a head; a line that is sent again costs one look-up
 * and a byte or two. Texts go without Huffman: on fast links the time it costs is worth more than the bytes.
 */
export class HpackEncoder {
  /** By the line as it came: its number, counted from the first entry ever. */
  readonly #numbers = new Map<string, number>();
  /** Lines and sizes in the table, the oldest first. */
  readonly #lines: { readonly line: string; readonly size: number }[] = [];
  #gone = 0;
  #size = 0;
  #sizeMax = tableBytesMax;
  /** The smallest size since the last block, where the peer must be told (section 4.2). */
  #smallest = -1;
  #out: Buffer = Buffer.allocUnsafeSlow(4096);
  #at = 0;

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. */
  set peerTableSize(size: number) {
    const next = Math.min(size, tableBytesMax);
    if (next === this.#sizeMax) return;
    this.#sizeMax = next;
    this.#smallest = this.#smallest < 0 ? next : Math.min(this.#smallest, next);
    this.#evict(0);
  }

  begin(): void {
    this.#at = 0;
    if (this.#smallest < 0) return;
    if (this.#smallest < this.#sizeMax) this.#number(this.#smallest, 5, 0x20);
    this.#number(this.#sizeMax, 5, 0x20);
    this.#smallest = -1;
  }

  /** The block; valid until the next `begin`. */
  finish(): Buffer {
    return this.#out.subarray(0, this.#at);
  }

  status(status: number): void {
    const index = statusLines.get(status);
    if (index !== undefined) this.#number(index, 7, 0x80);
    else this.field(":status", String(status));
  }

  /** All lines `Name: value CRLF` in `text[from, to)`, names in any case. An empty line ends them. */
  lines(text: string, from: number, to: number): void {
    let at = from;
    while (at < to) {
      const end = text.indexOf("\r\n", at);
      // The empty line ends a head.
      if (end <= at || end > to) return;
      this.line(text.slice(at, end));
      at = end + 2;
    }
  }

  /** A line `Name: value`. */
  line(line: string): void {
    const number = this.#numbers.get(line);
    if (number !== undefined) {
      this.#number(staticFields.length + this.#lines.length - (number - this.#gone), 7, 0x80);
      return;
    }
    const colon = line.indexOf(":", 1);
    const name = line.slice(0, colon).toLowerCase();
    this.#field(name, trimmedFrom(line, colon + 1), line);
  }

  field(name: string, value: string): void {
    this.line(`${name}: ${value}`);
  }

  #field(name: string, value: string, line: string): void {
    const whole = staticLines.get(`${name}: ${value}`);
    if (whole !== undefined) {
      this.#number(whole, 7, 0x80);
      return;
    }
    const index = staticNames.get(name) ?? 0;
    const size = name.length + value.length + overhead;
    if (secret.has(name)) this.#number(index, 4, 0x10);
    else if (size > entryBytesMax || size > this.#sizeMax || neverTwice.has(name)) this.#number(index, 4, 0);
    else {
      this.#number(index, 6, 0x40);
      this.#insert(line, size);
    }
    if (index === 0) this.#text(name);
    this.#text(value);
  }

  #insert(line: string, size: number): void {
    this.#evict(size);
    this.#numbers.set(line, this.#gone + this.#lines.length);
    this.#lines.push({ line, size });
    this.#size += size;
  }

  #evict(room: number): void {
    while (this.#size + room > this.#sizeMax) {
      const oldest = this.#lines.shift();
      if (oldest === undefined) return;
      this.#size -= oldest.size;
      // The same line may have come again under another spelling only: each spelling has its own number.
      this.#numbers.delete(oldest.line);
      this.#gone++;
    }
  }

  #number(value: number, prefix: number, bits: number): void {
    this.#reserve(8);
    const mask = (1 << prefix) - 1;
    if (value < mask) {
      this.#out[this.#at++] = bits | value;
      return;
    }
    this.#out[this.#at++] = bits | mask;
    let rest = value - mask;
    while (rest >= 128) {
      this.#out[this.#at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#out[this.#at++] = rest;
  }

  #text(text: string): void {
    this.#number(text.length, 7, 0);
    this.#reserve(text.length);
    this.#at += writeLatin1(this.#out, text, this.#at);
  }

  #reserve(more: number): void {
    if (this.#at + more <= this.#out.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#out.length * 2, this.#at + more));
    this.#out.copy(grown, 0, 0, this.#at);
    this.#out = grown;
  }
}

/** The value of a line without the space around it (RFC 9113 section 8.2.1). */
const trimmedFrom = (line: string, from: number): string => {
  let start = from;
  let end = line.length;
  while (start < end && isSpace(line.charCodeAt(start))) start++;
  while (end > start && isSpace(line.charCodeAt(end - 1))) end--;
  return line.slice(start, end);
};

const isSpace = (code: number): boolean => code === 0x20 || code === 0x09;
