import type { Balance } from "../../../exchange/backend.ts";
import type { Exchange } from "../../../exchange/exchange.ts";
import { createHashRing, type HashRing } from "./hash-ring.ts";
import { type Member, weightOf } from "./member.ts";

/** Chooses among members that may be used: at least one. */
export interface Balancer {
  pick(x: Exchange, from: readonly Member[], nowMs: number): Member;
}

/** The balancer of one group of members of equal priority, for one thread. */
export const createBalancer = (balance: Balance, group: readonly Member[], random: () => number): Balancer => {
  if (balance.kind === "round-robin") return { pick: (_x, from, nowMs) => smoothWeighted(from, nowMs) };
  if (balance.kind === "random") return { pick: (_x, from, nowMs) => weightedRandom(from, nowMs, random) };
  if (balance.kind === "least-requests") return { pick: (_x, from, nowMs) => leastOfTwo(from, nowMs, random) };
  const ring = createHashRing(group);
  const { keyOf, loadFactor } = balance;
  return {
    pick: (x, from, nowMs) => {
      const key = keyOf(x);
      if (key === undefined || key === "") return weightedRandom(from, nowMs, random);
      return fromRing(ring, key, from, loadFactor);
    },
  };
};

/**
 * nginx's smooth weighted round robin: each gets its weight, the greatest is taken and pays the sum. With weights 5, 1, 1 that makes
 * a a b a c a a, not five in a row.
 */
const smoothWeighted = (from: readonly Member[], nowMs: number): Member => {
  let total = 0;
  let best = first(from);
  for (const member of from) {
    const weight = weightOf(member, nowMs);
    member.current += weight;
    total += weight;
    if (member.current > best.current) best = member;
  }
  best.current -= total;
  return best;
};

const weightedRandom = (from: readonly Member[], nowMs: number, random: () => number): Member => {
  let total = 0;
  for (const member of from) total += weightOf(member, nowMs);
  let left = random() * total;
  for (const member of from) {
    left -= weightOf(member, nowMs);
    if (left < 0) return member;
  }
  return from.at(-1) ?? first(from);
};

/** Of two different ones, chosen by weight, the one with fewer running calls for its weight. */
const leastOfTwo = (from: readonly Member[], nowMs: number, random: () => number): Member => {
  const one = weightedRandom(from, nowMs, random);
  if (from.length === 1) return one;
  const others = from.filter((member) => member !== one);
  const other = weightedRandom(others, nowMs, random);
  return loadOf(other, nowMs) < loadOf(one, nowMs) ? other : one;
};

const loadOf = (member: Member, nowMs: number): number =>
  (member.row.load("running") + 1) / Math.max(weightOf(member, nowMs), Number.EPSILON);

/**
 * The first member behind the key's place on the ring that may be used and is not too busy: with `loadFactor` c nobody runs more than
 * c times the average, so that a hot key spills over instead of sinking its target (Mirrokni, Thorup, Zadimoghaddam: "Consistent
 * Hashing with Bounded Loads").
 */
const fromRing = (ring: HashRing, key: string, from: readonly Member[], loadFactor: number): Member => {
  let running = 1;
  let weights = 0;
  for (const member of from) {
    running += member.row.load("running");
    weights += member.weight;
  }
  let fallback: Member | null = null;
  for (const member of ring.from(key)) {
    if (!from.includes(member)) continue;
    const most = Math.ceil((loadFactor * running * member.weight) / weights);
    if (loadFactor === 0 || member.row.load("running") < most) return member;
    fallback ??= member;
  }
  return fallback ?? first(from);
};

const first = (from: readonly Member[]): Member => {
  const [member] = from;
  if (member === undefined) throw new RangeError("nothing to choose from");
  return member;
};
