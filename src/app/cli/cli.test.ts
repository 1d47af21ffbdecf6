import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type Route, runCli, sendProblem } from "./testing-cli.ts";
import { bundle, deadUrl, freshDirectory, withPlatform } from "./testing-session.ts";

describe("the command line itself", () => {
  test("help lists every command", async () => {
    const cwd = await freshDirectory();
    const { exit, out } = await runCli(["--help"], { cwd });
    assert.equal(exit, 0);
    for (const name of ["up", "import", "apply", "keys", "restore", "doctor"])
      assert.match(out, new RegExp(`^ {2}${name}\\b`, "m"));
  });

  test("a wrong command line ends with 2 and says what was meant", async () => {
    const cwd = await freshDirectory();
    const unknown = await runCli(["aply"], { cwd });
    assert.deepEqual([unknown.exit, unknown.out], [2, ""]);
    assert.match(unknown.err, /unknown command 'aply'\nDid you mean 'apply'\?/);
    assert.equal((await runCli(["apply"], { cwd })).exit, 2);
    assert.equal((await runCli(["apply", "x", "y"], { cwd })).exit, 2);
    assert.equal((await runCli(["lint", "x", "--nope"], { cwd })).exit, 2);
    assert.equal((await runCli(["keys"], { cwd })).exit, 2);
    const below = await runCli(["keys", "rotat"], { cwd });
    assert.equal(below.exit, 2);
    assert.match(below.err, /unknown command 'keys rotat'\nDid you mean 'rotate'\?/);
  });

  test("with --json a wrong command line, too, answers with one JSON value", async () => {
    const cwd = await freshDirectory();
    for (const args of [["aply"], ["keys", "nope"], ["apply"], ["lint", "x", "--nope"]]) {
      const { exit, err, json } = await runCli([...args, "--json"], { cwd });
      assert.deepEqual([exit, err], [2, ""], args.join(" "));
      assert.equal({ ...Object(json().error) }.code, "cli.usage");
    }
  });

  test("commands of later versions say so by name", async () => {
    const { exit, err } = await runCli(["explain", "req-1", "--verbose"], { cwd: await freshDirectory() });
    assert.equal(exit, 2);
    assert.match(err, /portico explain|unknown option/);
    const plain = await runCli(["deploy", "dir"], { cwd: await freshDirectory() });
    assert.equal(plain.exit, 2);
    assert.match(plain.err, /`portico deploy` is not available in this version/);
  });

  test("completion scripts know commands and flags, and bash runs them", async () => {
    const cwd = await freshDirectory();
    for (const shell of ["bash", "zsh", "fish"]) {
      const { exit, out } = await runCli(["completion", shell], { cwd });
      assert.equal(exit, 0);
      assert.match(out, /rollback/);
      assert.match(out, /dry-run/);
    }
    assert.equal((await runCli(["completion", "tcsh"], { cwd })).exit, 2);
    const script = (await runCli(["completion", "bash"], { cwd })).out;
    const complete = (...words: readonly string[]): string =>
      execFileSync(
        "bash",
        [
          "-c",
          `${script}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}; _portico; echo "\${COMPREPLY[@]}"`,
        ],
        { encoding: "utf8", cwd },
      ).trim();
    assert.equal(complete("portico", "roll"), "rollback");
    assert.equal(complete("portico", "keys", "ro"), "rotate");
    assert.equal(complete("portico", "keys", "rotate", "--gr"), "--grace");
  });
});

