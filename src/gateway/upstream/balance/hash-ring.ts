import { stableHash } from "../../../exchange/stable-share.ts";
import type { Member } from "./member.ts";

/** Points on the ring for the weight of an average member: shares are then within about a tenth of what the weights say. */
const pointsPerMember = 128;
const pointsMax = 100_000;

/** Members on a circle of hashes: a member that goes or comes moves only its own share of the keys. */
export interface HashRing {
  /** Each member once, in the order in which the ring meets them behind the key. */
  from(key: string): Iterable<Member>;
}

/** The ring of some members. Places depend on their addresses alone: every gateway and every thread has the same ring. */
export const createHashRing = (members: readonly Member[]): HashRing => {
  const weighted = members.filter((member) => member.weight > 0);
  const total = weighted.reduce((sum, member) => sum + member.weight, 0);
  const wanted = Math.min(pointsMax, pointsPerMember * weighted.length);
  const points: { readonly hash: number; readonly member: Member }[] = [];
  for (const member of weighted) {
    const count = Math.max(1, Math.round((wanted * member.weight) / total));
    for (let at = 0; at < count; at++) points.push({ hash: stableHash(`${member.row.name} ${at}`), member });
  }
  points.sort((a, b) => a.hash - b.hash || a.member.index - b.member.index);
  const hashes = Uint32Array.from(points, (point) => point.hash);

  return {
    *from(key) {
      const start = firstAtOrAbove(hashes, stableHash(key));
      const seen = new Set<Member>();
      for (let step = 0; step < points.length && seen.size < weighted.length; step++) {
        const member = points[(start + step) % points.length]?.member;
        if (member === undefined || seen.has(member)) continue;
        seen.add(member);
        yield member;
      }
    },
  };
};

const firstAtOrAbove = (hashes: Uint32Array, hash: number): number => {
  let low = 0;
  let high = hashes.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((hashes[middle] ?? 0) < hash) low = middle + 1;
    else high = middle;
  }
  return low;
};
