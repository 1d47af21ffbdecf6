import type { Kysely } from "kysely";
import { boundedMap } from "../base/bounded-map.ts";
import { makeTls, type TlsMade } from "../bundle/tls-state.ts";
import type { UnitCache } from "../bundle/unit-sources.ts";
import { makeUnits, type UnitsMade, unitCache } from "../bundle/units.ts";
import type { ReferredFiles } from "../model/referred-files.ts";
import type { Resource } from "../model/resource.ts";
import type { ApiUnit, UnitError } from "../model/snapshot.ts";
import type { ConfigurationState } from "../store/repositories/resources.ts";
import { readSecrets } from "../store/repositories/secrets.ts";
import type { Tables } from "../store/schema.ts";
import type { DocumentLibrary } from "./documents.ts";
import type { SecretBox } from "./secret-box.ts";

/** What secrets units are made with: those that are set, or a stand-in for those that are not yet. */
type SecretUse = "real" | "stand-in";

/** Makes units of a state; what did not change is not made again. */
export interface UnitWorkshop {
  /** What is known of documents and units, also for reading bundles. */
  readonly cache: UnitCache;
  make(db: Kysely<Tables>, state: ConfigurationState, secrets: SecretUse): Promise<UnitsMade>;
  /** What gateways need to speak TLS. */
  makeTls(db: Kysely<Tables>, state: ConfigurationState, secrets: SecretUse): Promise<TlsMade>;
  /** Answers of HTTP-01 challenges that are open, by token. */
  challenges(db: Kysely<Tables>): Promise<Readonly<Record<string, string>>>;
  /** The opened secret of that name. */
  secretOf(db: Kysely<Tables>, name: string): Promise<string | undefined>;
  /** Compiles the units as a gateway would; what passed before is not compiled again. */
  check(units: readonly ApiUnit[]): Promise<readonly UnitError[]>;
}

/** Compiles units as a gateway would, without running them, and answers what is wrong. */
export type CheckUnits = (units: readonly ApiUnit[]) => readonly UnitError[] | Promise<readonly UnitError[]>;

const passedMax = 20_000;

/** What stands for a secret that was not set yet when a change is checked: it will be set later, which is no mistake. */
const standIn = "not-set-yet";

/** Answers of challenges are kept among the secrets: they come and go with revisions, so that gateways can be waited for. */
export const challengePrefix = "acme-challenge/";

/** What the context of a sealed named value is. */
export const secretContext = (name: string): string => `named-value/${name}`;

/** A workshop with its own caches. */
export const openUnitWorkshop = (tools: {
  readonly documents: DocumentLibrary;
  readonly box: SecretBox;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly checkUnits: CheckUnits;
}): UnitWorkshop => {
  const passed = boundedMap<string, true>(passedMax);
  const cache = unitCache();
  const opened = new Map<string, { readonly revision: number; readonly value: string }>();

  const secretsOf = async (db: Kysely<Tables>): Promise<ReadonlyMap<string, string>> => {
    const values = new Map<string, string>();
    for (const { name, sealed, changedRevision } of await readSecrets(db)) {
      const known = opened.get(name);
      const value =
        known?.revision === changedRevision
          ? known.value
          : tools.box.open(sealed, secretContext(name)).toString("utf8");
      opened.set(name, { revision: changedRevision, value });
      values.set(name, value);
    }
    for (const name of opened.keys()) if (!values.has(name)) opened.delete(name);
    return values;
  };

  return {
    cache,
    check: async (units) => {
      const fresh = units.filter((unit) => passed.get(unit.hash) === undefined);
      if (fresh.length === 0) return [];
      const errors = await tools.checkUnits(fresh);
      const failed = new Set(errors.map((error) => error.hash));
      for (const unit of fresh) if (!failed.has(unit.hash)) passed.set(unit.hash, true);
      return errors;
    },
    makeTls: async (db, state, use) => {
      const resources = [...state.resources.values()].map((stored) => stored.resource);
      const secrets = await secretsOf(db);
      return makeTls(resources, {
        secretOf: (name) => secrets.get(name) ?? (use === "stand-in" ? standIn : undefined),
        environment: use === "stand-in" ? withStandIns(tools.environment, resources) : tools.environment,
        isStandIn: (value) => use === "stand-in" && value === standIn,
      });
    },
    challenges: async (db) => {
      const open: Record<string, string> = {};
      for (const [name, value] of await secretsOf(db))
        if (name.startsWith(challengePrefix)) open[name.slice(challengePrefix.length)] = value;
      return open;
    },
    secretOf: async (db, name) => (await secretsOf(db)).get(name),
    make: async (db, state, use) => {
      const resources = [...state.resources.values()].map((stored) => stored.resource);
      const secrets = await secretsOf(db);
      const unitTools = {
        cache,
        secretOf: (name: string) => secrets.get(name) ?? (use === "stand-in" ? standIn : undefined),
        environment: use === "stand-in" ? withStandIns(tools.environment, resources) : tools.environment,
      };
      // Most units come from the cache and need no document: the first pass finds out which documents are needed at all.
      const wanted = new Set<string>();
      const asking = askedMap(wanted);
      const made = makeUnits(resources, asking, unitTools);
      if (wanted.size === 0) return made;
      const documents = new Map<string, Uint8Array>();
      const files = new Map<string, ReferredFiles>();
      for (const hash of wanted) {
        const stored = await tools.documents.bytesOf(db, hash);
        documents.set(hash, stored.bytes);
        files.set(hash, stored.files);
      }
      return makeUnits(resources, documents, { ...unitTools, filesOf: (hash) => files.get(hash) });
    },
  };
};

/** An empty map that remembers what it was asked for. */
const askedMap = (asked: Set<string>): ReadonlyMap<string, Uint8Array> => {
  const empty = new Map<string, Uint8Array>();
  empty.get = (hash) => {
    asked.add(hash);
    return undefined;
  };
  return empty;
};

const withStandIns = (
  environment: Readonly<Record<string, string | undefined>>,
  resources: readonly Resource[],
): Readonly<Record<string, string | undefined>> => {
  const extended: Record<string, string | undefined> = { ...environment };
  for (const resource of resources) {
    if (resource.kind === "named-value" && "env" in resource.body) extended[resource.body.env] ??= standIn;
  }
  return extended;
};
