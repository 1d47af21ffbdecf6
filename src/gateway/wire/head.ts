import { byteClass, isNameAt, lowerByte, targetByte, tokenByte, valueByte } from "./byte-class.ts";
import { kindCount, kindOf } from "./known-names.ts";
import { latin1Of } from "./latin1.ts";

/** What a scan found: the head is there, more bytes are needed, or why it is refused. */
export type ScanResult = "complete" | "incomplete" | "bad" | "too-large" | "target-too-long" | "version";

/** The limits of a head. */
export interface HeadLimits {
  readonly headBytesMax: number;
  readonly targetBytesMax: number;
  readonly headerCountMax: number;
}

/** How the bytes behind a head are delimited (RFC 9112 section 6.3). */
export type Framing = "none" | "length" | "chunked" | "close";

const noBytes: Buffer = Buffer.alloc(0);
const removedBit = 0x80;
const cr = 13;
const lf = 10;
/** Empty lines before a request line that are overlooked (RFC 9112 section 2.2 asks for at least one). */
const emptyLinesMax = 4;
const methodBytesMax = 32;

/**
 * A message head as offsets into the bytes that carried it. No string and no object exists per field until somebody asks.
 * One object serves many messages, one after the other; the bytes it points to are never written again.
 */
export class Head {
  bytes: Buffer = noBytes;
  start = 0;
  /** Behind the empty line; 0 while the head is incomplete. */
  end = 0;
  count = 0;
  /** Minor version of HTTP/1.x. */
  minor = 1;
  methodStart = 0;
  methodEnd = 0;
  targetStart = 0;
  targetEnd = 0;
  /** Of the `?` in the target, or `targetEnd`. */
  pathEnd = 0;
  /** The path holds a byte that makes a look at its canonical form necessary. */
  isPathSuspect = false;
  status = 0;
  reasonStart = 0;
  reasonEnd = 0;
  framing: Framing = "none";
  bodyLength = 0;
  /** Known kinds that occur more than once, as bits (kinds below 31). */
  repeated = 0;
  position = 0;
  searched = 0;
  isStartLineRead = false;
  /** Name start, name end, value start, value end, for each field. */
  fields: Int32Array = new Int32Array(4 * 32);
  /** Kind of each field; the high bit says that an edit has removed it. */
  kinds: Uint8Array = new Uint8Array(32);
  /** By kind: index of the first field, or -1. */
  readonly known: Int16Array = new Int16Array(kindCount).fill(-1);

  /** Begins with a new message whose first byte is at `start`. */
  begin(bytes: Buffer, start: number): void {
    // Only what the last message had is taken back: a request has seldom more than a few known fields.
    for (let index = 0; index < this.count; index++) this.known[(this.kinds[index] ?? 0) & 0x7f] = -1;
    this.bytes = bytes;
    this.start = start;
    this.end = 0;
    this.count = 0;
    this.minor = 1;
    this.methodStart = start;
    this.methodEnd = start;
    this.targetStart = start;
    this.targetEnd = start;
    this.pathEnd = start;
    this.isPathSuspect = false;
    this.status = 0;
    this.reasonStart = start;
    this.reasonEnd = start;
    this.framing = "none";
    this.bodyLength = 0;
    this.repeated = 0;
    this.position = start;
    this.searched = start;
    this.isStartLineRead = false;
  }

  /** Lets go of the bytes, so that a pooled head holds no memory, and of everything that its fields said. */
  release(): void {
    if (this.bytes !== noBytes) this.begin(noBytes, 0);
  }

  /** The kind of field `index`, whether removed or not. */
  kindAt(index: number): number {
    return (this.kinds[index] ?? 0) & 0x7f;
  }

  isRemoved(index: number): boolean {
    return ((this.kinds[index] ?? 0) & removedBit) !== 0;
  }

  remove(index: number): void {
    this.kinds[index] = (this.kinds[index] ?? 0) | removedBit;
  }

  /** True where field `index` is `text`, byte for byte. */
  isValue(index: number, text: string): boolean {
    const start = this.fields[index * 4 + 2] ?? 0;
    if ((this.fields[index * 4 + 3] ?? 0) - start !== text.length) return false;
    for (let at = 0; at < text.length; at++) if (this.bytes[start + at] !== text.charCodeAt(at)) return false;
    return true;
  }

  /** First field of that kind that has not been removed, or -1. */
  indexOf(kind: number): number {
    const index = this.known[kind] ?? -1;
    if (index < 0 || !this.isRemoved(index)) return index;
    for (let next = index + 1; next < this.count; next++) {
      if (this.kinds[next] === kind) return next;
    }
    return -1;
  }

  isRepeated(kind: number): boolean {
    return (this.repeated & (1 << kind)) !== 0;
  }

  /** Where the line of field `index` begins: with its name, since folding is refused. */
  lineStart(index: number): number {
    return index < this.count ? (this.fields[index * 4] ?? 0) : this.end - 2;
  }

  name(index: number): string {
    return latin1Of(this.bytes, this.fields[index * 4] ?? 0, this.fields[index * 4 + 1] ?? 0);
  }

