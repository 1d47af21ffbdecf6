import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import type { WebApp } from "./portal-app.ts";
import { createStudioApp } from "./studio-app.ts";
import { ensureWebBuilt } from "./web-build.ts";

let app: WebApp;

before(async () => {
  app = await createStudioApp({
    webDir: await ensureWebBuilt(),
    publicGatewayUrl: 'http://gateway.example/"><script>',
    portalUrl: "http://127.0.0.1:8081",
  });
});

const get = (path: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
  app.fetch(new Request(`http://127.0.0.1:8082${path}`, { headers }));

describe("the page", () => {
  test("is the same for every path of the application, and never kept", async () => {
    const pages = await Promise.all(
      ["/", "/apis", "/apis/orders/policies", "/sign-in?token=x"].map((path) => get(path)),
    );
    const texts = await Promise.all(pages.map((page) => page.text()));
    assert.equal(new Set(texts).size, 1);
    for (const page of pages) {
      assert.equal(page.status, 200);
      assert.equal(page.headers.get("cache-control"), "no-store");
      assert.equal(page.headers.get("referrer-policy"), "no-referrer");
    }
  });

  test("forbids inline code, other hosts and frames, and holds none of them", async () => {
    const response = await get("/apis");
    const policy = response.headers.get("content-security-policy") ?? "";
    assert.match(policy, /default-src 'none'.*script-src 'self';.*frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /unsafe/);
    const text = await response.text();
    assert.doesNotMatch(text, /<style|<script>|\sstyle=/);
    assert.doesNotMatch(text, /(src|href)="https?:/);
  });

  test("says where the gateway and the portal are, as data", async () => {
    const text = await (await get("/")).text();
    assert.match(text, /<meta name="portico-portal" content="http:\/\/127\.0\.0\.1:8081">/);
    assert.doesNotMatch(text, /"><script>/);
  });
});

test("a missing asset is a 404, not the page", async () => {
  for (const path of ["/assets/gone.js", "/favicon.ico", "/assets/..%2f..%2fportal/server.js"]) {
    assert.equal((await get(path)).status, 404, path);
  }
});

test("405: nothing is written here", async () => {
  assert.equal((await app.fetch(new Request("http://127.0.0.1:8082/", { method: "POST" }))).status, 405);
});

test("the first load is at most 300 KB compressed", async () => {
  const page = await (await get("/")).text();
  const first = [...page.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map((match) => match[1] ?? "");
  assert.ok(first.length >= 2, String(first));
  const seen = new Set<string>();
  let bytes = 0;
  const load = async (path: string): Promise<void> => {
    if (seen.has(path)) return;
    seen.add(path);
    bytes += (await (await get(path, { "accept-encoding": "gzip" })).arrayBuffer()).byteLength;
    const text = await (await get(path)).text();
    // Static imports come with the file; the page of APIs, which is the first one, is counted with them.
    const imports = [...text.matchAll(/(?:from|import)\s*["']\.\/([^"']+\.js)["']/g)].map((match) => match[1] ?? "");
    const lazy = [...text.matchAll(/["'`](?:\.\/|assets\/)(apis-page-[^"'`]+\.js)["'`]/g)].map(
      (match) => match[1] ?? "",
    );
    for (const name of [...imports, ...lazy]) await load(`/assets/${name}`);
  };
  for (const path of first) await load(path);
  assert.ok(
    [...seen].some((path) => path.includes("apis-page")),
    [...seen].join(" "),
  );
  assert.ok(bytes > 50_000 && bytes <= 300 * 1024, `${bytes} bytes`);
});
