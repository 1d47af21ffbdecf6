import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { type Log, silentLog } from "../base/log.ts";
import { createPortalApp, type WebApp } from "./portal-app.ts";
import { testingManagement } from "./testing-management.ts";
import { ensureWebBuilt } from "./web-build.ts";

const file = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const orders = file("examples/bookshop/apis/orders/openapi.yaml");
const catalogue = file("examples/bookshop/apis/catalogue/openapi.yaml");

const management = testingManagement([
  { body: { name: "orders", title: "Bookshop orders", path: "/shop", visibility: "public" }, file: orders },
  { body: { name: "catalogue", title: "Catalogue", path: "/catalogue", protect: "none" }, file: catalogue },
  { body: { name: "inner", title: "Inner workings", path: "/inner", visibility: "signed-in" }, file: orders },
  { body: { name: "groups", title: "For groups", path: "/groups", visibility: { groups: ["staff"] } }, file: orders },
  {
    body: { name: "partly", title: "Partly hidden", path: "/partly", operations: { cancelOrder: { hidden: true } } },
    file: orders,
  },
  {
    body: {
      name: "evil",
      title: "<img src=x onerror=alert(1)>",
      description: "</title><script>alert(2)</script>",
      path: "/e",
    },
    file: orders,
  },
]);

let app: WebApp;
let webDir: string;
const appWith = (options: { readonly management?: typeof management; readonly log?: Log } = {}): Promise<WebApp> =>
  createPortalApp({ management, gatewayUrl: "http://127.0.0.1:8080", webDir, log: silentLog, ...options });

before(async () => {
  webDir = await ensureWebBuilt();
  app = await appWith();
});

