import type { Kysely } from "kysely";
import type { Clock } from "../../base/clock.ts";
import { snapshotOf } from "../../bundle/units.ts";
import type { ApiUnit, DeliveryMessage } from "../../model/snapshot.ts";
import type { Tables } from "../../store/schema.ts";
import { changedAccess, wholeAccess } from "./access-entries.ts";
import type { DeliveryState, SnapshotMaker } from "./snapshot-maker.ts";

/** What a gateway says when it connects. */
export interface GatewayHello {
  readonly instance: string;
  readonly version: string;
  readonly labels: readonly string[];
  /** The hashes of the units it holds, by API. */
  readonly held: Readonly<Record<string, string>>;
  /** The revision it runs; 0: none. */
  readonly revision: number;
}

/** Between two beats of a stream on which nothing else happens. */
export const beatMs = 5_000;

/**
 * The messages of one gateway's stream. It is pulled: as long as nobody takes the next message nothing is made, and a gateway
 * that was slow gets the newest state and none of those in between. A change that is under way when a newer one appears is
 * finished first, since nothing takes effect before its commit.
 */
export async function* deliver(
  tools: {
    readonly db: Kysely<Tables>;
    readonly maker: SnapshotMaker;
    readonly clock: Clock;
    /** Called with every beat, also while changes come without a pause. */
    readonly onBeat: () => Promise<void>;
    /** The public key of explain tokens. */
    readonly explainKey: string;
    readonly beatMs?: number;
  },
  hello: GatewayHello,
  signal: AbortSignal,
): AsyncGenerator<DeliveryMessage, void, void> {
  const { db, maker, clock } = tools;
  const sent = new Map(Object.entries(hello.held));
  yield { type: "explain-key", key: tools.explainKey };
  let delivered: number | undefined;
  // A gateway that connects is told in any case: what it saved may be older.
  let tlsHash: string | undefined;
  let challenges: DeliveryState["challenges"] | undefined;
  let beatAtMs = clock.monotonicMs();
  while (!signal.aborted) {
    const leftMs = beatAtMs + (tools.beatMs ?? beatMs) - clock.monotonicMs();
    const state = await maker.newerThan(delivered ?? -1, Math.max(0, leftMs), signal);
    if (signal.aborted) return;
    if (state !== undefined) {
      const units = state.units.filter((unit) => isFor(unit, hello.labels));
      yield* unitMessages(state, units, sent, delivered === undefined);
      if (state.tls.hash !== tlsHash) yield { type: "tls", state: state.tls };
      tlsHash = state.tls.hash;
      if (state.challenges !== challenges) yield { type: "acme-challenges", answers: state.challenges };
      challenges = state.challenges;
      if (delivered === undefined) yield* wholeAccess(db, clock.nowMs());
      else yield* changedAccess(db, delivered, state.revision);
      yield { type: "commit", revision: state.revision, hash: snapshotOf(state.revision, units).hash };
      delivered = state.revision;
    }
    if (clock.monotonicMs() - beatAtMs < (tools.beatMs ?? beatMs)) continue;
    beatAtMs = clock.monotonicMs();
    await tools.onBeat();
    yield { type: "beat", nowMs: clock.nowMs() };
  }
}

/** What must be sent so that the gateway holds these units; `sent` is what it holds, and is kept so. */
function* unitMessages(
  state: DeliveryState,
  units: readonly ApiUnit[],
  sent: Map<string, string>,
  isFirst: boolean,
): Generator<DeliveryMessage, void, void> {
  const wanted = new Map(units.map((unit) => [unit.api, unit.hash]));
  // Of an API that cannot be made now a gateway keeps what it has, also over a restart of control.
  for (const { api } of state.errors) {
    const held = sent.get(api);
    if (held !== undefined && !wanted.has(api)) wanted.set(api, held);
  }
  for (const unit of units) {
    if (sent.get(unit.api) === unit.hash) continue;
    yield { type: "unit", unit };
    sent.set(unit.api, unit.hash);
  }
  for (const api of [...sent.keys()]) {
    if (wanted.has(api)) continue;
    if (!isFirst) yield { type: "remove-unit", api };
    sent.delete(api);
  }
  // The manifest says at once what all is; what a gateway holds beside it goes.
  if (isFirst) yield { type: "manifest", units: Object.fromEntries(wanted) };
}

/** An API without labels is for every gateway; otherwise one of its labels must be the gateway's. */
const isFor = (unit: ApiUnit, labels: readonly string[]): boolean =>
  unit.gateways.length === 0 || unit.gateways.some((label) => labels.includes(label));
