import type { Transaction } from "kysely";
import { type Resource, type ResourceKind, resourceKey } from "../model/resource.ts";
import { transaction } from "../store/database.ts";
import { type AuditEntry, writeAudit } from "../store/repositories/audit.ts";
import { findAnswer, type StoredAnswer, writeAnswer } from "../store/repositories/idempotency.ts";
import {
  type ConfigurationState,
  deleteOwners,
  type ResourceChange,
  resourceHash,
  type StoredResource,
  withChanges,
  writeChanges,
} from "../store/repositories/resources.ts";
import { lockRevisions, type RevisionKind, writeRevision } from "../store/repositories/revisions.ts";
import type { Tables } from "../store/schema.ts";
import type { Actor } from "./actor.ts";
import type { Answer } from "./answer.ts";
import { redactResource } from "./redact.ts";
import { refuse } from "./refuse.ts";
import { reviewChange } from "./review.ts";
import { revisionMessage } from "./revision-message.ts";
import type { ManagementTools } from "./tools.ts";

/** A stored resource of one kind. */
export type StoredOf<K extends ResourceKind> = StoredResource & { readonly resource: Extract<Resource, { kind: K }> };

/** A resource of a state by kind and name. */
export const findIn = <K extends ResourceKind>(
  resources: ReadonlyMap<string, StoredResource>,
  kind: K,
  name: string,
): StoredOf<K> | undefined => {
  const stored = resources.get(resourceKey({ kind, name }));
  return stored !== undefined && isOf(stored, kind) ? stored : undefined;
};

const isOf = <K extends ResourceKind>(stored: StoredResource, kind: K): stored is StoredOf<K> =>
  stored.resource.kind === kind;

/** One write on its way. Everything in it is committed together under one revision, or not at all. */
export interface Change {
  readonly trx: Transaction<Tables>;
  /** The number that this change takes if gateways must learn of it. */
  readonly revision: number;
  readonly at: Date;
  /** The configuration before this change. */
  readonly state: ConfigurationState;
  /** A resource as it stands with what this change did so far. */
  find<K extends ResourceKind>(kind: K, name: string): StoredOf<K> | undefined;
  put(resource: Resource): void;
  remove(kind: ResourceKind, name: string): void;
  /** Says that subscriptions or keys were written with `revision`. */
  touchAccess(): void;
  /** Says that a named value's secret was written with `revision`. */
  touchSecrets(): void;
  /** Notes a change of something that is no resource; resources are noted by themselves. */
  audit(entry: { readonly target: string; readonly before?: unknown; readonly after?: unknown }): void;
}

/** A request that may be repeated. */
export interface Repeatable {
  readonly key: string;
  readonly fingerprint: string;
  /** What the answer's body and headers will be, so that they can be kept. */
  render(answer: Answer): {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: Uint8Array;
  };
}

/** Who writes, and how. */
interface ChangeOptions {
  readonly actor: Actor;
  readonly requestId: string;
  readonly operationId: string;
  readonly isDryRun: boolean;
  readonly message?: string | undefined;
  readonly repeatable?: Repeatable | undefined;
}

/** How long the answer to a request with an idempotency key is kept. */
export const answerKeptMs = 24 * 3_600_000;

/** Runs changes one after the other. */
export type MakeChange = (options: ChangeOptions, work: (change: Change) => Promise<Answer>) => Promise<Answer>;

/**
 * Makes the one way to write. Each change runs in a transaction under the revision lock, so that revisions have the order of
 * commits; within this process changes wait in a queue rather than each with a connection. A change that changes nothing takes
 * no number. The answer carries the revision after which it is true.
 */
export const changeMaker =
  (tools: ManagementTools): MakeChange =>
  (options, work) =>
    tools.writes.run(() => runChange(tools, options, work));

const runChange = async (
  tools: ManagementTools,
  options: ChangeOptions,
  work: (change: Change) => Promise<Answer>,
): Promise<Answer> => {
  let outcome: Answer;
  try {
    outcome = await transaction(tools.db, (trx) => attempt(tools, options, work, trx), { isolation: "read committed" });
  } catch (thrown) {
    if (thrown instanceof Tried) return thrown.answer;
    throw thrown;
  }
  if (outcome.revision !== undefined && outcome.isCommitted === true) tools.announce(outcome.revision);
  return outcome;
};

/** Thrown to roll a dry run back. */
class Tried extends Error {
  readonly answer: Answer;
  constructor(answer: Answer) {
    super("dry run");
    this.answer = answer;
  }
}

const attempt = async (
  tools: ManagementTools,
  options: ChangeOptions,
  work: (change: Change) => Promise<Answer>,
  trx: Transaction<Tables>,
): Promise<Answer> => {
  const before = await lockRevisions(trx);
  const at = new Date(tools.clock.nowMs());
  const repeated = await repeatedAnswer(tools, trx, options, at);
  if (repeated !== undefined) return repeated;
  const draft = draftChange(trx, before + 1, at, await tools.configuration.readAt(trx, before));
  const answered = await work(draft.change);
  const changes = draft.changes();
  const after = withChanges(draft.change.state, changes, before + 1);
  if (changes.length > 0) await reviewChange(tools, trx, draft.change.state, after, changes);
  const kind = revisionKind(changes.length > 0 || draft.hasSecrets(), draft.hasAccess());
  const revision = kind === undefined ? before : before + 1;
  const answer: Answer = { ...answered, revision, isCommitted: !options.isDryRun };
  if (options.isDryRun) throw new Tried({ ...answer, revision: before });
  const audits = auditOf(options, draft, changes, revision, at);
  if (kind !== undefined) {
    await writeChanges(trx, changes);
    // Who makes it anew later is not bound by the bundle that had it.
    await deleteOwners(
      trx,
      changes.filter((change) => change.stored === undefined),
    );
    const { actor, requestId } = options;
    const message = options.message ?? revisionMessage(audits);
    await writeRevision(trx, { number: revision, at, actor: actor.name, message, kind, requestId });
  }
  await writeAudit(trx, audits);
  await keepAnswer(tools, trx, options, answer, at);
  return answer;
};

