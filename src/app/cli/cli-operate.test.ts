import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmod, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { apiKeyDigest, newApiKey } from "../../model/api-key.ts";
import { type Route, runCli, sendProblem, testServer } from "./testing-cli.ts";
import { deadUrl, freshDirectory, updated, withPlatform } from "./testing-session.ts";

/** The smallest file that `backup` could have written: of a platform without a row. */
const smallBackup = ((): Buffer => {
  const header = { format: "portico-backup", version: 1, createdAt: "2026-01-02T03:04:05.000Z", steps: [] };
  const first = `${JSON.stringify(header)}\n`;
  const last = { end: true, rows: {}, sha256: createHash("sha256").update(first).digest("hex") };
  return gzipSync(`${first}${JSON.stringify(last)}\n`);
})();

describe("keys", () => {
  const key = newApiKey();

  const subscription = { id: "s1", product: "shop", plan: "free", application: "web", state: "active" };

  test("create asks for everything in one request, and prints the key first", async () => {
    const routes: Record<string, Route> = {
      "POST /api/v1/keys": () => ({ id: "k1", key, subscription, created: ["product/shop", "subscription/s1"] }),
    };
    await withPlatform(routes, {}, async ({ run, server }) => {
      const { exit, out } = await run(["keys", "create", "--api", "shop", "--application", "web"]);
      assert.equal(exit, 0);
      assert.equal(out.split("\n")[0], key);
      assert.match(out, /It calls shop under the plan free, as web of default\. The product shop was made for it\./);
      assert.deepEqual(server.seen[0]?.json, { api: "shop", organization: "default", application: "web" });
      assert.equal(server.seen[0]?.query.wait, "applied");
      const json = (await run(["keys", "create", "--product", "shop", "--json"])).json();
      assert.deepEqual([json.key, json.created], [key, ["product/shop", "subscription/s1"]]);
    });
  });

  test("create --dry-run says what would be made and shows no key", async () => {
    const routes: Record<string, Route> = {
      "POST /api/v1/keys": () => ({ id: "k1", key, subscription, created: ["product/shop", "subscription/s1"] }),
    };
    await withPlatform(routes, {}, async ({ run, server }) => {
      const dry = await run(["keys", "create", "--api", "shop", "--dry-run"]);
      assert.match(dry.out, /^Would create a key for shop, plan free.*\n {2}\+ product shop\n {2}\+ subscription$/m);
      assert.equal(server.seen[0]?.query.dryRun, "true");
      const json = await run(["keys", "create", "--api", "shop", "--dry-run", "--json"]);
      assert.ok(!`${dry.out}${json.out}`.includes(key));
    });
  });

  test("create without what the key is for lists the products; a refused member is told as its flag", async () => {
    const routes: Record<string, Route> = {
      "GET /api/v1/products": () => ({ items: [{ name: "shop" }, { name: "gold" }] }),
      "POST /api/v1/keys": (_request, response) =>
        sendProblem(response, 422, {
          code: "body.invalid",
          detail: "/plan: name one of free, gold",
          errors: [{ pointer: "/plan", message: "name one of free, gold" }],
        }),
    };
    await withPlatform(routes, {}, async ({ run }) => {
      const nothing = await run(["keys", "create"]);
      assert.equal(nothing.exit, 2);
      assert.match(nothing.err, /--api NAME, or --product with one of shop, gold/);
      const plans = await run(["keys", "create", "--product", "shop"]);
      assert.deepEqual([plans.exit, plans.err], [2, "error: --plan: name one of free, gold\nrequest id: req-1\n"]);
    });
  });

  test("list pages through everything and shows no more than the prefix", async () => {
    const page = (id: number) => ({
      id: `k${id}`,
      prefix: "ptk_abcdefgh",
      slot: "primary",
      state: "active",
      subscriptionId: "s1",
    });
    const routes: Record<string, Route> = {
      "GET /api/v1/keys": ({ query }) =>
        query.cursor === "c2" ? { items: [page(2)] } : { items: [page(1)], next: "c2" },
      "GET /api/v1/subscriptions": () => ({ items: [{ ...subscription, state: "pending" }] }),
    };
    await withPlatform(routes, {}, async ({ run }) => {
      const { out } = await run(["keys", "list"]);
      assert.match(out, /^ID .*\nk1 {2}ptk_abcdefgh\.\.\. {2}pending {2}primary {2}shop {5}free {2}web .*\nk2 {2}/);
      assert.equal(((await run(["keys", "list", "--json"])).json().items as unknown[]).length, 2);
    });
  });

  test("rotate takes the grace; revoke needs a yes", async () => {
    const routes: Record<string, Route> = {
      "POST /api/v1/keys/k1:rotate": () => ({ id: "k2", key }),
      "DELETE /api/v1/keys/k1": (_request, response) => void response.writeHead(204).end(),
    };
    await withPlatform(routes, {}, async ({ run, server }) => {
      assert.equal((await run(["keys", "rotate", "k1", "--grace", "7d"])).out.split("\n")[0], key);
      assert.deepEqual(server.seen[0]?.json, { grace: "7d" });
      assert.equal((await run(["keys", "revoke", "k1"])).exit, 2);
      assert.equal((await run(["keys", "revoke", "k1", "--yes"])).exit, 0);
      assert.equal(server.calls().at(-1), "DELETE /api/v1/keys/k1");
    });
  });

  test("digest reads the key from standard input and refuses what is none", async () => {
    const cwd = await freshDirectory();
    assert.equal((await runCli(["keys", "digest"], { cwd, input: `${key}\n` })).out, `sha256:${apiKeyDigest(key)}\n`);
    const wrong = await runCli(["keys", "digest"], { cwd, input: `${key.slice(0, -1)}!` });
    assert.equal(wrong.exit, 1);
    assert.doesNotMatch(wrong.err, new RegExp(key.slice(12, 30)));
    const made = (await runCli(["keys", "digest", "--new", "--json"], { cwd })).json();
    assert.equal(made.digest, `sha256:${apiKeyDigest(String(made.key))}`);
  });
});

