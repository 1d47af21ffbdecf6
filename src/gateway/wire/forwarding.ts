import { BlockList, isIP } from "node:net";

/** IPv4 addresses of a dual-stack socket in their own notation. */
export const plainAddress = (address: string): string => (address.startsWith("::ffff:") ? address.slice(7) : address);

/** Which peers are proxies that are believed: addresses and networks in CIDR notation. Throws on anything else. */
export const trustList = (networks: readonly string[]): ((address: string) => boolean) => {
  if (networks.length === 0) return () => false;
  const list = new BlockList();
  for (const network of networks) {
    const [address = "", bits] = network.split("/");
    const family = isIP(address);
    if (family === 0) throw new RangeError(`not an address or network: ${network}`);
    const type = family === 4 ? "ipv4" : "ipv6";
    if (bits === undefined) list.addAddress(address, type);
    else list.addSubnet(address, Number(bits), type);
  }
  return (address) => {
    const family = isIP(address);
    return family !== 0 && list.check(address, family === 4 ? "ipv4" : "ipv6");
  };
};

/** The client behind trusted proxies: the last address of `X-Forwarded-For` that is not itself a trusted proxy's. */
export const clientBehind = (
  peer: string,
  forwardedFor: readonly string[],
  isTrusted: (address: string) => boolean,
): string => {
  const hops = forwardedFor.flatMap((value) => value.split(",")).map((hop) => hop.trim());
  let client = peer;
  for (let at = hops.length - 1; at >= 0; at--) {
    const address = bareAddress(hops[at] ?? "");
    // What is not an address came from further away than anybody trusted.
    if (isIP(address) === 0) return client;
    client = address;
    if (!isTrusted(address)) return client;
  }
  return client;
};

/** Some proxies write a port behind the address. */
const bareAddress = (hop: string): string => {
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(hop);
  if (bracketed !== null) return bracketed[1] ?? "";
  return /^[\d.]+:\d+$/.test(hop) ? hop.slice(0, hop.indexOf(":")) : hop;
};

/** One element of `Forwarded` (RFC 7239 section 4); IPv6 addresses and ports need quotes. */
export const forwardedElement = (address: string, host: string, scheme: string): string => {
  const node = address.includes(":") ? `"[${address}]"` : address || "unknown";
  const named = host === "" ? "" : `;host=${/[:[]/.test(host) ? `"${host}"` : host}`;
  return `for=${node}${named};proto=${scheme}`;
};
