import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { main, type Platform, root, startPlatform } from "./testing-platform.ts";

const shell = promisify(execFile);

describe("a first start with the sample", () => {
  let platform: Platform;
  before(async () => {
    platform = await startPlatform();
  });
  after(async () => {
    assert.equal(await platform.stop(), 0, "SIGTERM ends with 0");
  });

  const call = (path: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
    fetch(`${platform.gateway}${path}`, { headers });

  const problemOf = async (
    response: Response,
  ): Promise<{ code: string; status: number; requestId: string; type: string }> => {
    assert.match(response.headers.get("content-type") ?? "", /^application\/problem\+json/);
    return response.json() as Promise<{ code: string; status: number; requestId: string; type: string }>;
  };

  test("the printed curl line answers 200 with data from the microservice", async () => {
    const line = /^\s*(curl .*)$/m.exec(platform.output())?.[1];
    assert.ok(line, platform.output());
    const { stdout } = await shell("sh", ["-c", `${line} -s`]);
    const page = JSON.parse(stdout) as { items: { id: string }[] };
    assert.ok(page.items.some((book) => book.id === "emma"));
  });

  test("without a key the answer is 401 with a challenge and a stable code", async () => {
    const response = await call("/catalogue/books");
    assert.equal(response.status, 401);
    assert.ok(response.headers.get("www-authenticate"));
    const problem = await problemOf(response);
    assert.equal(problem.code, "key.missing");
    assert.equal(problem.requestId, response.headers.get("x-request-id"));
  });

  test("a wrong key is 401", async () => {
    const wrong = `${platform.key.slice(0, -8)}AAAAAAAA`;
    const response = await call("/catalogue/books", { "x-api-key": wrong });
    assert.equal(response.status, 401);
    assert.equal((await problemOf(response)).code, "key.invalid");
  });

  test("an unknown path is 404 and a known one with another method is 405 with Allow", async () => {
    assert.equal((await problemOf(await call("/nowhere"))).code, "route.not_found");
    const response = await fetch(`${platform.gateway}/catalogue/books`, {
      method: "DELETE",
      headers: { "x-api-key": platform.key },
    });
    assert.equal(response.status, 405);
    assert.match(response.headers.get("allow") ?? "", /GET/);
  });

  test("an order goes through to the service under the application's name, whatever the client claims", async () => {
    const response = await fetch(`${platform.gateway}/shop/orders`, {
      method: "POST",
      headers: { "x-api-key": platform.key, "content-type": "application/json", "x-consumer": "somebody-else" },
      body: JSON.stringify({ lines: [{ bookId: "emma", quantity: 1 }] }),
    });
    assert.equal(response.status, 201);
    const order = (await response.json()) as { customer: string };
    assert.notEqual(order.customer, "somebody-else");
    assert.notEqual(order.customer, "walk-in");
  });

  test("over the limit the answer is 429 with Retry-After, RateLimit and RateLimit-Policy", async () => {
    let refused: Response | undefined;
    for (let i = 0; i < 70 && !refused; i += 1) {
      const response = await call("/catalogue/books", { "x-api-key": platform.key });
      if (response.status === 429) refused = response;
      else {
        assert.equal(response.status, 200);
        assert.ok(response.headers.get("ratelimit"), "every reply announces the limit");
        await response.arrayBuffer();
      }
    }
    assert.ok(refused, "60 calls a minute are the plan's limit");
    assert.match(refused.headers.get("retry-after") ?? "", /^\d+$/);
    assert.match(refused.headers.get("ratelimit") ?? "", /r=0/);
    assert.match(refused.headers.get("ratelimit-policy") ?? "", /q=60/);
    assert.equal((await problemOf(refused)).code, "limit.rate_exceeded");
  });

  test("every code that the gateway answered stands in docs/errors.md", async () => {
    const reference = await readFile(join(root, "docs/errors.md"), "utf8");
    for (const code of [
      "key.missing",
      "key.invalid",
      "route.not_found",
      "route.method_not_allowed",
      "limit.rate_exceeded",
    ]) {
      assert.ok(reference.includes(`\`${code}\``), code);
    }
  });

  test("the operations port tells health, readiness, metrics and the revision", async () => {
    assert.equal((await fetch(`${platform.ops}/healthz`)).status, 200);
    assert.equal((await fetch(`${platform.ops}/readyz`)).status, 200);
    assert.match(await (await fetch(`${platform.ops}/metrics`)).text(), /^# TYPE /m);
    const { revision } = (await (await fetch(`${platform.ops}/revision`)).json()) as { revision: number };
    assert.ok(revision >= 1);
  });

  test("portal, studio and the management API's document are served", async () => {
    assert.match(await (await fetch(platform.portal)).text(), /Bookshop catalogue/);
    assert.equal((await fetch(platform.studio)).status, 200);
    const document = (await (await fetch(`${platform.studio}/api/v1/openapi.json`)).json()) as { openapi: string };
    assert.match(document.openapi, /^3\.1/);
  });

  test("the owner token and the sample's key are readable by their owner only", async () => {
    for (const file of ["admin-token", "sample-key", "gateway-token"]) {
      assert.equal((await stat(join(platform.dataDir, file))).mode & 0o077, 0, file);
    }
  });

  test("the sign-in link works once", async () => {
    const token = /sign-in#token=(\S+)/.exec(platform.output())?.[1];
    assert.ok(token);
    const exchange = (): Promise<Response> =>
      fetch(`${platform.studio}/api/v1/sessions`, {
        method: "POST",
        headers: { "content-type": "application/json", origin: platform.studio },
        body: JSON.stringify({ token }),
      });
    const first = await exchange();
    assert.ok(first.ok, String(first.status));
    assert.match(first.headers.get("set-cookie") ?? "", /HttpOnly/i);
    assert.equal((await exchange()).status, 401);
  });

  test("a second start on the same data directory is refused with the reason", async () => {
    const result = await new Promise<{ code: number | string | null; stderr: string }>((resolve) =>
      execFile(
        process.execPath,
        [main, "up", "--data", platform.dataDir, "--port-base", "19000"],
        (error, _stdout, stderr) => resolve({ code: error?.code ?? 0, stderr }),
      ),
    );
    assert.equal(result.code, 1);
    assert.match(result.stderr, /in use/);
  });
});
