import assert from "node:assert/strict";
import { readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type Route, runCli, sendProblem } from "./testing-cli.ts";
import { bundle, created, deadUrl, deleted, freshDirectory, updated, withPlatform } from "./testing-session.ts";

describe("diff, apply, pull", () => {
  const plan =
    (...changes: readonly object[]): Route =>
    () => ({ findings: [], changes });

  test("diff ends with 3 where there are changes, and shows them; with 0 where there are none", async () => {
    await withPlatform({ "POST /api/v1/bundle:plan": plan(created, updated) }, bundle, async ({ run, server }) => {
      const { exit, out } = await run(["diff", "bundle"]);
      assert.equal(exit, 3);
      assert.match(
        out,
        /^\+ create api a {2}\(apis\/a\/api\.yaml\)\n~ update product p {2}\(products\/p\.yaml\)\n {4}title: "Old" -> "New"\n2 changes: 1 to create, 1 to update, 0 to delete\.\n$/,
      );
      const files = server.seen[0]?.json.files;
      assert.ok(Array.isArray(files));
      assert.deepEqual(
        files.map((file) => Object(file).path),
        ["apis/a/api.yaml", "apis/a/openapi.json", "portico.yaml"],
      );
      assert.equal(Buffer.from(Object(files[2]).contentBase64, "base64").toString(), "workspace: shop\n");
    });
    await withPlatform({ "POST /api/v1/bundle:plan": plan() }, bundle, async ({ run }) => {
      assert.deepEqual(
        [(await run(["diff", "bundle"])).exit, (await run(["diff", "bundle", "--json"])).json()],
        [0, { findings: [], changes: [] }],
      );
    });
  });

  test("apply sends owner, prune and message, and waits for the gateways", async () => {
    const routes = {
      "POST /api/v1/bundle:plan": plan(created),
      "POST /api/v1/bundle:apply": () => ({ findings: [], changes: [created], revision: 7 }),
    };
    await withPlatform(routes, bundle, async ({ run, server }) => {
      const { exit, out } = await run(["apply", "bundle", "--owner", "me", "--prune", "--message", "why"]);
      assert.equal(exit, 0);
      assert.match(out, /Applied as revision 7\./);
      const { json, query } = server.seen[1] ?? assert.fail();
      assert.deepEqual(
        [json.owner, json.prune, json.message, query],
        ["me", true, "why", { wait: "applied", timeout: "30s" }],
      );
    });
  });

  test("apply --dry-run changes nothing", async () => {
    await withPlatform({ "POST /api/v1/bundle:plan": plan(created, deleted) }, bundle, async ({ run, server }) => {
      const { exit, out } = await run(["apply", "bundle", "--dry-run"]);
      assert.equal(exit, 0);
      assert.match(out, /Nothing was changed \(--dry-run\)/);
      assert.deepEqual(server.calls(), ["POST /api/v1/bundle:plan"]);
    });
  });

  test("what deletes needs --yes where nobody can be asked", async () => {
    const routes = {
      "POST /api/v1/bundle:plan": plan(deleted),
      "POST /api/v1/bundle:apply": () => ({ changes: [deleted], revision: 8 }),
    };
    await withPlatform(routes, bundle, async ({ run, server }) => {
      const refused = await run(["apply", "bundle"]);
      assert.equal(refused.exit, 2);
      assert.match(refused.err, /1 resource will be deleted[\s\S]*--yes/);
      assert.deepEqual(server.calls(), ["POST /api/v1/bundle:plan"]);
      assert.equal((await run(["apply", "bundle", "--yes"])).exit, 0);
      assert.deepEqual(server.calls().slice(1), ["POST /api/v1/bundle:plan", "POST /api/v1/bundle:apply"]);
    });
  });

  test("gateways that lag behind are named as a warning", async () => {
    const lagging: Route = (_request, response) =>
      void response
        .writeHead(202, {
          "content-type": "application/json",
          "portico-applied": "false",
          "portico-undelivered": "orders, stock",
        })
        .end(JSON.stringify({ changes: [created], revision: 9 }));
    await withPlatform(
      { "POST /api/v1/bundle:plan": plan(created), "POST /api/v1/bundle:apply": lagging },
      bundle,
      async ({ run }) => {
        const { exit, err } = await run(["apply", "bundle"]);
        assert.equal(exit, 0);
        assert.match(err, /not every connected gateway runs the new revision/);
        assert.match(err, /newest version of orders, stock reaches no gateway/);
      },
    );
  });

  test("a directory without any file of a bundle is refused before anything is sent, unless its owner is named", async () => {
    const routes = { "POST /api/v1/bundle:plan": plan() };
    await withPlatform(routes, { "notes/README.md": "nothing here" }, async ({ run, server }) => {
      const { exit, err } = await run(["apply", "notes"]);
      assert.equal(exit, 1);
      assert.match(err, /notes holds no bundle[\s\S]*portico init/);
      assert.deepEqual(server.calls(), []);
      assert.equal((await run(["diff", "notes", "--owner", "shop"])).exit, 0);
    });
  });

  test("a link that leads out of the bundle is refused before anything is sent", async () => {
    await withPlatform({}, bundle, async ({ run, server, directory }) => {
      await symlink("/etc/passwd", join(directory, "bundle/policies.yaml"));
      const { exit, err } = await run(["apply", "bundle"]);
      assert.equal(exit, 1);
      assert.match(err, /policies\.yaml is a link that leads out of the bundle/);
      assert.deepEqual(server.calls(), []);
    });
  });

  test("pull writes bytes as they are, and deletes only after a yes", async () => {
    const text = "\uFEFF# comment\r\nworkspace: shop\r\n";
    const routes = {
      "GET /api/v1/bundle": () => ({
        revision: 5,
        files: [{ path: "portico.yaml", contentBase64: Buffer.from(text).toString("base64") }],
      }),
    };
    await withPlatform(routes, { "bundle/products/gone.yaml": "x" }, async ({ run, directory }) => {
      const dry = await run(["pull", "bundle", "--dry-run"]);
      assert.match(dry.out, /~ portico\.yaml\n- products\/gone\.yaml\nWould be/);
      assert.deepEqual(await readdir(join(directory, "bundle")), ["products"]);
      assert.equal((await run(["pull", "bundle"])).exit, 2);
      assert.deepEqual(await readdir(join(directory, "bundle")), ["products"]);
      const done = await run(["pull", "bundle", "--yes", "--json"]);
      assert.equal(done.exit, 0);
      assert.deepEqual(done.json(), {
        revision: 5,
        written: ["portico.yaml"],
        deleted: ["products/gone.yaml"],
        dryRun: false,
      });
      assert.equal(await readFile(join(directory, "bundle/portico.yaml"), "utf8"), text);
      assert.match((await run(["pull", "bundle"])).out, /No changes/);
    });
  });

  test("pull never writes outside the directory, whatever the platform says", async () => {
    const routes = {
      "GET /api/v1/bundle": () => ({ revision: 5, files: [{ path: "../evil.yaml", contentBase64: "eA==" }] }),
    };
    await withPlatform(routes, {}, async ({ run, directory }) => {
      assert.equal((await run(["pull", "bundle"])).exit, 1);
      await assert.rejects(stat(join(directory, "evil.yaml")));
    });
  });
});

