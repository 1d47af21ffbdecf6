import type { Exchange } from "./exchange.ts";

/** The value of a cookie of the request, or undefined (RFC 6265 section 5.4). */
export const cookieOf = (x: Exchange, name: string): string | undefined => {
  for (const field of x.request.headers.getAll("cookie")) {
    for (const pair of field.split(";")) {
      const at = pair.indexOf("=");
      if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
    }
  }
  return undefined;
};
