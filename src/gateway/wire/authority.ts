/** `name`, `name:port`, `1.2.3.4:port` or `[v6]:port`; letters, digits, `.`, `-`, `_`, `~` only, so that no list and no userinfo passes. */
const authorityPattern = /^(?:[A-Za-z0-9._~-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{0,5}))?$/;

/**
 * The host with its port, lower case, of a Host field or an absolute-form target; undefined where it is not valid
 * (RFC 9112 section 3.2, RFC 3986 section 3.2.2). An empty port is dropped. Empty hosts are refused (RFC 9110 section 4.2.1).
 */
export const readAuthority = (text: string): string | undefined => {
  const match = authorityPattern.exec(text);
  if (match === null) return undefined;
  const port = match[1];
  if (port !== undefined && Number(port) > 65_535) return undefined;
  const host = text.toLowerCase();
  return port === "" ? host.slice(0, -1) : host;
};

/** The parts of an absolute-form target, or undefined where it is none of ours (RFC 9112 section 3.2.2). */
export interface AbsoluteTarget {
  readonly host: string;
  /** Length of `scheme://authority` in the target. */
  readonly pathOffset: number;
}

/** Reads `http://host[:port][/path][?query]`. No other scheme, no userinfo. */
export const readAbsoluteTarget = (target: string): AbsoluteTarget | undefined => {
  const match = /^https?:\/\/([^/?]*)/i.exec(target);
  if (match === null) return undefined;
  const host = readAuthority(match[1] ?? "");
  return host === undefined ? undefined : { host, pathOffset: match[0].length };
};
