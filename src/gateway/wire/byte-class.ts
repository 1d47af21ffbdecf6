/** Bits of `byteClass`: what a byte may be part of. */
export const tokenByte = 1;
export const valueByte = 2;
export const targetByte = 4;
export const hexByte = 8;

const isTokenCode = (code: number): boolean => /[!#$%&'*+.^_`|~0-9A-Za-z-]/.test(String.fromCharCode(code));

/**
 * One look-up per byte. Tokens as RFC 9110 section 5.6.2; values as section 5.5 (no control but HTAB); targets are visible
 * ASCII without `#`, since a request target has no fragment (RFC 9112 section 3.2).
 */
export const byteClass: Uint8Array = Uint8Array.from({ length: 256 }, (_, code) => {
  let bits = 0;
  if (code < 0x80 && isTokenCode(code)) bits |= tokenByte;
  if (code === 0x09 || (code >= 0x20 && code !== 0x7f)) bits |= valueByte;
  if (code > 0x20 && code < 0x7f && code !== 0x23) bits |= targetByte;
  if (/^[0-9A-Fa-f]$/.test(String.fromCharCode(code))) bits |= hexByte;
  return bits;
});

/** ASCII lower case by byte; every other byte is itself. */
export const lowerByte: Uint8Array = Uint8Array.from({ length: 256 }, (_, code) =>
  code >= 0x41 && code <= 0x5a ? code | 0x20 : code,
);

/** The value of a hexadecimal digit by byte; 0 for bytes that are none. */
export const hexValue: Uint8Array = Uint8Array.from({ length: 256 }, (_, code) => {
  const digit = String.fromCharCode(code);
  return /^[0-9A-Fa-f]$/.test(digit) ? Number.parseInt(digit, 16) : 0;
});

/** True where `bytes` from `start` are `name` (lower case) without regard to ASCII case; the caller has compared the lengths. */
export const isNameAt = (bytes: Uint8Array, start: number, name: string): boolean => {
  for (let at = 0; at < name.length; at++) {
    if (lowerByte[bytes[start + at] ?? 0] !== name.charCodeAt(at)) return false;
  }
  return true;
};
