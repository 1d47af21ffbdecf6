import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { silentLog } from "../../base/log.ts";
import type { Resource } from "../../model/resource.ts";
import { transaction } from "../database.ts";
import { migrate } from "../migrate.ts";
import { migrationSteps } from "../migrations/steps.ts";
import type { Tables } from "../schema.ts";
import { openTestDatabase, type TestDatabase } from "../testing-database.ts";
import {
  listVersions,
  type ResourceChange,
  readChanges,
  readStateAt,
  resourceHash,
  withChanges,
  writeChanges,
} from "./resources.ts";
import { currentRevision, lockRevisions, writeRevision } from "./revisions.ts";

describe("versioned resources", () => {
  let database: TestDatabase<Tables>;
  before(async () => {
    database = await openTestDatabase<Tables>({ prepare: (db) => migrate(db, migrationSteps, { log: silentLog }) });
  });
  after(() => database.close());

  const commit = (changes: (revision: number) => readonly ResourceChange[]): Promise<number> =>
    transaction(
      database.db,
      async (trx) => {
        const number = (await lockRevisions(trx)) + 1;
        await writeChanges(trx, changes(number));
        const rest = {
          at: new Date(),
          actor: "test",
          message: undefined,
          kind: "configuration",
          requestId: undefined,
        } as const;
        await writeRevision(trx, { number, ...rest });
        return number;
      },
      { isolation: "read committed" },
    );

  const put = (name: string, description: string, revision: number): ResourceChange => {
    const resource: Resource = {
      kind: "fragment",
      name,
      body: { steps: [], description },
      source: `# ${description}\n`,
    };
    return { kind: "fragment", name, revision, stored: { resource, revision, hash: resourceHash(resource) } };
  };
  const remove = (name: string, revision: number): ResourceChange => ({
    kind: "fragment",
    name,
    revision,
    stored: undefined,
  });

  test("the state at every revision is what it was when that revision was the newest, however one gets there", async () => {
    const names = ["a", "b", "c", "d"];
    const history: Map<string, string>[] = [new Map()];
    // A fixed series: what each step writes, replaces, removes and brings back follows from its number.
    for (let step = 1; step <= 60; step += 1) {
      const now = new Map(history.at(-1));
      const name = names[(step * 7) % 4] ?? "a";
      const removes = step % 5 === 0 && now.has(name);
      if (removes) now.delete(name);
      else now.set(name, `step ${step}`);
      await commit((revision) => [removes ? remove(name, revision) : put(name, `step ${step}`, revision)]);
      history.push(now);
    }
    const newest = await currentRevision(database.db);
    assert.equal(newest, 60);
    const shown = (resources: ReadonlyMap<string, { readonly resource: Resource }>) =>
      [...resources.values()]
        .map(({ resource }) => [resource.name, resource.source])
        .sort((x, y) => (String(x[0]) < String(y[0]) ? -1 : 1));
    for (let revision = 0; revision <= newest; revision += 1) {
      const expected = [...(history[revision] ?? [])]
        .sort(([x], [y]) => (x < y ? -1 : 1))
        .map(([name, text]) => [name, `# ${text}\n`]);
      const state = await readStateAt(database.db, revision);
      assert.deepEqual(shown(state.resources), expected, `revision ${revision}`);
      const onward = withChanges(state, await readChanges(database.db, revision, newest), newest);
      assert.deepEqual(shown(onward.resources), shown((await readStateAt(database.db, newest)).resources));
    }
    const versions = await listVersions(database.db, "fragment", "a", { before: undefined, limit: 100 });
    assert.ok(versions.length > 5);
    assert.deepEqual(
      versions.map(({ revision }) => revision),
      versions.map(({ revision }) => revision).sort((x, y) => y - x),
    );
  });

  test("a write that fails leaves the counter and the old version as they were", async () => {
    const before = await currentRevision(database.db);
    await assert.rejects(
      commit((revision) => [put("a", "half", revision), put("a", "twice in one revision", revision)]),
    );
    assert.equal(await currentRevision(database.db), before);
    const state = await readStateAt(database.db, before);
    assert.notEqual(state.resources.get("fragment/a")?.resource.source, "# half\n");
  });

  test("the order of members and the text of a file come back as they were", async () => {
    const resource: Resource = {
      kind: "product",
      name: "ordered",
      body: { title: "Z before a", apis: [], plans: { zebra: {}, antelope: {} } },
      source: "title: Z before a\r\n\tö \u{1F600}",
    };
    const revision = await commit((number) => [
      {
        kind: "product",
        name: "ordered",
        revision: number,
        stored: { resource, revision: number, hash: resourceHash(resource) },
      },
    ]);
    const read = (await readStateAt(database.db, revision)).resources.get("product/ordered")?.resource;
    assert.equal(JSON.stringify(read?.body), JSON.stringify(resource.body));
    assert.equal(read?.source, resource.source);
  });
});
