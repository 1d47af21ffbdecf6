/** An address as a number: IPv4 (also IPv4 mapped into IPv6) in 32 bits, IPv6 in 128. */
export interface IpAddress {
  readonly version: 4 | 6;
  readonly value: bigint;
}

/** Addresses from the first to the last, both included. */
export interface IpRange {
  readonly version: 4 | 6;
  readonly first: bigint;
  readonly last: bigint;
}

const bitsOf = { 4: 32, 6: 128 } as const;

/** Reads an address in the usual notations of RFC 4291 and dotted decimal without leading zeros; undefined for anything else. */
export const parseIp = (text: string): IpAddress | undefined => {
  if (text.length > 45) return undefined;
  if (!text.includes(":")) {
    const value = parseIpv4(text);
    return value === undefined ? undefined : { version: 4, value };
  }
  const value = parseIpv6(text);
  if (value === undefined) return undefined;
  return value >> 32n === 0xffffn ? { version: 4, value: value & 0xffff_ffffn } : { version: 6, value };
};

/** Reads an address, or a block such as `10.0.0.0/8` whose host bits may be set; undefined for anything else. */
export const parseIpBlock = (text: string): IpRange | undefined => {
  const [address = "", prefix, more] = text.split("/");
  const ip = parseIp(address);
  if (!ip || more !== undefined) return undefined;
  if (prefix === undefined) return { version: ip.version, first: ip.value, last: ip.value };
  if (!/^(0|[1-9]\d{0,2})$/.test(prefix)) return undefined;
  const isMapped = ip.version === 4 && address.includes(":");
  const length = Number(prefix) - (isMapped ? 96 : 0);
  const bits = bitsOf[ip.version];
  if (length < 0 || length > bits) return undefined;
  const hostMask = (1n << BigInt(bits - length)) - 1n;
  return { version: ip.version, first: ip.value & ~hostMask, last: ip.value | hostMask };
};

/** The range between two addresses of one version in order; undefined for anything else. */
export const parseIpRange = (from: string, to: string): IpRange | undefined => {
  const [first, last] = [parseIp(from), parseIp(to)];
  if (!first || !last || first.version !== last.version || first.value > last.value) return undefined;
  return { version: first.version, first: first.value, last: last.value };
};

/** Answers whether an address lies in one of many ranges: a binary search over the merged ranges. */
export const ipMatcher = (ranges: readonly IpRange[]): ((ip: IpAddress) => boolean) => {
  const merged = {
    4: merge(ranges.filter((range) => range.version === 4)),
    6: merge(ranges.filter((range) => range.version === 6)),
  };
  return (ip) => {
    const list = merged[ip.version];
    let [low, high] = [0, list.length - 1];
    while (low <= high) {
      const middle = (low + high) >> 1;
      const range = list[middle];
      if (range === undefined) return false;
      if (ip.value < range.first) high = middle - 1;
      else if (ip.value > range.last) low = middle + 1;
      else return true;
    }
    return false;
  };
};

const merge = (ranges: readonly IpRange[]): readonly IpRange[] => {
  const merged: IpRange[] = [];
  for (const range of ranges.toSorted((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0))) {
    const before = merged.at(-1);
    if (before && range.first <= before.last + 1n)
      merged[merged.length - 1] = range.last > before.last ? { ...before, last: range.last } : before;
    else merged.push(range);
  }
  return merged;
};

/** Leading zeros are refused: some programs read them as octal, so that the same text would name two addresses. */
const parseIpv4 = (text: string): bigint | undefined => {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let value = 0n;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = (value << 8n) | BigInt(part);
  }
  return value;
};

const parseIpv6 = (text: string): bigint | undefined => {
  let source = text;
  let tail: bigint | undefined;
  const dotted = source.lastIndexOf(":");
  if (source.includes(".")) {
    tail = parseIpv4(source.slice(dotted + 1));
    if (tail === undefined) return undefined;
    source = `${source.slice(0, dotted + 1)}${(tail >> 16n).toString(16)}:${(tail & 0xffffn).toString(16)}`;
  }
  const halves = source.split("::");
  if (halves.length > 2) return undefined;
  const [left = [], right = []] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const gap = 8 - left.length - right.length;
  if (halves.length === 1 ? gap !== 0 : gap < 1) return undefined;
  let value = 0n;
  for (const group of [...left, ...Array<string>(halves.length === 1 ? 0 : gap).fill("0"), ...right]) {
    if (!/^[0-9a-f]{1,4}$/i.test(group)) return undefined;
    value = (value << 16n) | BigInt(`0x${group}`);
  }
  return value;
};