describe("finding the platform and the token", () => {
  const routes = {
    "GET /api/v1/revisions": () => ({
      items: [{ revision: 3, at: "2026-01-01T00:00:00.000Z", actor: "owner", kind: "configuration", message: "why" }],
    }),
  };

  test("flags go before the environment; the token is a bearer token", async () => {
    await withPlatform(routes, { token: "from-file\n" }, async ({ run, server }) => {
      const { exit, out } = await run(["revisions", "--url", server.url, "--token-file", "token"], {
        env: { PORTICO_URL: "http://127.0.0.1:1" },
      });
      assert.equal(exit, 0);
      assert.match(out, /^REVISION {2}WHEN .*\n3 .*owner {2}why\n$/);
      assert.equal(server.seen[0]?.headers.authorization, "Bearer from-file");
    });
  });

  test("a data directory tells where its platform is, and lends its owner token", async () => {
    await withPlatform(routes, { ".portico/admin-token": "owner-token\n" }, async ({ directory, server }) => {
      const endpoints = { gatewayUrl: server.url, portalUrl: server.url, studioUrl: server.url, opsUrl: server.url };
      await writeFile(join(directory, ".portico/endpoints.json"), JSON.stringify(endpoints));
      const { exit, json } = await runCli(["revisions", "--json"], { cwd: directory });
      assert.equal(exit, 0);
      assert.equal(Array.isArray(json().items), true);
      assert.equal(server.seen[0]?.headers.authorization, "Bearer owner-token");
    });
  });

  test("the owner token of this machine is not sent to another one unasked", async () => {
    const cwd = await freshDirectory({ ".portico/admin-token": "owner-token\n" });
    const { exit, err } = await runCli(["revisions", "--url", "http://portico.example:8082"], { cwd });
    assert.equal(exit, 1);
    assert.match(err, /owner token of .* was not sent to http:\/\/portico\.example:8082/);
  });

  test("without a token, and with one that is none, the next step is named", async () => {
    const cwd = await freshDirectory({ token: "two words" });
    const missing = await runCli(["revisions"], { cwd });
    assert.equal(missing.exit, 1);
    assert.match(missing.err, /There is no token[\s\S]*next: Start a platform with `portico up`/);
    const invalid = await runCli(["revisions", "--token-file", "token"], { cwd });
    assert.match(invalid.err, /holds no token/);
    assert.doesNotMatch(invalid.err, /two words/);
  });

  test("when nobody listens, the address and the next step are named", async () => {
    const cwd = await freshDirectory();
    const { exit, json } = await runCli(["revisions", "--url", deadUrl, "--json"], {
      cwd,
      env: { PORTICO_TOKEN: "t" },
    });
    assert.equal(exit, 1);
    const { error } = json();
    assert.deepEqual(
      { ...Object(error) },
      {
        findings: [],
        code: "platform.unreachable",
        message: `No platform listens at ${deadUrl}.`,
        next: "Start one with `portico up`, or give its address with --url.",
      },
    );
  });

  test("a refusal shows what the platform said, its findings and the request id", async () => {
    const refuse: Route = (_request, response) =>
      sendProblem(response, 422, {
        code: "configuration.invalid",
        detail: "The bundle has 1 mistake; nothing was changed",
        errors: [
          {
            file: "apis/a/api.yaml",
            line: 2,
            column: 10,
            path: "protect",
            message: "'kee' is not one of key, jwt, none",
            next: "Did you mean 'key'?",
          },
        ],
      });
    await withPlatform({ "POST /api/v1/bundle:plan": refuse }, bundle, async ({ run }) => {
      const { exit, err } = await run(["apply", "bundle"]);
      assert.equal(exit, 1);
      assert.equal(
        err,
        "error: The bundle has 1 mistake; nothing was changed.\n  apis/a/api.yaml:2:10 protect: 'kee' is not one of key, jwt, none. Did you mean 'key'?\nrequest id: req-1\n",
      );
      const { error } = (await run(["apply", "bundle", "--json"])).json();
      assert.equal({ ...Object(error) }.requestId, "req-1");
    });
  });

  test("one mistake is told once, several are counted", async () => {
    const finding = (line: number): object => ({
      file: "apis/a/api.yaml",
      line,
      path: "x",
      message: `mistake ${line}`,
    });
    const refuse =
      (...lines: readonly number[]): Route =>
      (_request, response) =>
        sendProblem(response, 422, {
          code: "bundle.invalid",
          detail: `apis/a/api.yaml:${lines[0]}: mistake ${lines[0]}${lines.length > 1 ? ` (and ${lines.length - 1} more)` : ""}`,
          errors: lines.map(finding),
        });
    await withPlatform({ "POST /api/v1/bundle:plan": refuse(1) }, bundle, async ({ run }) => {
      assert.equal((await run(["diff", "bundle"])).err, "error: apis/a/api.yaml:1 x: mistake 1\nrequest id: req-1\n");
    });
    await withPlatform({ "POST /api/v1/bundle:plan": refuse(1, 2) }, bundle, async ({ run }) => {
      assert.equal(
        (await run(["diff", "bundle"])).err,
        "error: 2 mistakes. Nothing was changed.\n  apis/a/api.yaml:1 x: mistake 1\n  apis/a/api.yaml:2 x: mistake 2\nrequest id: req-1\n",
      );
    });
  });

  test("a token is not carried along a redirect", async () => {
    const redirect: Route = (_request, response) =>
      void response.writeHead(307, { location: "http://127.0.0.1:1/" }).end();
    await withPlatform({ "GET /api/v1/revisions": redirect }, {}, async ({ run }) => {
      const { exit, err } = await run(["revisions"]);
      assert.equal(exit, 1);
      assert.match(err, /answered 307[\s\S]*not sent after a redirect/);
    });
  });

  test("what is no management API is told so", async () => {
    const page: Route = (_request, response) =>
      void response.writeHead(200, { "content-type": "text/html" }).end("<html>");
    await withPlatform({ "GET /api/v1/revisions": page }, {}, async ({ run }) => {
      assert.match((await run(["revisions"])).err, /no management API of Portico/);
    });
  });
});

