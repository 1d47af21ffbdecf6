import { kindOfName, refusedInTrailer } from "../wire/known-names.ts";
import type { Field, FieldTaker } from "./hpack-decoder.ts";

/** What a block is the head of, or its end. */
export type BlockKind = "request" | "reply" | "trailers";

/** What is known about a field, once it has been looked at. */
const illegal = 1;
const regular = 2;
const cookie = 3;
const host = 4;
const te = 5;
const inNoTrailer = 6;
const method = 16;
const scheme = 17;
const authority = 18;
const path = 19;
const status = 20;

const pseudoFields: Readonly<Record<string, number>> = {
  ":method": method,
  ":scheme": scheme,
  ":authority": authority,
  ":path": path,
  ":status": status,
};

/** RFC 9113 section 8.2.1, and RFC 9110 section 5.1: a token, in lower case. */
const namePattern = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
/** No control but HTAB, no white space around it. */
const valuePattern = /^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/;
/** Section 8.2.2: they belong to a connection of HTTP/1.1. */
const connectionFields = new Set(["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"]);

/**
 * A header block as the text of an HTTP/1.1 head, field by field: the one place where fields of HTTP/2 become lines. Nothing enters a
 * line that has not been looked at; what has been found out about a field of the compression's tables stays with it.
 */
export class FieldBlock implements FieldTaker {
  kind: BlockKind = "request";
  /** Breaks section 8: the stream ends. */
  isMalformed = false;
  isTooLarge = false;
  method = "";
  scheme = "";
  authority = "";
  path = "";
  status = "";
  /** Lines of the regular fields, without the host and cookies. */
  lines = "";
  host = "";
  cookies = "";
  count = 0;
  listBytes = 0;
  #hasHost = false;
  #seen = 0;
  #isRegularSeen = false;
  #bytesMax = 0;
  #countMax = 0;

  begin(kind: BlockKind, bytesMax: number, countMax: number): void {
    this.kind = kind;
    this.isMalformed = false;
    this.isTooLarge = false;
    this.method = "";
    this.scheme = "";
    this.authority = "";
    this.path = "";
    this.status = "";
    this.lines = "";
    this.host = "";
    this.cookies = "";
    this.count = 0;
    this.listBytes = 0;
    this.#hasHost = false;
    this.#seen = 0;
    this.#isRegularSeen = false;
    this.#bytesMax = bytesMax;
    this.#countMax = countMax;
  }

  take(field: Field): boolean {
    this.listBytes += field.size;
    if (this.listBytes > this.#bytesMax || ++this.count > this.#countMax) {
      this.isTooLarge = true;
      return false;
    }
    if (field.verdict === 0) look(field);
    const { verdict } = field;
    if (verdict === regular) {
      this.#isRegularSeen = true;
      this.lines += field.line;
    } else if (verdict >= method) this.#takePseudo(verdict, field.value);
    else this.#takeSpecial(verdict, field);
    return !this.isMalformed;
  }

  /** True where the block has the pseudo-field. */
  get hasAuthority(): boolean {
    return this.#has(authority);
  }

  get hasPath(): boolean {
    return this.#has(path);
  }

  get hasScheme(): boolean {
    return this.#has(scheme);
  }

  get hasHost(): boolean {
    return this.#hasHost;
  }

  #has(pseudo: number): boolean {
    return (this.#seen & (1 << (pseudo - method))) !== 0;
  }

  /** Section 8.3: before the regular fields, each once, none in trailers, and those of the other direction never. */
  #takePseudo(pseudo: number, value: string): void {
    const isExpected = this.kind === "request" ? pseudo !== status : this.kind === "reply" && pseudo === status;
    if (!isExpected || this.#isRegularSeen || this.#has(pseudo)) {
      this.isMalformed = true;
      return;
    }
    this.#seen |= 1 << (pseudo - method);
    if (pseudo === method) this.method = value;
    else if (pseudo === scheme) this.scheme = value;
    else if (pseudo === authority) this.authority = value;
    else if (pseudo === path) this.path = value;
    else this.status = value;
  }

  #takeSpecial(verdict: number, field: Field): void {
    this.#isRegularSeen = true;
    if (verdict === illegal) this.isMalformed = true;
    else if (this.kind === "trailers") {
      // What frames, routes or authenticates does not go on from a trailer section; it is no fault of it.
      if (verdict === te && field.value !== "trailers") this.isMalformed = true;
    } else if (this.kind === "reply") this.lines += field.line;
    else if (verdict === cookie) {
      // Section 8.2.3: the crumbs are one field again before they leave HTTP/2.
      this.cookies += this.cookies === "" ? field.value : `; ${field.value}`;
    } else if (verdict === host) {
      if (this.#hasHost) this.isMalformed = true;
      this.#hasHost = true;
      this.host = field.value;
    } else if (verdict === te && field.value !== "trailers") this.isMalformed = true;
    else this.lines += field.line;
  }
}

const look = (field: Field): void => {
  field.verdict = verdictOf(field);
  if (field.verdict !== illegal && field.verdict < method) field.line = `${field.name}: ${field.value}\r\n`;
};

const verdictOf = ({ name, value }: Field): number => {
  if (name.startsWith(":")) {
    if (!Object.hasOwn(pseudoFields, name) || !valuePattern.test(value)) return illegal;
    return pseudoFields[name] ?? illegal;
  }
  if (!namePattern.test(name) || !valuePattern.test(value) || connectionFields.has(name)) return illegal;
  if (name === "cookie") return cookie;
  if (name === "host") return host;
  if (name === "te") return te;
  return refusedInTrailer[kindOfName(name)] === 1 ? inNoTrailer : regular;
};
