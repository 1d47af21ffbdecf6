import { hexValue } from "./byte-class.ts";

/**
 * True where a path is in the one form that the gateway routes and forwards. Refused, so that no two readers of it can
 * disagree: a segment that is `.` or `..`, plain or percent-encoded, also with a parameter behind it (`..;a`, which some
 * servers strip), also where `%2F` bounds it; `\` and `%5C`; NUL and every other control, plain or encoded; a `%` without two hexadecimal digits; a
 * path that does not begin with `/`. Data, not separators: `%2F` and `;`. `//` is an empty segment, kept as it came.
 */
export const checkPath = (path: string): boolean => {
  if (path.charCodeAt(0) !== 0x2f) return false;
  let dots = 0;
  /** Nothing but dots so far in this segment. */
  let isDots = true;
  for (let at = 1; at < path.length; at++) {
    let code = path.charCodeAt(at);
    if (code === 0x25) {
      code = decoded(path, at);
      if (code < 0) return false;
      at += 2;
    }
    // An encoded slash is data to us, but a backend may decode it before it removes dot segments.
    if (code === 0x2f) {
      if (isDots && dots > 0 && dots < 3) return false;
      dots = 0;
      isDots = true;
      continue;
    }
    // Encoded or not: a control could end a string somewhere, a backslash is a separator to some.
    if (code < 0x20 || code === 0x7f || code === 0x5c) return false;
    if (code === 0x2e) dots++;
    else if (code === 0x3b && isDots && dots > 0 && dots < 3) return false;
    else isDots = false;
  }
  return !(isDots && dots > 0 && dots < 3);
};

/** The byte that `%XX` at `at` stands for, or -1. */
const decoded = (path: string, at: number): number => {
  if (at + 2 >= path.length) return -1;
  const high = path.charCodeAt(at + 1);
  const low = path.charCodeAt(at + 2);
  if (!isHex(high) || !isHex(low)) return -1;
  return ((hexValue[high] ?? 0) << 4) | (hexValue[low] ?? 0);
};

const isHex = (code: number): boolean =>
  (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x46) || (code >= 0x61 && code <= 0x66);
