/**
 * Texts in a shared buffer that only grows: each once, found by its offset. A text is two bytes of length and its UTF-8; a UUID in
 * lower case is the length 0xffff and its 16 bytes. Word 0 of the buffer is how many bytes are used.
 */
const headerBytes = 16;
const uuidMark = 0xffff;
const textBytesMax = 0xfffe;

/** Virtual memory that a growing buffer may come to; nothing of it is used before it is needed. */
export const arenaBytesMax = 512 * 1024 * 1024;

/** A shared buffer that can grow in place, so that readers need not be told. */
export const growableBuffer = (bytes: number, bytesMax: number = arenaBytesMax): SharedArrayBuffer =>
  new SharedArrayBuffer(bytes, { maxByteLength: bytesMax });

const stepBytes = 256 * 1024;

/** Grows a growable buffer so that it holds `bytes`. Growing in place costs little, so it is done in small steps. Throws a RangeError above its maximum. */
export const growTo = (buffer: SharedArrayBuffer, bytes: number): void => {
  if (bytes <= buffer.byteLength) return;
  buffer.grow(Math.max(bytes, Math.min(buffer.maxByteLength, Math.ceil(bytes / stepBytes) * stepBytes)));
};

/** The text at an offset. */
export const readText = (bytes: Uint8Array, offset: number): string => {
  const length = ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
  const start = offset + 2;
  if (length === uuidMark) {
    const hex = Buffer.from(bytes.slice(start, start + 16)).toString("hex");
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }
  // A copy: decoders refuse shared memory.
  return Buffer.from(bytes.slice(start, start + length)).toString("utf8");
};

/** The writer of an arena. */
export interface StringArena {
  readonly buffer: SharedArrayBuffer;
  readonly usedBytes: number;
  /** The offset of a text, which is added where it is new. Throws a RangeError for texts above 65,534 bytes. */
  intern(text: string): number;
}

/** A writer on a new buffer, or on a saved one. Its index is not shared and is built on first use. */
export const createStringArena = (saved?: SharedArrayBuffer): StringArena => {
  const buffer = saved ?? growableBuffer(64 * 1024);
  const words = new Uint32Array(buffer, 0, 1);
  if (saved === undefined) words[0] = headerBytes;
  let bytes = new Uint8Array(buffer, 0, buffer.byteLength);
  // Open addressing over pairs of offset and hash; offset 0 is empty, since no text lies there.
  let index: Uint32Array | null = null;
  let count = 0;
  const scratch = Buffer.alloc(textBytesMax + 2);

  const hashOf = (source: Uint8Array, from: number, to: number): number => {
    let hash = 0x811c9dc5;
    for (let i = from; i < to; i++) hash = Math.imul(hash ^ (source[i] ?? 0), 0x01000193);
    hash ^= hash >>> 15;
    return Math.imul(hash, 0x2c1b3c6d) >>> 0;
  };
  const endOf = (offset: number): number => {
    const length = ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
    return offset + 2 + (length === uuidMark ? 16 : length);
  };
  const place = (slots: Uint32Array, offset: number, hash: number): void => {
    const mask = slots.length - 1;
    let at = (hash * 2) & mask;
    while (slots[at] !== 0) at = (at + 2) & mask;
    slots[at] = offset;
    slots[at + 1] = hash;
  };
  const indexed = (): Uint32Array => {
    if (index !== null && count * 3 < index.length) return index;
    const slots = new Uint32Array(index === null ? 4096 : index.length * 2);
    if (index !== null) {
      for (let at = 0; at < index.length; at += 2) {
        if (index[at] !== 0) place(slots, index[at] ?? 0, index[at + 1] ?? 0);
      }
      index = slots;
      return slots;
    }
    index = slots;
    const used = words[0] ?? headerBytes;
    for (let offset = headerBytes; offset < used; ) {
      const end = endOf(offset);
      place(indexed(), offset, hashOf(bytes, offset, end));
      count += 1;
      offset = end;
    }
    return indexed();
  };
  const encode = (text: string): number => {
    if (encodeUuid(text, scratch)) return 18;
    const length = Buffer.byteLength(text);
    if (length > textBytesMax) throw new RangeError("a text of the access table is too long");
    scratch.writeUInt16BE(length, 0);
    scratch.write(text, 2, "utf8");
    return length + 2;
  };
  const isAt = (offset: number, length: number): boolean => {
    for (let i = 0; i < length; i++) if (bytes[offset + i] !== scratch[i]) return false;
    return true;
  };

  return {
    buffer,
    get usedBytes() {
      return words[0] ?? headerBytes;
    },
    intern: (text) => {
      const length = encode(text);
      const hash = hashOf(scratch, 0, length);
      const slots = indexed();
      const mask = slots.length - 1;
      for (let at = (hash * 2) & mask; ; at = (at + 2) & mask) {
        const offset = slots[at] ?? 0;
        if (offset === 0) break;
        if (slots[at + 1] === hash && isAt(offset, length)) return offset;
      }
      const offset = words[0] ?? headerBytes;
      if (offset + length > buffer.byteLength) {
        growTo(buffer, offset + length);
        bytes = new Uint8Array(buffer, 0, buffer.byteLength);
      }
      bytes.set(scratch.subarray(0, length), offset);
      // Readers learn of an offset only from a record, which is written after the text.
      Atomics.store(words, 0, offset + length);
      place(slots, offset, hash);
      count += 1;
      return offset;
    },
  };
};

/** Writes a canonical UUID as mark and 16 bytes; false where the text is none. */
const encodeUuid = (text: string, into: Uint8Array): boolean => {
  if (text.length !== 36) return false;
  let at = 2;
  for (let i = 0; i < 36; ) {
    if (i === 8 || i === 13 || i === 18 || i === 23) {
      if (text.charCodeAt(i) !== 45) return false;
      i += 1;
      continue;
    }
    const high = hexDigit(text.charCodeAt(i));
    const low = hexDigit(text.charCodeAt(i + 1));
    if (high < 0 || low < 0) return false;
    into[at] = high * 16 + low;
    at += 1;
    i += 2;
  }
  into[0] = uuidMark >> 8;
  into[1] = uuidMark & 0xff;
  return true;
};

const hexDigit = (code: number): number =>
  code >= 48 && code <= 57 ? code - 48 : code >= 97 && code <= 102 ? code - 87 : -1;