  value(index: number): string {
    return latin1Of(this.bytes, this.fields[index * 4 + 2] ?? 0, this.fields[index * 4 + 3] ?? 0);
  }

  /** True where field `index` has this value (lower case), without regard to case. */
  hasValue(index: number, value: string): boolean {
    const start = this.fields[index * 4 + 2] ?? 0;
    return (this.fields[index * 4 + 3] ?? 0) - start === value.length && isNameAt(this.bytes, start, value);
  }

  /** True where field `index` has this name (any case). */
  hasName(index: number, name: string): boolean {
    const start = this.fields[index * 4] ?? 0;
    if ((this.fields[index * 4 + 1] ?? 0) - start !== name.length) return false;
    for (let at = 0; at < name.length; at++) {
      if (lowerByte[this.bytes[start + at] ?? 0] !== lowerByte[name.charCodeAt(at) & 0xff]) return false;
    }
    return true;
  }

  /** Records a field; false where there are too many. */
  add(nameStart: number, nameEnd: number, valueStart: number, valueEnd: number, countMax: number): boolean {
    const index = this.count;
    if (index >= countMax) return false;
    if (index === this.kinds.length) this.#grow();
    const fields = this.fields;
    const at = index * 4;
    fields[at] = nameStart;
    fields[at + 1] = nameEnd;
    fields[at + 2] = valueStart;
    fields[at + 3] = valueEnd;
    const kind = kindOf(this.bytes, nameStart, nameEnd - nameStart);
    this.kinds[index] = kind;
    if (kind !== 0) {
      if ((this.known[kind] ?? -1) < 0) this.known[kind] = index;
      else this.repeated |= 1 << kind;
    }
    this.count = index + 1;
    return true;
  }

  #grow(): void {
    const fields = new Int32Array(this.fields.length * 2);
    fields.set(this.fields);
    this.fields = fields;
    const kinds = new Uint8Array(this.kinds.length * 2);
    kinds.set(this.kinds);
    this.kinds = kinds;
  }
}

/** Scans on with a request head of which `bytes[start, end)` have arrived. Any split of the bytes gives the same result. */
export const scanRequestHead = (head: Head, end: number, limits: HeadLimits): ScanResult =>
  scan(head, end, limits, scanRequestLine);

/** The same for the head of a reply. */
export const scanReplyHead = (head: Head, end: number, limits: HeadLimits): ScanResult =>
  scan(head, end, limits, scanStatusLine);

/** Scans fields only, as a trailer section has them; `position` stands at the first. */
export const scanTrailerFields = (head: Head, end: number, limits: HeadLimits): ScanResult =>
  scanFields(head, end, limits);

type ScanLine = (head: Head, stop: number, limits: HeadLimits) => ScanResult;

const scan = (head: Head, end: number, limits: HeadLimits, scanStartLine: ScanLine): ScanResult => {
  const stop = Math.min(end, head.start + limits.headBytesMax);
  const isFull = stop === head.start + limits.headBytesMax;
  // An unfinished line is scanned again only when its end has come, so that slow bytes cost no more than fast ones.
  if (head.searched > head.position && !isFull && !hasLineEnd(head.bytes, head.searched, stop)) {
    head.searched = stop;
    return "incomplete";
  }
  let result: ScanResult = "complete";
  if (!head.isStartLineRead) result = scanStartLine(head, stop, limits);
  if (result === "complete") {
    head.isStartLineRead = true;
    result = scanFields(head, stop, limits);
  }
  if (result !== "incomplete") return result;
  head.searched = stop;
  return isFull ? "too-large" : "incomplete";
};

const hasLineEnd = (bytes: Buffer, from: number, stop: number): boolean => {
  for (let at = from; at < stop; at++) if (bytes[at] === lf) return true;
  return false;
};

/** RFC 9112 section 3: `method SP request-target SP HTTP-version CRLF`, one space each. */
const scanRequestLine: ScanLine = (head, stop, limits) => {
  const bytes = head.bytes;
  let at = head.position;
  while (at < stop && bytes[at] === cr) {
    if (at + 1 >= stop) return "incomplete";
    if (bytes[at + 1] !== lf || (at - head.position) >> 1 >= emptyLinesMax) return "bad";
    at += 2;
  }
  const methodStart = at;
  while (at < stop && ((byteClass[bytes[at] ?? 0] ?? 0) & tokenByte) !== 0) at++;
  if (at - methodStart > methodBytesMax) return "bad";
  if (at >= stop) return "incomplete";
  if (bytes[at] !== 0x20 || at === methodStart) return "bad";
  head.methodEnd = at;
  at++;
  const targetStart = at;
  const targetStop = Math.min(stop, targetStart + limits.targetBytesMax + 1);
  let queryAt = -1;
  let isSuspect = false;
  let before = 0;
  while (at < targetStop) {
    const byte = bytes[at] ?? 0;
    if (((byteClass[byte] ?? 0) & targetByte) === 0) break;
    if (queryAt < 0) {
      if (byte === 0x3f) queryAt = at;
      else if (byte === 0x25 || byte === 0x5c || (byte === 0x2e && before === 0x2f)) isSuspect = true;
      before = byte;
    }
    at++;
  }
  if (at - targetStart > limits.targetBytesMax) return "target-too-long";
  if (at >= stop) return "incomplete";
  if (bytes[at] !== 0x20 || at === targetStart) return "bad";
  head.targetStart = targetStart;
  head.targetEnd = at;
  head.pathEnd = queryAt < 0 ? at : queryAt;
  head.isPathSuspect = isSuspect;
  const version = scanVersion(bytes, at + 1, stop);
  if (version < 0) return version === -1 ? "incomplete" : "bad";
  at += 9;
  if (at < stop && bytes[at] !== cr) return "bad";
  if (at + 1 >= stop) return "incomplete";
  if (bytes[at + 1] !== lf) return "bad";
  if (version >> 4 !== 1) return "version";
  head.minor = version & 15;
  head.methodStart = methodStart;
  head.position = at + 2;
  return "complete";
};