describe("try", () => {
  const echo: Route = ({ method, headers, body, query }, response) =>
    void response
      .writeHead(method === "POST" ? 201 : 200, { "content-type": "application/json", "x-request-id": "req-9" })
      .end(
        JSON.stringify({ method, key: headers["x-api-key"] ?? null, extra: headers["x-extra"] ?? null, query, body }),
      );

  test("calls with the key of the environment; body on standard output, status on standard error", async () => {
    const server = await testServer({ "GET /a/x": echo, "POST /a/x": echo });
    try {
      const cwd = await freshDirectory({ "body.json": '{"a":1}', key: "ptk_file\n" });
      const env = { PORTICO_KEY: "ptk_env", PORTICO_GATEWAY_URL: server.url };
      const got = await runCli(["try", "get", "/a/x?b=c", "-H", "X-Extra: 1", "-i"], { cwd, env });
      assert.equal(got.exit, 0);
      assert.match(got.err, /^200 OK {2}\(\d+ ms\)\n[\s\S]*x-request-id: req-9/);
      assert.deepEqual(got.json(), { method: "GET", key: "ptk_env", extra: "1", query: { b: "c" }, body: "" });
      const posted = await runCli(["try", "POST", "/a/x", "-d", "@body.json", "--key-file", "key", "--json"], {
        cwd,
        env,
      });
      assert.deepEqual(
        [posted.json().status, Object(posted.json().body).body, Object(posted.json().body).key],
        [201, '{"a":1}', "ptk_file"],
      );
      const piped = await runCli(["try", "POST", "/a/x", "-d", "@-"], { cwd, env, input: "in" });
      assert.equal(piped.json().body, "in");
    } finally {
      await server.close();
    }
  });

  test("a refusal of the gateway ends with 1 and shows its body", async () => {
    const server = await testServer({});
    try {
      const { exit, out, err } = await runCli(["try", "GET", "/nowhere", "--gateway-url", server.url], {
        cwd: await freshDirectory(),
      });
      assert.equal(exit, 1);
      assert.match(out, /path\.not_found/);
      assert.match(err, /^404 /);
    } finally {
      await server.close();
    }
  });

  test("a wrong call is refused before it is made, and a header's value is not echoed", async () => {
    const cwd = await freshDirectory();
    assert.equal((await runCli(["try", "GET", "orders"], { cwd })).exit, 2);
    assert.equal((await runCli(["try", "G T", "/orders"], { cwd })).exit, 2);
    const { exit, err } = await runCli(["try", "GET", "/x", "-H", "bad name: secret-value"], { cwd });
    assert.equal(exit, 2);
    assert.doesNotMatch(err, /secret-value/);
  });
});