describe("import", () => {
  const none = { added: [], removed: [], changed: [], unchanged: 0 };
  const added = { ...none, added: [{ id: "getX", method: "GET", path: "/x" }] };
  const imported =
    (operations: object): Route =>
    ({ json }) => ({
      api: "a",
      path: "/a",
      operations,
      findings: [],
      affects: { policies: [], products: [] },
      ...(json.dryRun === true ? {} : { revision: 4 }),
    });
  const document = { "openapi.json": bundle["bundle/apis/a/openapi.json"] };

  test("sends the bytes of a file and what the flags say, after a plan", async () => {
    await withPlatform({ "POST /api/v1/apis:import": imported(added) }, document, async ({ run, server }) => {
      const { exit, out } = await run([
        "import",
        "openapi.json",
        "--name",
        "a",
        "--path",
        "/a",
        "--protect",
        "key,jwt",
        "--backend",
        "mock",
      ]);
      assert.equal(exit, 0);
      assert.match(out, /API a at \/a\n {2}\+ GET \/x {2}getX\nImported as revision 4\./);
      assert.deepEqual(
        server.seen.map(({ json }) => json.dryRun),
        [true, undefined],
      );
      const { document: sent, ...rest } = server.seen[1]?.json ?? {};
      assert.deepEqual(rest, { name: "a", path: "/a", protect: ["key", "jwt"], backend: "mock" });
      assert.equal(Object(sent).fileName, "openapi.json");
      assert.equal(Buffer.from(Object(sent).contentBase64, "base64").toString(), document["openapi.json"]);
    });
  });

  test("of many findings the gravest are shown, with their file, and where to see the rest", async () => {
    const finding = (severity: string, line: number): object => ({
      rule: "r",
      severity,
      message: "m",
      pointer: "/p",
      line,
      column: 1,
      next: "n",
    });
    const findings = [...Array.from({ length: 20 }, (_, index) => finding("warning", index + 1)), finding("error", 99)];
    const answer: Route = () => ({
      api: "a",
      path: "/a",
      operations: none,
      findings,
      affects: { policies: [], products: [] },
    });
    await withPlatform({ "POST /api/v1/apis:import": answer }, document, async ({ run }) => {
      const lines = (await run(["import", "openapi.json", "--dry-run"])).err.trim().split("\n");
      assert.equal(lines.length, 13);
      assert.match(lines[0] ?? "", /^openapi\.json:99:1 .*m\. n$/);
      assert.match(lines[12] ?? "", /^and 9 findings more: portico lint openapi\.json$/);
    });
  });

  test("takes standard input, and --dry-run changes nothing", async () => {
    await withPlatform({ "POST /api/v1/apis:import": imported(added) }, {}, async ({ run, server }) => {
      const { exit } = await run(["import", "-", "--dry-run"], { input: document["openapi.json"] });
      assert.equal(exit, 0);
      assert.deepEqual(
        server.seen.map(({ json }) => json.dryRun),
        [true],
      );
    });
  });

  test("operations that would go away are asked about", async () => {
    await withPlatform(
      { "POST /api/v1/apis:import": imported({ ...none, removed: added.added }) },
      document,
      async ({ run, server }) => {
        const { exit, err } = await run(["import", "openapi.json"]);
        assert.equal(exit, 2);
        assert.match(err, /1 operation will no longer exist/);
        assert.equal(server.seen.length, 1);
        assert.equal((await run(["import", "openapi.json", "--yes"])).exit, 0);
      },
    );
  });

  test("brings the files that a document refers to, but none from outside its directory", async () => {
    const yaml = 'openapi: 3.1.0\ninfo: { title: A, version: "1" }\npaths:\n  /x:\n    $ref: "./parts/x.yaml"\n';
    const part = 'get: { operationId: getX, responses: { "200": { description: ok } } }\n';
    await withPlatform(
      { "POST /api/v1/apis:import": imported(added) },
      { "d/openapi.yaml": yaml, "d/parts/x.yaml": part, "d/evil.yaml": yaml.replace("./parts", ".."), "x.yaml": part },
      async ({ run, server }) => {
        assert.equal((await run(["import", "d/openapi.yaml"])).exit, 0);
        const { externals, place } = Object(server.seen[1]?.json.document);
        assert.deepEqual([externals, place], [{ "parts/x.yaml": part }, "document:///openapi.yaml"]);
        const evil = await run(["import", "d/evil.yaml"]);
        assert.equal(evil.exit, 1);
        assert.match(evil.err, /outside the document's directory/);
      },
    );
  });

  test("a file's references to private addresses are not followed unless that is asked for", async () => {
    const part = createServer((_request, response) =>
      response.end('{"get":{"responses":{"200":{"description":"ok"}}}}'),
    );
    await new Promise<void>((resolve) => part.listen(0, "127.0.0.1", resolve));
    const address = part.address();
    const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/part.json`;
    const yaml = `openapi: 3.1.0\ninfo: { title: A, version: "1" }\npaths:\n  /x: { $ref: "${url}" }\n`;
    await withPlatform(
      { "POST /api/v1/apis:import": imported(added) },
      { "openapi.yaml": yaml },
      async ({ run, server }) => {
        const refused = await run(["import", "openapi.yaml"]);
        assert.equal(refused.exit, 1);
        assert.match(refused.err, /private addresses are not fetched unless allowed/);
        assert.equal(server.seen.length, 0);
        assert.equal((await run(["import", "openapi.yaml", "--allow-private"])).exit, 0);
        assert.deepEqual(Object.keys(Object(server.seen[1]?.json.document).externals), [url]);
      },
    );
    part.close();
  });

  test("a URL of this machine is fetched here, a public one by the platform", async () => {
    const serve: Route = (_request, response) =>
      void response.writeHead(200, { "content-type": "application/json" }).end(document["openapi.json"]);
    await withPlatform(
      { "POST /api/v1/apis:import": imported(added), "GET /docs/openapi.json": serve },
      {},
      async ({ run, server }) => {
        assert.equal((await run(["import", `${server.url}/docs/openapi.json`])).exit, 0);
        assert.equal(Object(server.seen[1]?.json.document).fileName, "openapi.json");
        assert.equal((await run(["import", "https://public.example/openapi.json"])).exit, 0);
        assert.deepEqual(server.seen.at(-1)?.json.document, { url: "https://public.example/openapi.json" });
      },
    );
  });

  test("mistakes in the settings are told as mistakes in the flags, and end with 2", async () => {
    const refuse: Route = (_request, response) =>
      sendProblem(response, 422, {
        code: "body.invalid",
        detail: "/path: a path begins with '/'",
        errors: [{ path: "/path", message: "a path begins with '/'" }],
      });
    await withPlatform({ "POST /api/v1/apis:import": refuse }, document, async ({ run }) => {
      const { exit, err } = await run(["import", "openapi.json", "--path", "x"]);
      assert.deepEqual([exit, err], [2, "error: --path: a path begins with '/'\nrequest id: req-1\n"]);
    });
  });

  test("a URL that cannot be fetched is named, with the reason and the next step", async () => {
    await withPlatform({}, {}, async ({ run }) => {
      const { exit, err } = await run(["import", `${deadUrl}/openapi.yaml`]);
      assert.equal(exit, 1);
      assert.match(err, /^error: http:\/\/127\.0\.0\.1:\d+\/openapi\.yaml could not be fetched: .*ECONNREFUSED/);
      assert.match(err, /^next: Check the address/m);
    });
  });

  test("what is no OpenAPI document is refused here, with its place", async () => {
    await withPlatform({}, { "x.json": '{"openapi": "3.1.0",}' }, async ({ run, server }) => {
      const { exit, err } = await run(["import", "x.json"]);
      assert.equal(exit, 1);
      assert.match(err, /x\.json:1:\d+/);
      assert.deepEqual(server.calls(), []);
      assert.match((await run(["import", "gone.json"])).err, /gone\.json cannot be read/);
    });
  });
});

describe("init and lint", () => {
  test("what init writes, lint accepts; init again overwrites nothing but the schemas", async () => {
    const cwd = await freshDirectory();
    const made = await runCli(["init", "My Shop", "--json"], { cwd });
    assert.equal(made.exit, 0);
    assert.match(await readFile(join(cwd, "My Shop/portico.yaml"), "utf8"), /^workspace: my-shop$/m);
    const linted = await runCli(["lint", "My Shop"], { cwd });
    assert.deepEqual([linted.exit, linted.out], [0, "No errors, no warnings.\n"]);
    await writeFile(join(cwd, "My Shop/portico.yaml"), "workspace: mine\n");
    assert.equal((await runCli(["init", "My Shop"], { cwd })).exit, 0);
    assert.equal(await readFile(join(cwd, "My Shop/portico.yaml"), "utf8"), "workspace: mine\n");
    assert.equal((await runCli(["init", "dry", "--dry-run"], { cwd })).exit, 0);
    await assert.rejects(stat(join(cwd, "dry")));
  });

  test("lint of a bundle finds what is wrong in files, and what does not compile, with lines", async () => {
    const cwd = await freshDirectory(bundle);
    await writeFile(
      join(cwd, "bundle/apis/a/policy.yaml"),
      "inbound:\n  - base\n  - set-headr: { name: a, value: b }\n  - set-header: { nmae: a }\n",
    );
    const { exit, out } = await runCli(["lint", "bundle"], { cwd });
    assert.equal(exit, 3);
    assert.match(out, /^apis\/a\/policy\.yaml:3:5 error: inbound\[1\]\S*: .*set-headr/m);
    assert.match(out, /^apis\/a\/policy\.yaml:4:\d+ error: inbound\[2\]\.set-header\S*: /m);
    assert.match(out, /unknown field 'nmae'\. Did you mean 'name'\?/);
    const json = (await runCli(["lint", "bundle", "--json"], { cwd })).json();
    assert.ok(Number(json.errors) >= 2);
  });

  test("lint of a document gives its findings with lines, from a file or standard input", async () => {
    const text =
      "openapi: 3.1.0\ninfo: { title: A, version: '1' }\npaths:\n  /x/{id}:\n    get: { operationId: getX, responses: { '200': { description: ok } } }\n";
    const cwd = await freshDirectory({ "a.yaml": text });
    const file = await runCli(["lint", "a.yaml"], { cwd });
    assert.equal(file.exit, 3);
    assert.match(
      file.out,
      /^a\.yaml:\d+:\d+ error: .*does not declare its path parameter.* \[path-parameter-undeclared\]$/m,
    );
    const piped = await runCli(["lint", "-"], { cwd, input: text });
    assert.equal(piped.exit, 3);
    assert.equal((await runCli(["lint", "-"], { cwd, input: "not a document" })).exit, 3);
    assert.equal((await runCli(["lint", "gone"], { cwd })).exit, 1);
  });
});