/** RFC 9112 section 4: `HTTP-version SP status-code SP [ reason-phrase ] CRLF`; a missing space before CRLF is tolerated, it is common. */
const scanStatusLine: ScanLine = (head, stop) => {
  const bytes = head.bytes;
  let at = head.position;
  const version = scanVersion(bytes, at, stop);
  if (version < 0) return version === -1 ? "incomplete" : "bad";
  if (version >> 4 !== 1) return "version";
  at += 8;
  if (at < stop && bytes[at] !== 0x20) return "bad";
  at++;
  let status = 0;
  for (const end = at + 3; at < end; at++) {
    if (at >= stop) return "incomplete";
    const digit = (bytes[at] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) return "bad";
    status = status * 10 + digit;
  }
  if (status < 100 || status > 599) return "bad";
  if (at >= stop) return "incomplete";
  if (bytes[at] === 0x20) at++;
  else if (bytes[at] !== cr) return "bad";
  head.reasonStart = at;
  while (at < stop && ((byteClass[bytes[at] ?? 0] ?? 0) & valueByte) !== 0) at++;
  if (at < stop && bytes[at] !== cr) return "bad";
  if (at + 1 >= stop) return "incomplete";
  if (bytes[at + 1] !== lf) return "bad";
  head.status = status;
  head.minor = version & 15;
  head.reasonEnd = at;
  head.position = at + 2;
  return "complete";
};

const http = "HTTP/";

/** Major and minor version as `major << 4 | minor`; -1 where bytes are missing, -2 where they are wrong. RFC 9112 section 2.3. */
const scanVersion = (bytes: Buffer, from: number, stop: number): number => {
  for (let at = 0; at < 8; at++) {
    if (from + at >= stop) return -1;
    const byte = bytes[from + at] ?? 0;
    const isRight = at < 5 ? byte === http.charCodeAt(at) : at === 6 ? byte === 0x2e : byte >= 0x30 && byte <= 0x39;
    if (!isRight) return -2;
  }
  return (((bytes[from + 5] ?? 0) - 0x30) << 4) | ((bytes[from + 7] ?? 0) - 0x30);
};

/** Behind the bytes that a value may hold; two comparisons are faster than the table, and values are most of a head. */
const skipValue = (bytes: Buffer, from: number, stop: number): number => {
  let at = from;
  while (at < stop) {
    const byte = bytes[at] ?? 0;
    if (byte < 0x20 ? byte !== 0x09 : byte === 0x7f) break;
    at++;
  }
  return at;
};

/**
 * RFC 9112 section 5: `field-name ":" OWS field-value OWS CRLF`. No space before the colon (5.1), no folding (5.2: a line that
 * begins with a space has an empty name), no bare CR or LF (2.2), no NUL or other control (RFC 9110 section 5.5).
 */
const scanFields: ScanLine = (head, stop, limits) => {
  const bytes = head.bytes;
  let at = head.position;
  for (;;) {
    if (at >= stop) return "incomplete";
    if (bytes[at] === cr) {
      if (at + 1 >= stop) return "incomplete";
      if (bytes[at + 1] !== lf) return "bad";
      head.end = at + 2;
      return "complete";
    }
    const nameStart = at;
    while (at < stop && ((byteClass[bytes[at] ?? 0] ?? 0) & tokenByte) !== 0) at++;
    if (at >= stop) return "incomplete";
    if (bytes[at] !== 0x3a || at === nameStart) return "bad";
    const nameEnd = at;
    at++;
    while (at < stop && (bytes[at] === 0x20 || bytes[at] === 0x09)) at++;
    const valueStart = at;
    at = skipValue(bytes, at, stop);
    if (at >= stop) return "incomplete";
    if (bytes[at] !== cr) return "bad";
    if (at + 1 >= stop) return "incomplete";
    if (bytes[at + 1] !== lf) return "bad";
    let valueEnd = at;
    while (valueEnd > valueStart && (bytes[valueEnd - 1] === 0x20 || bytes[valueEnd - 1] === 0x09)) valueEnd--;
    if (!head.add(nameStart, nameEnd, valueStart, valueEnd, limits.headerCountMax)) return "too-large";
    at += 2;
    head.position = at;
  }
};
