/** What a client's first message says before anything is agreed. */
export type Hello =
  | { readonly kind: "incomplete" }
  | { readonly kind: "invalid" }
  /** `serverName` in lower case; empty where the client names none. */
  | { readonly kind: "hello"; readonly serverName: string };

/** A hello with the largest key shares stays far below. */
export const helloBytesMax: number = 32 * 1024;

const incomplete: Hello = { kind: "incomplete" };
const invalid: Hello = { kind: "invalid" };

/**
 * Reads the server name (RFC 6066 section 3) of a ClientHello (RFC 8446 section 4.1.2) that may lie in several records. Whatever is not
 * a hello is invalid; the rest is checked by OpenSSL, which reads the same bytes again.
 */
export const readClientHello = (bytes: Buffer): Hello => {
  const message: Buffer[] = [];
  let length = 0;
  let wanted = 4;
  let at = 0;
  while (length < wanted) {
    if (at >= bytes.length) return incomplete;
    // A record: type 22 is handshake; the version's first byte has been 3 since SSL 3.
    if (bytes[at] !== 22) return invalid;
    if (at + 5 > bytes.length) return incomplete;
    if (bytes[at + 1] !== 3) return invalid;
    const size = bytes.readUInt16BE(at + 3);
    if (size === 0 || size > 16_384) return invalid;
    const part = bytes.subarray(at + 5, at + 5 + size);
    message.push(part);
    length += part.length;
    const known = message.length === 1 ? part : Buffer.concat(message);
    if (known[0] !== undefined && known[0] !== 1) return invalid;
    if (known.length >= 4) wanted = 4 + known.readUIntBE(1, 3);
    if (wanted > helloBytesMax) return invalid;
    if (part.length < size && length < wanted) return incomplete;
    at += 5 + size;
  }
  const hello = (message.length === 1 && message[0] ? message[0] : Buffer.concat(message)).subarray(4, wanted);
  return serverNameOf(hello);
};

const serverNameOf = (hello: Buffer): Hello => {
  const read = reader(hello);
  // legacy_version and random.
  read.skip(2 + 32);
  read.skip(read.number(1));
  read.skip(read.number(2));
  read.skip(read.number(1));
  if (read.isOut) return invalid;
  if (read.left === 0) return { kind: "hello", serverName: "" };
  const extensions = read.number(2);
  if (read.isOut || extensions > read.left) return invalid;
  while (read.left >= 4) {
    const type = read.number(2);
    const size = read.number(2);
    const body = read.take(size);
    if (read.isOut) return invalid;
    if (type === 0) return nameIn(body);
  }
  return { kind: "hello", serverName: "" };
};

const nameIn = (body: Buffer): Hello => {
  const read = reader(body);
  read.skip(2);
  const type = read.number(1);
  const name = read.take(read.number(2)).toString("latin1").toLowerCase();
  if (read.isOut || type !== 0 || name.length > 253 || !/^[a-z0-9._-]+$/.test(name)) return invalid;
  return { kind: "hello", serverName: name.endsWith(".") ? name.slice(0, -1) : name };
};

interface Reader {
  readonly left: number;
  /** Somebody asked for more than there is. */
  readonly isOut: boolean;
  number(bytes: 1 | 2): number;
  take(bytes: number): Buffer;
  skip(bytes: number): void;
}

const reader = (bytes: Buffer): Reader => {
  let at = 0;
  let isOut = false;
  const has = (count: number): boolean => {
    if (at + count <= bytes.length) return true;
    isOut = true;
    return false;
  };
  const take = (count: number): Buffer => {
    const part = has(count) ? bytes.subarray(at, at + count) : Buffer.alloc(0);
    at += part.length;
    return part;
  };
  return {
    get left() {
      return bytes.length - at;
    },
    get isOut() {
      return isOut;
    },
    number: (count) => {
      const part = take(count);
      return part.length === count ? part.readUIntBE(0, count) : 0;
    },
    take,
    skip: (count) => {
      take(count);
    },
  };
};
