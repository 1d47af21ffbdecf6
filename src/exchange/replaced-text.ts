/** A text to find and what stands there instead. */
export interface Replacement {
  readonly from: string;
  readonly to: string;
  /** Found only where no letter, digit, `.`, `-`, `:` or `@` follows: `http://a` is not found in `http://a.example`. */
  readonly isWholeHost?: boolean;
}

/** Bytes with texts replaced, as they come: what could be the begin of one is held back until it is known. */
export const replacedText = (
  bytes: AsyncIterable<Uint8Array>,
  replacements: readonly Replacement[],
): AsyncIterable<Uint8Array> => replacements.reduce((stream, one) => replaceOne(stream, one), bytes);

async function* replaceOne(bytes: AsyncIterable<Uint8Array>, replacement: Replacement): AsyncGenerator<Uint8Array> {
  const from = Buffer.from(replacement.from);
  const to = Buffer.from(replacement.to);
  const isWholeHost = replacement.isWholeHost ?? false;
  let rest = Buffer.alloc(0);
  for await (const part of bytes) {
    const all = Buffer.concat([rest, part]);
    const { out, used } = pass(all, from, to, isWholeHost, false);
    rest = all.subarray(used);
    if (out.length > 0) yield out;
  }
  const { out } = pass(rest, from, to, isWholeHost, true);
  if (out.length > 0) yield out;
}

const pass = (
  all: Buffer,
  from: Buffer,
  to: Buffer,
  isWholeHost: boolean,
  isLast: boolean,
): { readonly out: Buffer; readonly used: number } => {
  const parts: Buffer[] = [];
  let at = 0;
  let searchFrom = 0;
  for (;;) {
    const found = all.indexOf(from, searchFrom);
    if (found < 0) break;
    const end = found + from.length;
    if (isWholeHost && end === all.length && !isLast) {
      // What follows decides, and has not come yet.
      parts.push(all.subarray(at, found));
      return { out: Buffer.concat(parts), used: found };
    }
    searchFrom = end;
    if (isWholeHost && isHostByte(all[end])) continue;
    parts.push(all.subarray(at, found), to);
    at = end;
  }
  const used = isLast ? all.length : all.length - heldBack(all, Math.max(at, searchFrom), from);
  parts.push(all.subarray(at, used));
  return { out: Buffer.concat(parts), used };
};

/** How many of the last bytes could be the begin of `from`. */
const heldBack = (all: Buffer, at: number, from: Buffer): number => {
  for (let length = Math.min(from.length - 1, all.length - at); length > 0; length--)
    if (all.subarray(all.length - length).equals(from.subarray(0, length))) return length;
  return 0;
};

const isHostByte = (byte: number | undefined): boolean =>
  byte !== undefined && /[A-Za-z0-9.:@-]/.test(String.fromCharCode(byte));
