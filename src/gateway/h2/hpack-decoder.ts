import { latin1Of } from "../wire/latin1.ts";
import { staticFields } from "./hpack-static.ts";
import { decodeHuffman } from "./huffman.ts";

/** One field line, shared by every block that refers to it: what has been found out about it once is kept with it. */
export interface Field {
  readonly name: string;
  readonly value: string;
  /** Octets that it counts for: RFC 7541 section 4.1. */
  readonly size: number;
  /** 0: nobody has looked; else what the block's rules say, see `field-block.ts`. */
  verdict: number;
  /** As a line of an HTTP/1.1 head, once it has been looked at. */
  line: string;
}

/** Takes the fields of a block, in order. */
export interface FieldTaker {
  /** False: no more fields are wanted; the block is only read for the sake of the table. */
  take(field: Field): boolean;
}

/** A block that breaks RFC 7541: a connection error (section 4.3 of RFC 9113). */
export class HpackError extends Error {}

const overhead = 32;
/** The most that a number of a block may be: lengths and indexes are far below. */
const numberMax = 2 ** 24;

const fieldOf = (name: string, value: string): Field => ({
  name,
  value,
  size: name.length + value.length + overhead,
  verdict: 0,
  line: "",
});

const staticEntries: readonly Field[] = staticFields.map(([name, value]) => fieldOf(name, value));
const staticCount = staticEntries.length;

/** Where Huffman texts are decoded into: no text of a block is longer than twice its bytes, since no code is shorter than 5 bits. */
let scratch: Buffer = Buffer.allocUnsafeSlow(8192);

/** The receiving side of a connection's header compression. The table's size is ours to set; entries leave it the oldest first. */
export class HpackDecoder {
  readonly #sizeMax: number;
  /** The newest entry is the last. */
  readonly #entries: Field[] = [];
  #first = 0;
  #size = 0;
  #sizeLimit: number;
  #at = 0;

  /** `sizeMax`: our SETTINGS_HEADER_TABLE_SIZE. */
  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax;
    this.#sizeLimit = sizeMax;
  }

  /** Octets in the dynamic table. */
  get tableSize(): number {
    return this.#size;
  }

  /** Decodes one whole block; throws HpackError. */
  decode(bytes: Buffer, taker: FieldTaker): void {
    this.#at = 0;
    let isWanted = true;
    let mayResize = true;
    while (this.#at < bytes.length) {
      const byte = bytes[this.#at] ?? 0;
      if ((byte & 0xe0) === 0x20) {
        // Section 4.2: only at the begin of a block.
        if (!mayResize) throw new HpackError("a table size update within a block");
        this.#resize(this.#number(bytes, 5));
        continue;
      }
      mayResize = false;
      let field: Field;
      if ((byte & 0x80) !== 0) field = this.#entry(this.#number(bytes, 7));
      else if ((byte & 0x40) !== 0) {
        field = this.#literal(bytes, 6);
        this.#insert(field);
      } else field = this.#literal(bytes, 4);
      if (isWanted) isWanted = taker.take(field);
    }
  }

  #literal(bytes: Buffer, prefix: number): Field {
    const index = this.#number(bytes, prefix);
    const name = index === 0 ? this.#text(bytes) : this.#entry(index).name;
    return fieldOf(name, this.#text(bytes));
  }

  #entry(index: number): Field {
    const found =
      index <= staticCount ? staticEntries[index - 1] : this.#entries[this.#entries.length - (index - staticCount)];
    if (found === undefined || (index > staticCount && this.#entries.length - (index - staticCount) < this.#first))
      throw new HpackError("an index beyond the tables");
    return found;
  }

  /** Section 5.1. */
  #number(bytes: Buffer, prefix: number): number {
    const mask = (1 << prefix) - 1;
    let value = (bytes[this.#at++] ?? 0) & mask;
    if (value < mask) return value;
    let factor = 1;
    for (;;) {
      if (this.#at >= bytes.length) throw new HpackError("a number that does not end");
      const byte = bytes[this.#at++] ?? 0;
      value += (byte & 0x7f) * factor;
      if (value > numberMax || factor > numberMax) throw new HpackError("a number too large");
      if (byte < 0x80) return value;
      factor *= 128;
    }
  }

  /** Section 5.2. */
  #text(bytes: Buffer): string {
    if (this.#at >= bytes.length) throw new HpackError("a text that is missing");
    const isHuffman = ((bytes[this.#at] ?? 0) & 0x80) !== 0;
    const length = this.#number(bytes, 7);
    const from = this.#at;
    const to = from + length;
    if (to > bytes.length) throw new HpackError("a text beyond its block");
    this.#at = to;
    if (!isHuffman) return latin1Of(bytes, from, to);
    if (scratch.length < length * 2) scratch = Buffer.allocUnsafeSlow(length * 2);
    const decoded = decodeHuffman(bytes, from, to, scratch);
    if (decoded < 0) throw new HpackError("a broken Huffman code");
    return latin1Of(scratch, 0, decoded);
  }

  #resize(size: number): void {
    if (size > this.#sizeMax) throw new HpackError("a table size above the setting");
    this.#sizeLimit = size;
    this.#evict(0);
  }

  /** Section 4.4: an entry larger than the table empties it, and that is no error. */
  #insert(field: Field): void {
    this.#evict(field.size);
    if (field.size > this.#sizeLimit) return;
    this.#entries.push(field);
    this.#size += field.size;
  }

  #evict(room: number): void {
    while (this.#size + room > this.#sizeLimit && this.#first < this.#entries.length) {
      this.#size -= this.#entries[this.#first]?.size ?? 0;
      this.#first++;
    }
    if (this.#first < 64 || this.#first * 2 < this.#entries.length) return;
    this.#entries.splice(0, this.#first);
    this.#first = 0;
  }
}
