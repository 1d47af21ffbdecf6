import type { Exchange } from "./exchange.ts";

/**
 * What a limit counts by when it is not told: the subscription, else the token's subject, else the client's address (of IPv6 the
 * first 64 bits, since one client is given at least that many). Never empty.
 */
export const callerKey = (x: Exchange): string => {
  const caller = x.caller;
  if (caller !== null) {
    if (caller.subscription !== "") return `s:${caller.subscription}`;
    if (caller.subject !== "") return `u:${String(caller.claims.iss ?? "")}:${caller.subject}`;
  }
  return `a:${addressKey(x.request.clientIp)}`;
};

/** An address as limits count it: IPv4 whole, IPv6 by its first four groups. */
const addressKey = (ip: string): string => {
  if (!ip.includes(":")) return ip;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip);
  if (mapped?.[1] !== undefined) return mapped[1];
  const [head = "", tail] = ip.split("::");
  const groups = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  if (tail !== undefined) while (groups.length + last.length < 8) groups.push("0");
  return `${[...groups, ...last]
    .slice(0, 4)
    .map((group) => group.toLowerCase().replace(/^0+(?=.)/, ""))
    .join(":")}::/64`;
};
