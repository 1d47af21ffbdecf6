import { byteClass, hexByte, hexValue, valueByte } from "./byte-class.ts";
import { Head, scanTrailerFields } from "./head.ts";
import { refusedInTrailer } from "./known-names.ts";
import { latin1Of } from "./latin1.ts";

/** The limits of a chunked body's surroundings. */
export interface ChunkLimits {
  readonly chunkExtensionBytesMax: number;
  readonly trailerBytesMax: number;
  readonly headerCountMax: number;
}

/**
 * What the next step of the decoder found: `data` and `cut` are ranges `[start, end)` of the bytes given, `cut` being an
 * extension or trailers, which do not go on as they came.
 */
export type ChunkEvent = "more" | "data" | "cut" | "end" | "bad" | "too-large";

const atSize = 0;
const inSize = 1;
const inExtension = 2;
const atSizeLf = 3;
const inData = 4;
const atDataCr = 5;
const atDataLf = 6;
const inTrailer = 7;
const atEndLf = 8;

/** Eight hexadecimal digits: chunks of up to 4 GiB, and no room for overflow in whoever reads them next. */
const sizeDigitsMax = 8;

/**
 * Walks a chunked body (RFC 9112 section 7.1) in the bytes as they arrive and holds none of them but trailers. CRLF only;
 * extensions are bounded and overlooked (7.1.1); trailers are bounded and checked like a head (7.1.2).
 */
export class ChunkDecoder {
  start = 0;
  end = 0;
  /** Where the next step begins. */
  position = 0;
  /** Legal trailer lines with their CRLF, complete when the event was `end`. */
  trailers = "";
  /** Trailers were there, legal or not: the bytes after the last chunk were cut. */
  hadTrailers = false;
  #state = atSize;
  #left = 0;
  #digits = 0;
  #extensionBytes = 0;
  #extensionBegins = false;
  #trailerText = "";
  #isTrailerLineStart = true;
  /** The line so far is a CR alone. */
  #isTrailerCr = false;
  #isAfterCr = false;
  readonly #limits: ChunkLimits;

  constructor(limits: ChunkLimits) {
    this.#limits = limits;
  }

  begin(): void {
    this.#state = atSize;
    this.#left = 0;
    this.#digits = 0;
    this.#extensionBytes = 0;
    this.trailers = "";
    this.hadTrailers = false;
    this.#trailerText = "";
    this.#isTrailerLineStart = true;
    this.#isTrailerCr = false;
    this.#isAfterCr = false;
  }

  /** Walks on from `position` until there is something to tell. */
  next(bytes: Buffer): ChunkEvent {
    const stop = bytes.length;
    let at = this.position;
    while (at < stop) {
      const byte = bytes[at] ?? 0;
      switch (this.#state) {
        case atSize:
          if (((byteClass[byte] ?? 0) & hexByte) === 0) return "bad";
          this.#left = hexValue[byte] ?? 0;
          this.#digits = 1;
          this.#state = inSize;
          at++;
          break;
        case inSize:
          if (((byteClass[byte] ?? 0) & hexByte) !== 0) {
            if (++this.#digits > sizeDigitsMax) return "bad";
            this.#left = this.#left * 16 + (hexValue[byte] ?? 0);
            at++;
          } else if (byte === 13) {
            this.#state = atSizeLf;
            at++;
          } else if (byte === 0x3b || byte === 0x20 || byte === 0x09) {
            this.#state = inExtension;
            this.#extensionBegins = false;
          } else return "bad";
          break;
        case inExtension:
          return this.#extension(bytes, at);
        case atSizeLf:
          if (byte !== 10) return "bad";
          this.#state = this.#left === 0 ? inTrailer : inData;
          at++;
          break;
        case inData: {
          const length = Math.min(this.#left, stop - at);
          this.#left -= length;
          if (this.#left === 0) this.#state = atDataCr;
          this.start = at;
          this.end = at + length;
          this.position = at + length;
          return "data";
        }
        case atDataCr:
          if (byte !== 13) return "bad";
          this.#state = atDataLf;
          at++;
          break;
        case atDataLf:
          if (byte !== 10) return "bad";
          this.#state = atSize;
          at++;
          break;
        case inTrailer:
          if (!this.#isTrailerLineStart || byte !== 13 || this.hadTrailers) return this.#trailer(bytes, at);
          this.#state = atEndLf;
          at++;
          break;
        default:
          if (byte !== 10) return "bad";
          this.position = at + 1;
          return "end";
      }
    }
    this.position = at;
    return "more";
  }

  /** RFC 9112 section 7.1.1: `*( BWS ";" BWS name [ BWS "=" BWS value ] )`; a space that no `;` follows is refused. */
  #extension(bytes: Buffer, from: number): ChunkEvent {
    let at = from;
    const stop = from + this.#limits.chunkExtensionBytesMax - this.#extensionBytes;
    for (; at < bytes.length; at++) {
      const byte = bytes[at] ?? 0;
      if (byte === 13) break;
      if (at === stop) return "too-large";
      if (((byteClass[byte] ?? 0) & valueByte) === 0) return "bad";
      if (byte === 0x3b) this.#extensionBegins = true;
      else if (!this.#extensionBegins && byte !== 0x20 && byte !== 0x09) return "bad";
    }
    this.#extensionBytes += at - from;
    if (at < bytes.length) {
      if (!this.#extensionBegins) return "bad";
      this.#state = atSizeLf;
    }
    this.start = from;
    this.end = at;
    // The CR stays with the size line, so that a cut leaves `SIZE CRLF`.
    this.position = at < bytes.length ? at + 1 : at;
    return "cut";
  }

  /** Collects the trailer section up to its empty line, then checks it as a whole. */
  #trailer(bytes: Buffer, from: number): ChunkEvent {
    this.hadTrailers = true;
    let at = from;
    let isWhole = false;
    const stop = from + this.#limits.trailerBytesMax - this.#trailerText.length;
    while (at < bytes.length && !isWhole) {
      const byte = bytes[at] ?? 0;
      if (at === stop) return "too-large";
      at++;
      if (byte === 10) {
        if (!this.#isAfterCr) return "bad";
        isWhole = this.#isTrailerCr;
        this.#isTrailerLineStart = true;
        this.#isTrailerCr = false;
      } else {
        this.#isTrailerCr = this.#isTrailerLineStart && byte === 13;
        this.#isTrailerLineStart = false;
      }
      this.#isAfterCr = byte === 13;
    }
    this.#trailerText += latin1Of(bytes, from, at);
    this.start = from;
    this.end = at;
    this.position = at;
    if (!isWhole) return "cut";
    const trailers = legalTrailers(this.#trailerText, this.#limits);
    if (trailers === undefined) return "bad";
    this.trailers = trailers;
    return "end";
  }
}

/** Trailers that may go on, as lines; undefined where the section breaks the rules of a head. */
const legalTrailers = (text: string, limits: ChunkLimits): string | undefined => {
  const head = new Head();
  head.begin(Buffer.from(text, "latin1"), 0);
  const result = scanTrailerFields(head, text.length, {
    headBytesMax: limits.trailerBytesMax,
    targetBytesMax: 0,
    headerCountMax: limits.headerCountMax,
  });
  if (result !== "complete" || head.end !== text.length) return undefined;
  let lines = "";
  for (let index = 0; index < head.count; index++) {
    if (refusedInTrailer[head.kindAt(index)] === 0) lines += `${head.name(index)}: ${head.value(index)}\r\n`;
  }
  return lines;
};
