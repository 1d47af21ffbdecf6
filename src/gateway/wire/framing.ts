import { isNameAt } from "./byte-class.ts";
import type { Head } from "./head.ts";
import { kindContentLength, kindTransferEncoding } from "./known-names.ts";

/** The most digits of a Content-Length: every number of them is a safe integer. */
const lengthDigitsMax = 15;

/**
 * Decides how the body of a request is delimited and writes it into `head.framing` and `head.bodyLength`. False where the head is
 * ambiguous: the caller refuses with 400 and closes. Everything after this trusts the result.
 */
export const frameRequest = (head: Head): boolean => {
  if (!areFramingFieldsLegal(head)) return false;
  // RFC 9112 section 6.3 item 7: without either field the length is zero.
  if (head.framing === "close") head.framing = "none";
  return true;
};

/**
 * The same for a reply to `isHeadRequest`. False: 502 and the connection to the backend is dropped.
 * Framing fields must be legal even where there is no body: whoever sends ambiguous ones is not to be trusted with the next reply.
 */
export const frameReply = (head: Head, isHeadRequest: boolean): boolean => {
  if (!areFramingFieldsLegal(head)) return false;
  // RFC 9112 section 6.3 item 1: HEAD, 1xx, 204 and 304 end with the head, whatever the fields say.
  if (isHeadRequest || head.status < 200 || head.status === 204 || head.status === 304) {
    head.framing = "none";
    head.bodyLength = 0;
  }
  return true;
};

const areFramingFieldsLegal = (head: Head): boolean => {
  const encoding = head.known[kindTransferEncoding] ?? -1;
  const length = head.known[kindContentLength] ?? -1;
  if (encoding >= 0) {
    // RFC 9112 section 6.1: Transfer-Encoding together with Content-Length, or in HTTP/1.0, is an attack or a fault.
    if (length >= 0 || head.minor === 0 || head.isRepeated(kindTransferEncoding)) return false;
    // Section 7: we know only `chunked`; a list, a second coding or `identity` could be read differently by the next one.
    if (!head.hasValue(encoding, "chunked")) return false;
    head.framing = "chunked";
    return true;
  }
  if (length < 0) {
    // Section 6.3 item 8, for a reply: until the connection closes. A request has no body then.
    head.framing = "close";
    return true;
  }
  // Section 6.3 item 5 allows to merge equal values of a repeated field; refusing is allowed too, and unambiguous.
  if (head.isRepeated(kindContentLength)) return false;
  const from = head.fields[length * 4 + 2] ?? 0;
  const to = head.fields[length * 4 + 3] ?? 0;
  if (to === from || to - from > lengthDigitsMax) return false;
  let value = 0;
  for (let at = from; at < to; at++) {
    // RFC 9110 section 8.6: 1*DIGIT. No sign, no list, no space.
    const digit = (head.bytes[at] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) return false;
    value = value * 10 + digit;
  }
  head.bodyLength = value;
  head.framing = value === 0 ? "none" : "length";
  return true;
};

/** What a `Connection` field says, as bits. */
export const connectionClose = 1;
export const connectionKeepAlive = 2;
export const connectionUpgrade = 4;

/**
 * Reads all `Connection` fields (RFC 9110 section 7.6.1). Answers the options as bits; `named` is told every other option, which
 * names a field that ends at this hop.
 */
export const readConnection = (head: Head, kind: number, named: (start: number, length: number) => void): number => {
  let bits = 0;
  for (let index = head.known[kind] ?? -1; index >= 0 && index < head.count; index++) {
    if (head.kindAt(index) !== kind) continue;
    bits |= readOptions(head.bytes, head.fields[index * 4 + 2] ?? 0, head.fields[index * 4 + 3] ?? 0, named);
    if (!head.isRepeated(kind)) break;
  }
  return bits;
};

const readOptions = (
  bytes: Buffer,
  from: number,
  to: number,
  named: (start: number, length: number) => void,
): number => {
  let bits = 0;
  let at = from;
  while (at < to) {
    while (at < to && isSeparator(bytes[at] ?? 0)) at++;
    const start = at;
    while (at < to && !isSeparator(bytes[at] ?? 0)) at++;
    const length = at - start;
    if (length === 0) continue;
    if (length === 5 && isNameAt(bytes, start, "close")) bits |= connectionClose;
    else if (length === 10 && isNameAt(bytes, start, "keep-alive")) bits |= connectionKeepAlive;
    else if (length === 7 && isNameAt(bytes, start, "upgrade")) bits |= connectionUpgrade;
    else named(start, length);
  }
  return bits;
};

const isSeparator = (byte: number): boolean => byte === 0x2c || byte === 0x20 || byte === 0x09;
