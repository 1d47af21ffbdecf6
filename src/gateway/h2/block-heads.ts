import type { FieldBlock } from "./field-block.ts";

const targetPattern = /^[\x21\x22\x24-\x7e]+$/;
const tokenPattern = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/**
 * The head of a request as HTTP/1.1 writes it, or undefined where the block is malformed (RFC 9113 sections 8.1.1 and 8.3.1). Every part
 * has been looked at byte by byte: nothing can end a line or begin another.
 */
export const requestHeadOf = (block: FieldBlock): string | undefined => {
  const { method, path, authority, host } = block;
  if (!tokenPattern.test(method)) return undefined;
  // Section 8.5: CONNECT names neither scheme nor path.
  const isConnect = method === "CONNECT";
  if (isConnect) {
    if (block.hasPath || block.hasScheme || authority === "" || !targetPattern.test(authority)) return undefined;
  } else {
    if (!block.hasScheme || !/^https?$/.test(block.scheme) || !targetPattern.test(path)) return undefined;
    if (!path.startsWith("/") && !(path === "*" && method === "OPTIONS")) return undefined;
  }
  if (block.hasAuthority && authority === "") return undefined;
  // Section 8.3.1: they may not say different things; we know no case in which they should.
  if (block.hasAuthority && block.hasHost && authority.toLowerCase() !== host.toLowerCase()) return undefined;
  const named = block.hasAuthority ? authority : host;
  const hostLine = block.hasAuthority || block.hasHost ? `host: ${named}\r\n` : "";
  const cookieLine = block.cookies === "" ? "" : `cookie: ${block.cookies}\r\n`;
  return `${method} ${isConnect ? authority : path} HTTP/1.1\r\n${hostLine}${block.lines}${cookieLine}\r\n`;
};

/** The head of a reply as HTTP/1.1 writes it, or undefined where the block is malformed (section 8.3.2). */
export const replyHeadOf = (block: FieldBlock): string | undefined =>
  /^[1-5]\d\d$/.test(block.status) && block.status !== "101"
    ? `HTTP/1.1 ${block.status} \r\n${block.lines}\r\n`
    : undefined;