describe("rollback, logs, backup, restore, doctor", () => {
  test("rollback shows the difference, asks, and makes a new revision", async () => {
    const routes: Record<string, Route> = {
      "GET /api/v1/revisions": () => ({ items: [{ revision: 9 }] }),
      "GET /api/v1/revisions/9/diff/4": () => ({ from: 9, to: 4, changes: [updated] }),
      "POST /api/v1/revisions/4:rollback": () => ({ changes: [updated], revision: 10 }),
    };
    await withPlatform(routes, {}, async ({ run, server }) => {
      assert.match((await run(["rollback", "4", "--dry-run"])).out, /title: "Old" -> "New"[\s\S]*Nothing was changed/);
      assert.equal((await run(["rollback", "4"])).exit, 2);
      assert.equal(server.calls().includes("POST /api/v1/revisions/4:rollback"), false);
      assert.match((await run(["rollback", "4", "--yes"])).out, /Rolled back to revision 4 as revision 10\./);
      assert.equal((await run(["rollback", "latest"])).exit, 2);
    });
  });

  test("logs show the oldest first; a client's path cannot move the cursor", async () => {
    const routes: Record<string, Route> = {
      "GET /api/v1/requests": () => ({
        items: [
          { status: 404, method: "GET", path: "/b\u001b[2J", time: "t2" },
          { status: 200, method: "GET", path: "/a", time: "t1", durationMs: 1.25 },
        ],
      }),
    };
    await withPlatform(routes, {}, async ({ run }) => {
      assert.equal((await run(["logs"])).out, "t1  200  GET     /a  1.3 ms\nt2  404  GET     /b?[2J\n");
      const lines = (await run(["logs", "--json"])).out.trim().split("\n");
      assert.deepEqual(
        lines.map((line) => Object(JSON.parse(line)).status),
        [200, 404],
      );
    });
  });

  test("logs -f goes on with every event until it is ended, and ends with 0", async () => {
    const stream: Route = (_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(': hello\n\nevent: request\ndata: {"status":200,"path":"/one"}\n\ndata: {"sta');
      setTimeout(() => response.write('tus":503,"path":"/two"}\r\n\r\n'), 50);
    };
    await withPlatform({ "GET /api/v1/requests": stream }, {}, async ({ run, server }) => {
      const { exit, out } = await run(["logs", "-f", "--json"], {
        endWhen: (text) => text.includes("/two"),
        // npm and timeout(1) send it twice.
        endTimes: 2,
      });
      assert.equal(exit, 0);
      assert.deepEqual(
        out
          .trim()
          .split("\n")
          .map((line) => Object(JSON.parse(line)).path),
        ["/one", "/two"],
      );
      assert.equal(server.seen[0]?.query.follow, "true");
    });
  });

  test("a stream that the platform ends is a failure", async () => {
    const stream: Route = (_request, response) =>
      void response.writeHead(200, { "content-type": "text/event-stream" }).end();
    await withPlatform({ "GET /api/v1/requests": stream }, {}, async ({ run }) => {
      const { exit, err } = await run(["logs", "-f"]);
      assert.equal(exit, 1);
      assert.match(err, /ended the stream/);
    });
  });

  test("backup writes a file for its owner only, never over another, and nothing half", async () => {
    const bytes = "x".repeat(300_000);
    const good: Route = (_request, response) =>
      void response.writeHead(200, { "content-type": "application/octet-stream" }).end(bytes);
    await withPlatform({ "GET /api/v1/backup": good }, {}, async ({ run, directory }) => {
      assert.deepEqual((await run(["backup", "b", "--json"])).json(), { file: join(directory, "b"), bytes: 300_000 });
      assert.equal((await stat(join(directory, "b"))).mode & 0o777, 0o600);
      assert.equal(await readFile(join(directory, "b"), "utf8"), bytes);
      const nowhere = await run(["backup", "no/where"]);
      assert.equal(nowhere.exit, 1);
      assert.match(nowhere.err, /no\/where cannot be written[\s\S]*next: Check the directory/);
      const again = await run(["backup", "b"]);
      assert.equal(again.exit, 1);
      assert.match(again.err, /b exists already/);
      assert.equal((await run(["backup", "-"])).out, bytes);
    });
    const half: Route = (_request, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("only");
      setTimeout(() => response.destroy(), 20);
    };
    await withPlatform({ "GET /api/v1/backup": half }, {}, async ({ run, directory }) => {
      assert.equal((await run(["backup", "b"])).exit, 1);
      assert.deepEqual(await readdir(directory), []);
    });
  });

  test("restore sends the file as it is, after a yes", async () => {
    let sent: Buffer | undefined;
    const restore: Route = ({ bytes }) => {
      sent = bytes;
      return { revision: 3 };
    };
    await withPlatform(
      { "POST /api/v1/restore": restore },
      { other: "no backup" },
      async ({ run, server, directory }) => {
        await writeFile(join(directory, "backup"), smallBackup);
        assert.equal((await run(["restore", "backup"])).exit, 2);
        const dry = await run(["restore", "backup", "--dry-run"]);
        assert.equal(dry.exit, 0, dry.err);
        assert.match(dry.out, /by backup \(of 2026-01-02T03:04:05\.000Z, 0 rows; --dry-run\)/);
        assert.deepEqual(server.calls(), []);
        assert.match((await run(["restore", "backup", "--yes"])).out, /Restored from backup at revision 3/);
        assert.deepEqual(sent, smallBackup);
        assert.match((await run(["restore", "gone", "--yes"])).err, /gone cannot be read/);
        const other = await run(["restore", "other", "--yes"]);
        assert.equal(other.exit, 1);
        assert.match(other.err, /other cannot be restored: The file is not a backup[\s\S]*portico backup/);
        assert.equal(server.calls().length, 1, "what is no backup is not sent");
      },
    );
  });

  test("sign-in prints a link to the studio, for the owner or a user", async () => {
    const routes: Record<string, Route> = {
      "POST /api/v1/sign-in-links": () => ({ token: "t", path: "/sign-in#token=t", expiresAt: "2026-01-01T00:00:00Z" }),
    };
    await withPlatform(routes, {}, async ({ run, server }) => {
      assert.equal((await run(["sign-in"])).out, `${server.url}/sign-in#token=t\n`);
      assert.equal((await run(["sign-in", "--user", "ann", "--json"])).json().url, `${server.url}/sign-in#token=t`);
      assert.deepEqual(
        server.seen.map(({ json }) => json),
        [{}, { user: "ann" }],
      );
    });
  });

  test("doctor names what fails and what to do; it ends with 1 only then", async () => {
    const gateway = {
      instance: "g1",
      isConnected: true,
      isApplied: true,
      revision: 3,
      desiredRevision: 3,
      unitErrors: [],
    };
    const routes: Record<string, Route> = {
      "GET /api/v1/gateways": () => ({ desiredRevision: 3, undeliverable: [], items: [gateway] }),
      "GET /api/v1/certificates": () => ({ items: [] }),
    };
    await withPlatform(routes, { ".portico/admin-token": "t" }, async ({ run, server, directory }) => {
      await chmod(join(directory, ".portico/admin-token"), 0o644);
      const well = await run(["doctor", "--gateway-url", server.url]);
      assert.equal(well.exit, 0, well.out);
      assert.match(well.out, /ok {6}Gateway g1: runs revision 3 of 3/);
      assert.match(well.out, /warning Owner token: .*can be read by others/);
      const ill = await run(["doctor", "--url", deadUrl, "--json"]);
      assert.equal(ill.exit, 1);
      assert.equal(ill.json().ok, false);
    });
  });
});
