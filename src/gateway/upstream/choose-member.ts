import type { Exchange } from "../../exchange/exchange.ts";
import type { Balancer } from "./balance/balancer.ts";
import { isUsable, type Member } from "./balance/member.ts";

/** Members of one priority, and how one of them is chosen. */
export interface Group {
  readonly members: readonly Member[];
  readonly balancer: Balancer;
}

/**
 * The member for a try. The first priority in which enough can be used; in it those of the own zone, if any can be used; of these one that
 * has not been tried. Where no priority has enough, health is not asked any more; null where the share that counts as enough is 0 and none
 * can be used.
 */
export const chooseMember = (
  x: Exchange,
  groups: readonly Group[],
  tried: readonly Member[],
  rules: { readonly panicShare: number; readonly zone: string },
  nowMs: number,
): Member | null => {
  let again: { readonly group: Group; readonly usable: readonly Member[] } | null = null;
  for (const group of groups) {
    const usable = usableOf(group.members, nowMs);
    if (usable.length === 0 || usable.length < rules.panicShare * group.members.length) continue;
    const fresh = tried.length === 0 ? usable : usable.filter((member) => !tried.includes(member));
    if (fresh.length > 0) return group.balancer.pick(x, nearest(fresh, rules.zone), nowMs);
    again ??= { group, usable };
  }
  if (again !== null) return again.group.balancer.pick(x, nearest(again.usable, rules.zone), nowMs);
  return rules.panicShare > 0 ? chooseAny(x, groups, tried, nowMs) : null;
};

/** Nobody knows better: all that have a weight, first those that have not been tried. */
const chooseAny = (x: Exchange, groups: readonly Group[], tried: readonly Member[], nowMs: number): Member | null => {
  for (const isFresh of [true, false]) {
    for (const { members, balancer } of groups) {
      const any = members.filter((member) => member.weight > 0 && !(isFresh && tried.includes(member)));
      if (any.length > 0) return balancer.pick(x, any, nowMs);
    }
  }
  return null;
};

/** The group's own list where all of it can be used: that is nearly always so and costs nothing. */
const usableOf = (members: readonly Member[], nowMs: number): readonly Member[] => {
  for (const member of members) {
    if (member.weight > 0 && isUsable(member, nowMs)) continue;
    return members.filter((one) => one.weight > 0 && isUsable(one, nowMs));
  }
  return members;
};

const nearest = (members: readonly Member[], zone: string): readonly Member[] => {
  if (zone === "") return members;
  const near = members.filter((member) => member.zone === zone);
  return near.length === 0 ? members : near;
};