const revisionKind = (hasConfiguration: boolean, hasAccess: boolean): RevisionKind | undefined => {
  if (hasConfiguration) return "configuration";
  return hasAccess ? "access" : undefined;
};

interface Draft {
  readonly change: Change;
  readonly audits: readonly { readonly target: string; readonly before?: unknown; readonly after?: unknown }[];
  changes(): readonly ResourceChange[];
  hasAccess(): boolean;
  hasSecrets(): boolean;
}

const draftChange = (trx: Transaction<Tables>, revision: number, at: Date, state: ConfigurationState): Draft => {
  const pending = new Map<string, ResourceChange>();
  const audits: { target: string; before?: unknown; after?: unknown }[] = [];
  let isAccess = false;
  let isSecret = false;
  return {
    audits,
    change: {
      trx,
      revision,
      at,
      state,
      find: (kind, name) => {
        const drafted = pending.get(resourceKey({ kind, name }));
        if (drafted === undefined) return findIn(state.resources, kind, name);
        return drafted.stored !== undefined && isOf(drafted.stored, kind) ? drafted.stored : undefined;
      },
      put: (resource) => {
        const { kind, name } = resource;
        const stored = { resource, revision, hash: resourceHash(resource) };
        // What is equal to what stands keeps its revision.
        if (state.resources.get(resourceKey(resource))?.hash === stored.hash) pending.delete(resourceKey(resource));
        else pending.set(resourceKey(resource), { kind, name, revision, stored });
      },
      remove: (kind, name) => {
        pending.set(resourceKey({ kind, name }), { kind, name, revision, stored: undefined });
      },
      touchAccess: () => {
        isAccess = true;
      },
      touchSecrets: () => {
        isSecret = true;
      },
      audit: (entry) => {
        audits.push(entry);
      },
    },
    changes: () =>
      [...pending.values()].filter((change) => state.resources.get(resourceKey(change))?.hash !== change.stored?.hash),
    hasAccess: () => isAccess,
    hasSecrets: () => isSecret,
  };
};

const auditOf = (
  options: ChangeOptions,
  draft: Draft,
  changes: readonly ResourceChange[],
  revision: number,
  at: Date,
): Omit<AuditEntry, "id">[] => {
  const common = {
    at,
    actor: options.actor.name,
    operation: options.operationId,
    revision,
    requestId: options.requestId,
  };
  return [
    ...changes.map((change) => ({
      ...common,
      target: resourceKey(change),
      before: redactResource(draft.change.state.resources.get(resourceKey(change))?.resource),
      after: redactResource(change.stored?.resource),
    })),
    ...draft.audits.map(({ target, before, after }) => ({ ...common, target, before, after })),
  ];
};

const repeatedAnswer = async (
  tools: ManagementTools,
  trx: Transaction<Tables>,
  { actor, repeatable }: ChangeOptions,
  at: Date,
): Promise<Answer | undefined> => {
  if (repeatable === undefined) return undefined;
  const kept = await findAnswer(trx, actor.name, repeatable.key, new Date(at.getTime() - answerKeptMs));
  return kept === undefined ? undefined : answerAgain(tools, kept, repeatable.fingerprint);
};

/** The kept answer for the same request; refuses where the key was used for another one. */
export const answerAgain = (tools: ManagementTools, kept: StoredAnswer, fingerprint: string): Answer => {
  if (kept.fingerprint !== fingerprint) {
    throw refuse("idempotency.mismatch", "This Idempotency-Key was used for another request.");
  }
  const content = tools.box.open(kept.sealedBody, answerContext(kept.actor, kept.key));
  const { "content-type": mediaType, ...headers } = kept.headers;
  return {
    status: kept.status,
    ...(mediaType === undefined ? {} : { bytes: { mediaType, content } }),
    headers: { ...headers, "Idempotency-Replayed": "true" },
  };
};

const keepAnswer = async (
  tools: ManagementTools,
  trx: Transaction<Tables>,
  { actor, repeatable }: ChangeOptions,
  answer: Answer,
  at: Date,
): Promise<void> => {
  if (repeatable === undefined) return;
  const { status, headers, body } = repeatable.render(answer);
  await writeAnswer(trx, {
    actor: actor.name,
    key: repeatable.key,
    fingerprint: repeatable.fingerprint,
    status,
    headers,
    sealedBody: tools.box.seal(body, answerContext(actor.name, repeatable.key)),
    createdAt: at,
  });
};

const answerContext = (actor: string, key: string): string => `answer/${actor}/${key}`;
