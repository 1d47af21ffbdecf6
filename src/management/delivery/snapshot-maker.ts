import type { Kysely } from "kysely";
import { contentHash } from "../../base/canonical-json.ts";
import { messageOf } from "../../base/fault.ts";
import type { Log } from "../../base/log.ts";
import type { TlsMade } from "../../bundle/tls-state.ts";
import type { ApiUnit, UnitError } from "../../model/snapshot.ts";
import type { TlsState } from "../../model/tls.ts";
import type { StoredResource } from "../../store/repositories/resources.ts";
import { readSecrets } from "../../store/repositories/secrets.ts";
import type { Tables } from "../../store/schema.ts";
import type { Configuration } from "../configuration.ts";
import type { UnitWorkshop } from "../units.ts";

/** What gateways should run after a revision. */
export interface DeliveryState {
  readonly revision: number;
  /** In order of API name. */
  readonly units: readonly ApiUnit[];
  /** APIs whose unit cannot be made now: what a gateway has of them stays. */
  readonly errors: readonly UnitError[];
  readonly tls: TlsState;
  /** Answers of ACME challenges by token. */
  readonly challenges: Readonly<Record<string, string>>;
}

/** Keeps the newest state in memory; many changes in a row become one. */
export interface SnapshotMaker {
  /** Says that there may be a newer revision; costs nothing. */
  poke(): void;
  current(): DeliveryState | undefined;
  /** The newest state where its revision is above `revision`; waits for it, and answers undefined when `waitMs` is over or `signal` aborts. */
  newerThan(revision: number, waitMs: number, signal: AbortSignal): Promise<DeliveryState | undefined>;
  /** Begins anew, for when the database was replaced. */
  forget(): void;
  stop(): Promise<void>;
}

/** What a maker needs. */
export interface SnapshotMakerTools {
  readonly db: Kysely<Tables>;
  readonly configuration: Configuration;
  readonly units: UnitWorkshop;
  readonly log: Log;
  /** Between looks at the revision counter: other control processes write too. */
  readonly pollMs?: number;
}

/** A maker that runs until it is stopped. */
export const startSnapshotMaker = (tools: SnapshotMakerTools): SnapshotMaker => {
  const { pollMs = 500 } = tools;
  const bell = openBell();
  const stopped = new AbortController();
  let state: DeliveryState | undefined;
  let resources: ReadonlyMap<string, StoredResource> | undefined;
  let epoch = 0;

  const build = async (): Promise<void> => {
    const mine = epoch;
    const newest = await tools.configuration.read();
    if (state !== undefined && newest.revision === state.revision) return;
    const isSame =
      state !== undefined &&
      resources === newest.resources &&
      (await readSecrets(tools.db, state.revision)).length === 0;
    if (isSame && state !== undefined) {
      state = { ...state, revision: newest.revision };
    } else {
      const made = await tools.units.make(tools.db, newest, "real");
      const tls = await tools.units.makeTls(tools.db, newest, "real");
      const challenges = await tools.units.challenges(tools.db);
      if (mine !== epoch) return;
      for (const { api, message } of made.errors)
        tools.log.warn("an API cannot be delivered", { api, reason: message });
      for (const { certificate, message } of tls.problems)
        tools.log.warn("a certificate cannot be delivered", { certificate, reason: message });
      state = {
        revision: newest.revision,
        units: withLastGood(made.units, made.errors, state),
        errors: made.errors,
        tls: withLastGoodCertificates(tls, state?.tls),
        challenges,
      };
      resources = newest.resources;
    }
    states.ring();
  };
  const states = openBell();

  const run = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      try {
        await build();
      } catch (thrown) {
        // The database may be away for a moment; gateways keep what they have.
        tools.log.warn("no snapshot could be made", { reason: messageOf(thrown) });
      }
      await bell.wait(pollMs, stopped.signal);
    }
  };
  const running = run();

  return {
    poke: bell.ring,
    current: () => state,
    newerThan: async (revision, waitMs, signal) => {
      const untilMs = performance.now() + waitMs;
      for (;;) {
        if (state !== undefined && state.revision > revision) return state;
        const leftMs = untilMs - performance.now();
        if (leftMs <= 0 || signal.aborted || stopped.signal.aborted) return undefined;
        await states.wait(leftMs, signal);
      }
    },
    forget: () => {
      epoch += 1;
      state = undefined;
      resources = undefined;
      bell.ring();
    },
    stop: async () => {
      stopped.abort();
      states.ring();
      await running;
    },
  };
};

/** An API whose unit cannot be made now keeps the last one that could. */
const withLastGood = (
  units: readonly ApiUnit[],
  errors: readonly UnitError[],
  before: DeliveryState | undefined,
): readonly ApiUnit[] => {
  const failed = new Set(errors.map((error) => error.api));
  const kept = before?.units.filter((unit) => failed.has(unit.api)) ?? [];
  if (kept.length === 0) return units;
  return [...units, ...kept].sort((a, b) => (a.api < b.api ? -1 : 1));
};

/** A certificate that cannot be made now, but could before, goes on being served. */
const withLastGoodCertificates = (made: TlsMade, before: TlsState | undefined): TlsState => {
  const failed = new Set(made.problems.map((problem) => problem.certificate));
  const kept = before?.certificates.filter((one) => failed.has(one.name)) ?? [];
  if (kept.length === 0) return made.state;
  const certificates = [...made.state.certificates, ...kept].sort((a, b) => (a.name < b.name ? -1 : 1));
  return { ...made.state, certificates, hash: contentHash([made.state.hash, kept.map((one) => one.hash)]) };
};

interface Bell {
  ring(): void;
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

/** Wakes whoever waits; a ring while nobody waits is remembered for the next who does. */
const openBell = (): Bell => {
  let waiting: (() => void)[] = [];
  let hasRung = false;
  return {
    ring: () => {
      if (waiting.length === 0) hasRung = true;
      const all = waiting;
      waiting = [];
      for (const wake of all) wake();
    },
    wait: (ms, signal) =>
      new Promise((resolve) => {
        if (hasRung || signal.aborted) {
          hasRung = false;
          resolve();
          return;
        }
        const done = (): void => {
          clearTimeout(timer);
          signal.removeEventListener("abort", done);
          waiting = waiting.filter((one) => one !== done);
          resolve();
        };
        const timer = setTimeout(done, ms);
        signal.addEventListener("abort", done);
        waiting.push(done);
      }),
  };
};
