import { type LookupAddress, promises } from "node:dns";
import { isIP } from "node:net";
import { boundedMap } from "../../base/bounded-map.ts";
import type { Clock } from "../../base/clock.ts";

/** An address of a host, and how long it may be used without asking again. */
export interface ResolvedAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

/** Finds the addresses of a host. `ttlMs` undefined: the resolver's own. */
export type Lookup = (
  hostname: string,
) => Promise<{ readonly addresses: readonly ResolvedAddress[]; readonly ttlMs?: number }>;

/** Names to addresses, refreshed as they age. */
export interface Resolver {
  /** All addresses of the host, at once where they are known; rejects where there are none. */
  resolve(hostname: string): readonly ResolvedAddress[] | Promise<readonly ResolvedAddress[]>;
}

/** The system's way (also /etc/hosts), which tells no TTL. */
export const systemLookup: Lookup = async (hostname) => {
  const found: LookupAddress[] = await promises.lookup(hostname, { all: true, order: "verbatim" });
  return { addresses: found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 })) };
};

interface Known {
  readonly addresses: readonly ResolvedAddress[];
  readonly freshUntilMs: number;
  readonly usableUntilMs: number;
}

const hostsMax = 10_000;

/**
 * Remembers addresses for their TTL. Older ones are used while new ones are asked for, up to `staleMs`: a name server that is away
 * for a moment stops nobody. One question per host at a time.
 */
export const createResolver = (clock: Clock, lookup: Lookup, ttlMs = 5_000, staleMs = 60_000): Resolver => {
  const known = boundedMap<string, Known>(hostsMax);
  const asked = new Map<string, Promise<readonly ResolvedAddress[]>>();

  const ask = (hostname: string): Promise<readonly ResolvedAddress[]> => {
    const running = asked.get(hostname);
    if (running !== undefined) return running;
    const question = lookup(hostname)
      .then((found) => {
        if (found.addresses.length === 0) throw new Error(`no address for ${hostname}`);
        const nowMs = clock.monotonicMs();
        const freshUntilMs = nowMs + (found.ttlMs ?? ttlMs);
        known.set(hostname, { addresses: found.addresses, freshUntilMs, usableUntilMs: freshUntilMs + staleMs });
        return found.addresses;
      })
      .finally(() => asked.delete(hostname));
    asked.set(hostname, question);
    return question;
  };

  return {
    resolve: (hostname) => {
      const family = isIP(hostname);
      if (family !== 0) return [{ address: hostname, family: family === 6 ? 6 : 4 }];
      const entry = known.get(hostname);
      const nowMs = clock.monotonicMs();
      if (entry === undefined || entry.usableUntilMs < nowMs) return ask(hostname);
      // The old addresses serve meanwhile; a failure is asked again with the next call.
      if (entry.freshUntilMs < nowMs) ask(hostname).catch(() => {});
      return entry.addresses;
    },
  };
};
