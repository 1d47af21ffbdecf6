import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { currentRevision } from "../../store/repositories/revisions.ts";
import { importBody, openTestPlatform, type TestPlatform } from "../testing-platform.ts";

describe("backup and restore of a running platform", () => {
  let platform: TestPlatform;
  let stranger: TestPlatform;
  before(async () => {
    platform = await openTestPlatform();
    stranger = await openTestPlatform();
  });
  after(async () => {
    await platform.close();
    await stranger.close();
  });

  const backup = async (from: TestPlatform): Promise<Uint8Array> => {
    const response = await from.management.fetch(
      new Request("http://control.test/api/v1/backup", { headers: { authorization: `Bearer ${from.ownerToken}` } }),
    );
    assert.equal(response.status, 200);
    return new Uint8Array(await response.arrayBuffer());
  };

  test("what was there comes back, what came later is gone, and revisions go on from the higher number", async () => {
    await platform.call("POST", "/apis:import", importBody("kept"));
    await platform.call("PUT", "/named-values/secret", { secret: true, value: "kept-secret" });
    const saved = await backup(platform);
    await platform.call("POST", "/apis:import", importBody("later"));
    for (let i = 0; i < 5; i += 1) await platform.call("PATCH", "/apis/kept", { title: `Title ${i}` });
    const highest = await currentRevision(platform.database.db);
    const restored = await platform.call("POST", "/restore", saved);
    assert.equal(restored.status, 200, restored.text);
    assert.equal(restored.at("revision"), highest + 1);
    assert.equal((await platform.call("GET", "/apis/later")).status, 404);
    assert.equal((await platform.call("GET", "/apis/kept")).at("title"), "kept");
    assert.equal((await platform.call("GET", "/named-values/secret")).at("hasValue"), true);
    const next = await platform.call("PATCH", "/apis/kept", { title: "After" });
    assert.equal(next.headers.get("portico-revision"), String(highest + 2));
    const listed = await platform.call("GET", "/revisions?limit=2");
    assert.equal(listed.at("items", 1, "message"), "restored from a backup");
  });

  test("409: a backup whose secrets another key encrypted; nothing changes", async () => {
    await stranger.call("POST", "/apis:import", importBody("mine"));
    const answer = await stranger.call("POST", "/restore", await backup(platform));
    assert.deepEqual([answer.status, answer.at("code")], [409, "state.conflict"]);
    assert.equal((await stranger.call("GET", "/apis/mine")).status, 200);
    assert.equal((await stranger.call("GET", "/apis/kept")).status, 404);
  });

  test("a file that is no backup, or was cut short, is refused; nothing changes", async () => {
    const saved = await backup(platform);
    for (const bytes of [new Uint8Array(Buffer.from("nonsense")), saved.slice(0, saved.length - 20)]) {
      const answer = await platform.call("POST", "/restore", bytes);
      assert.ok(answer.status >= 400 && answer.status < 500, `${answer.status} ${answer.text}`);
    }
    assert.equal((await platform.call("GET", "/apis/kept")).at("title"), "After");
  });
});