describe("trying again", () => {
  test("a busy platform is asked again; a POST keeps its idempotency key", async () => {
    let tries = 0;
    const busy: Route = (_request, response) =>
      ++tries < 3 ? sendProblem(response, 503, { code: "busy" }) : { changes: [] };
    await withPlatform({ "POST /api/v1/bundle:plan": busy }, bundle, async ({ run, server }) => {
      assert.equal((await run(["diff", "bundle"])).exit, 0);
      const keys = server.seen.map((request) => request.headers["idempotency-key"]);
      assert.equal(keys.length, 3);
      assert.equal(new Set(keys).size, 1);
      assert.match(String(keys[0]), /^[0-9a-f-]{36}$/);
    });
  });

  test("a refusal is not asked again", async () => {
    const refuse: Route = (_request, response) =>
      sendProblem(response, 500, { code: "management.fault", detail: "broken" });
    await withPlatform({ "GET /api/v1/revisions": refuse }, {}, async ({ run, server }) => {
      assert.equal((await run(["revisions"])).exit, 1);
      assert.equal(server.seen.length, 1);
    });
  });

  test("a connection that breaks before an answer is tried again", async () => {
    let tries = 0;
    const breaking = createServer((socket) => {
      tries++;
      if (tries < 2) socket.destroy();
      else
        socket.once("data", () =>
          socket.end('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 12\r\n\r\n{"items":[]}'),
        );
    });
    await new Promise<void>((resolve) => breaking.listen(0, "127.0.0.1", resolve));
    const address = breaking.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    try {
      const { exit, out } = await runCli(["revisions"], {
        cwd: await freshDirectory(),
        env: { PORTICO_TOKEN: "t", PORTICO_URL: `http://127.0.0.1:${port}` },
      });
      assert.deepEqual([exit, out], [0, "There are no revisions yet.\n"]);
    } finally {
      breaking.close();
    }
  });
});

describe("roles", () => {
  test("a gateway wants exactly one source of configuration", async () => {
    const cwd = await freshDirectory();
    for (const args of [
      ["gateway"],
      ["gateway", "--config", ".", "--control", "http://127.0.0.1:1"],
      ["gateway", "--control", "http://127.0.0.1:1"],
      ["gateway", "--control", "control", "--token-file", "token"],
    ]) {
      const { exit, err } = await runCli(args, { cwd });
      assert.equal(exit, 2, err);
    }
    const noFile = await runCli(["gateway", "--control", "http://127.0.0.1:1", "--token-file", "gone"], { cwd });
    assert.equal(noFile.exit, 1);
    assert.match(noFile.err, /token \(--token-file\) cannot be read/);
  });

  test("a gateway tells the mistakes of all files of its bundle, not only those of its settings", async () => {
    const cwd = await freshDirectory({
      ...bundle,
      "bundle/portico.yaml": "workspace: shop\nsettngs: {}\n",
      "bundle/apis/a/policy.yaml": "inbound:\n  - bse\n  - set-headr: { name: a, value: b }\n",
    });
    const { exit, err } = await runCli(["gateway", "--config", "bundle", "--port", "0", "--ops-port", "0"], { cwd });
    assert.equal(exit, 1);
    for (const words of [
      /portico\.yaml:2:1 settngs/,
      /policy\.yaml:2:5 .*'bse' is no step/,
      /policy\.yaml:3:\d+ .*set-headr/,
    ]) {
      assert.match(err, words);
    }
  });

  test("a setting that cannot be is refused before anything starts", async () => {
    const cwd = await freshDirectory({ "portico.yaml": "settings:\n  thread: 2\n" });
    const { exit, err } = await runCli(["up"], { cwd });
    assert.equal(exit, 1);
    assert.match(err, /portico\.yaml:2:3 settings\.thread: unknown field 'thread'\. Did you mean 'threads'\?/);
  });
});