const get = (path: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
  app.fetch(new Request(`http://127.0.0.1:8081${path}`, { headers }));

describe("pages", () => {
  test("the home page and the list name the public APIs and no others", async () => {
    for (const path of ["/", "/apis", "/llms.txt"]) {
      const response = await get(path);
      assert.equal(response.status, 200);
      const text = await response.text();
      assert.match(text, /Bookshop orders/);
      assert.match(text, /Catalogue/);
      assert.doesNotMatch(text, /Inner workings|For groups/);
    }
  });

  test("an operation's page has its parameters, bodies, every answer, and samples in two languages, without script", async () => {
    const text = await (await get("/apis/orders/reference/Orders/placeOrder")).text();
    assert.match(text, /<h1[^>]*>Place an order<\/h1>/);
    for (const word of ["lines", "201", "409", "422", "Location", "curl", "TypeScript"]) {
      assert.ok(text.includes(word), word);
    }
    const plain = text.replace(/<[^>]*>/g, "");
    assert.match(plain, /curl http:\/\/127\.0\.0\.1:8080\/shop\/orders/);
    assert.match(plain, /X-API-Key: YOUR_KEY/);
    assert.match(plain, /await fetch\(/);
    const titles = /<title>([^<]*)<\/title>/.exec(text)?.[1];
    assert.equal(titles, "Place an order | Orders | Bookshop orders | Developer portal");
  });

  test("an open API's samples carry no key and its form asks for none", async () => {
    const text = await (await get("/apis/catalogue")).text();
    assert.match(text, /No credential is needed/);
    assert.doesNotMatch(text, /YOUR_KEY/);
  });

  test("what a document or an API's file says is shown as text, never as markup", async () => {
    const texts = await Promise.all(
      ["/", "/apis", "/apis/evil", "/apis/evil/reference/Orders/placeOrder"].map(async (path) =>
        (await get(path)).text(),
      ),
    );
    for (const text of texts) {
      assert.doesNotMatch(text, /<img|<script>alert/);
      assert.match(text, /&lt;img/);
    }
  });

  test("a filter finds operations by path and name, on the server", async () => {
    const text = await (await get("/apis/orders?q=cancel")).text();
    assert.match(text, /1 operation matches/);
    assert.match(text, /cancelOrder/);
    assert.doesNotMatch(text, /reference\/Orders\/placeOrder/);
  });

  test("a theme that was chosen is in the page from the first byte", async () => {
    assert.match(await (await get("/", { cookie: "a=b; portico-theme=dark" })).text(), /<html[^>]*data-theme="dark"/);
    assert.doesNotMatch(await (await get("/", { cookie: 'portico-theme="><x' })).text(), /<html[^>]*data-theme=/);
  });

  test("HEAD has the headers of GET and no body", async () => {
    const response = await app.fetch(new Request("http://127.0.0.1:8081/apis", { method: "HEAD" }));
    assert.equal(response.status, 200);
    assert.ok(Number(response.headers.get("content-length")) > 1000);
    assert.equal(await response.text(), "");
  });

  test("pages are compressed for whoever takes it", async () => {
    const response = await get("/apis", { "accept-encoding": "gzip, br" });
    assert.equal(response.headers.get("content-encoding"), "gzip");
    assert.match(gunzipSync(await response.arrayBuffer()).toString(), /Bookshop orders/);
  });
});

describe("404", () => {
  const paths = [
    "/nothing",
    "/apis/nothing",
    "/apis/inner",
    "/apis/inner/reference/Orders/placeOrder",
    "/apis/inner/openapi",
    "/apis/groups",
    "/apis/orders/reference/Nothing",
    "/apis/orders/reference/Orders/nothing",
    "/apis/partly/reference/Orders/cancelOrder",
    "/apis/orders/reference/Orders/placeOrder/more",
    "/apis//orders",
    "/%ff",
    "/assets/../server.js",
    "/assets/nothing.js",
  ];
  for (const path of paths) {
    test(`${path} is a page that says so`, async () => {
      const response = await get(path);
      assert.equal(response.status, 404);
      assert.match(await response.text(), /There is no such page/);
    });
  }
});

test("405: a page that is posted to names the methods it has", async () => {
  const response = await app.fetch(new Request("http://127.0.0.1:8081/apis", { method: "POST" }));
  assert.equal(response.status, 405);
  assert.equal(response.headers.get("allow"), "GET, HEAD");
});

test("503: when the management API fails, the page says so with a request id that the log has, and nothing of the cause", async () => {
  const lines: string[] = [];
  const log: Log = { ...silentLog, error: (_, fields) => lines.push(JSON.stringify(fields)) };
  const broken = await appWith({
    management: async () => new Response("stack trace of a secret", { status: 500 }),
    log,
  });
  const response = await broken.fetch(new Request("http://127.0.0.1:8081/apis"));
  assert.equal(response.status, 503);
  const text = await response.text();
  assert.doesNotMatch(text, /secret/);
  assert.ok(lines[0]?.includes(response.headers.get("x-request-id") ?? "?"));
  assert.ok(text.includes(response.headers.get("x-request-id") ?? "?"));
});

describe("hidden operations", () => {
  test("are in no page, list or download of their API", async () => {
    for (const path of ["/apis/partly", "/apis/partly/reference/Orders", "/apis/partly/openapi", "/llms.txt"]) {
      const text = await (await get(path)).text();
      const own = path === "/llms.txt" ? (text.split("## Partly hidden")[1] ?? "") : text;
      assert.doesNotMatch(own, /cancelOrder/, path);
      assert.match(own, /placeOrder/, path);
    }
  });
});

test("the document is downloaded byte for byte", async () => {
  const response = await get("/apis/orders/openapi");
  assert.match(response.headers.get("content-disposition") ?? "", /attachment; filename="orders.yaml"/);
  assert.deepEqual(Buffer.from(await response.arrayBuffer()), readFileSync(orders));
});

describe("headers", () => {
  test("every page forbids inline code, other hosts and frames", async () => {
    for (const path of ["/", "/apis", "/apis/orders", "/nothing", "/apis/orders/openapi", "/robots.txt", "/llms.txt"]) {
      const policy = (await get(path)).headers.get("content-security-policy") ?? "";
      assert.match(policy, /default-src 'none'/, path);
      assert.match(policy, /script-src 'self'(;|$)/, path);
      assert.match(policy, /style-src 'self'(;|$)/, path);
      assert.match(policy, /frame-ancestors 'none'/, path);
      assert.doesNotMatch(policy, /unsafe|\*|http/, path);
    }
  });

  test("no page holds inline styles, inline scripts or handlers, nor loads from elsewhere", async () => {
    const paths = [
      "/",
      "/apis",
      "/apis/orders",
      "/apis/orders/reference/Orders",
      "/apis/orders/reference/Orders/getOrder",
      "/x",
    ];
    for (const path of paths) {
      const text = await (await get(path)).text();
      assert.doesNotMatch(text, /<style|\sstyle=|\son[a-z]+="|javascript:/i, path);
      assert.equal([...text.matchAll(/<script/g)].length, 1, path);
      for (const [, source] of text.matchAll(/(?:src|href)="([^"]*)"[^>]*(?:\/|>)/g)) {
        if (text.includes(`<a href="${source}"`) || source?.startsWith("data:image/svg+xml,")) continue;
        assert.ok(
          source?.startsWith("/") || source?.startsWith("#") || /rel="nofollow/.test(text),
          `${path}: ${source}`,
        );
      }
    }
  });

  test("assets are kept for a year and are what they say", async () => {
    const page = await (await get("/")).text();
    const script = /<script type="module" src="([^"]+)"/.exec(page)?.[1] ?? "";
    const style = /<link rel="stylesheet" href="([^"]+)"/.exec(page)?.[1] ?? "";
    for (const [path, type] of [
      [script, "text/javascript; charset=utf-8"],
      [style, "text/css; charset=utf-8"],
    ] as const) {
      const response = await get(path);
      assert.equal(response.status, 200);
      assert.equal(response.headers.get("content-type"), type);
      assert.match(response.headers.get("cache-control") ?? "", /immutable/);
      assert.equal(response.headers.get("x-content-type-options"), "nosniff");
    }
  });

  test("the script of a page that nobody touches is at most 15 KB compressed", async () => {
    const page = await (await get("/apis/orders/reference/Orders/placeOrder")).text();
    const scripts = [...page.matchAll(/(?:src|href)="(\/assets\/[^"]+\.js)"/g)].map((match) => match[1] ?? "");
    assert.equal(scripts.length, 1);
    let bytes = 0;
    for (const path of scripts) {
      const response = await get(path, { "accept-encoding": "gzip" });
      bytes += (await response.arrayBuffer()).byteLength;
    }
    assert.ok(bytes > 200 && bytes <= 15 * 1024, `${bytes} bytes`);
  });
});
