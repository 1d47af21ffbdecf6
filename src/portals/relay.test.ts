import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { silentLog } from "../base/log.ts";
import { openCatalogue } from "./catalogue.ts";
import { openRelay, type Relay, type RelayLimits, relayLimits } from "./relay.ts";
import { testingManagement } from "./testing-management.ts";

const orders = fileURLToPath(new URL("../../examples/bookshop/apis/orders/openapi.yaml", import.meta.url));
const catalogue = openCatalogue(
  testingManagement([
    { body: { name: "orders", path: "/shop", operations: { cancelOrder: { hidden: true } } }, file: orders },
    { body: { name: "secret", path: "/secret", visibility: "signed-in" }, file: orders },
    { body: { name: "hosted", path: "/hosted", hosts: ["*.example.com", "api.example.com"] }, file: orders },
  ]),
);
const portal = "http://127.0.0.1:9";

/** A real server in the gateway's place, that sees what the relay sends. */
const gateway = async (t: TestContext, listener: RequestListener): Promise<string> => {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

const relayTo = (gatewayUrl: string, limits: Partial<RelayLimits> = {}): Relay =>
  openRelay({ catalogue, gatewayUrl, log: silentLog, limits: { ...relayLimits, ...limits } });

const asked = (body: unknown, headers: Readonly<Record<string, string>> = {}, signal?: AbortSignal): Request =>
  new Request(`${portal}/relay/x/y`, {
    method: "POST",
    headers: { "content-type": "application/json", origin: portal, host: "127.0.0.1:9", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
    ...(signal === undefined ? {} : { signal }),
  });

const bodyText = async (message: IncomingMessage): Promise<string> => {
  let text = "";
  for await (const chunk of message) text += String(chunk);
  return text;
};

const codeOf = async (response: Response): Promise<string> => {
  const problem: unknown = await response.json();
  return problem !== null && typeof problem === "object" && "code" in problem ? String(problem.code) : "";
};

const noGateway = "http://127.0.0.1:1";

describe("403", () => {
  const cases = {
    "from a page of another origin": { origin: "http://evil.example" },
    "from the same host on another port": { origin: "http://127.0.0.1:8082" },
    "without any word of its origin": { origin: "" },
    "that the browser says is cross-site": { "sec-fetch-site": "cross-site" },
    "that the browser says is same-site but not same-origin": { "sec-fetch-site": "same-site" },
    "of an opaque origin": { origin: "null" },
  };
  for (const [name, headers] of Object.entries(cases)) {
    test(`a request ${name} is refused`, async () => {
      const request = asked({}, headers);
      if (headers && "origin" in headers && headers.origin === "") request.headers.delete("origin");
      const response = await relayTo(noGateway)(request, "orders", "listOrders", "r");
      assert.equal(response.status, 403);
      assert.equal(await codeOf(response), "relay.origin_refused");
    });
  }
});

test("415: a type that a plain form can send is refused", async () => {
  const response = await relayTo(noGateway)(asked("{}", { "content-type": "text/plain" }), "orders", "listOrders", "r");
  assert.equal(response.status, 415);
});

describe("400", () => {
  for (const body of ["", "[]", "{", '{"host":"evil.example"}', '{"query":{"a":{}}}']) {
    test(`instructions ${body || "of nothing"} are refused`, async () => {
      const response = await relayTo(noGateway)(asked(body), "orders", "listOrders", "r");
      assert.equal(response.status, 400);
      assert.equal(await codeOf(response), "relay.instructions_invalid");
    });
  }

  test("a dot segment as a path parameter is refused before anything is called", async () => {
    const request = asked({ pathParams: { orderId: ".." } });
    const response = await relayTo(noGateway)(request, "orders", "getOrder", "r");
    assert.equal(response.status, 400);
    assert.equal(await codeOf(response), "relay.path_refused");
  });
});

test("413: more instructions than the limit are refused, also without a length", async () => {
  const big = "x".repeat(1024 * 1024);
  const response = await relayTo(noGateway)(asked({ body: big }), "orders", "placeOrder", "r");
  assert.equal(response.status, 413);
});

describe("404", () => {
  const cases = [
    ["an API that is not there", "nothing", "listOrders"],
    ["an API that the visitor may not see", "secret", "listOrders"],
    ["an operation that is not there", "orders", "nothing"],
    ["an operation that is hidden", "orders", "cancelOrder"],
  ] as const;
  for (const [name, api, operation] of cases) {
    test(`${name} cannot be called`, async () => {
      const response = await relayTo(noGateway)(asked({}), api, operation, "r");
      assert.equal(response.status, 404);
    });
  }
});

test("502: a gateway that is not there is told as such, without its address", async () => {
  const response = await relayTo(noGateway)(asked({}), "orders", "listOrders", "r");
  assert.equal(response.status, 502);
  const text = await response.text();
  assert.doesNotMatch(text, /127\.0\.0\.1|ECONNREFUSED/);
});

test("504: a gateway that does not begin its answer in time", async (t) => {
  const url = await gateway(t, () => {});
  const response = await relayTo(url, { headTimeoutMs: 50 })(asked({}), "orders", "listOrders", "r");
  assert.equal(response.status, 504);
});

test("503: more calls at once than the limit are refused, and a finished one makes room", async (t) => {
  const arrived = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const url = await gateway(t, (_, response) => {
    arrived.resolve();
    void go.promise.then(() => response.end("done"));
  });
  const relay = relayTo(url, { callsMax: 1 });
  const first = relay(asked({}), "orders", "listOrders", "r");
  await arrived.promise;
  assert.equal((await relay(asked({}), "orders", "listOrders", "r")).status, 503);
  go.resolve();
  assert.equal(await (await first).text(), "done");
  const third = await relay(asked({}), "orders", "listOrders", "r");
  assert.equal(third.status, 200);
  await third.text();
});

describe("200", () => {
  test("the call goes to the registry's path with the key, and the answer comes back in its envelope", async (t) => {
    const seen: { url?: string; method?: string; headers?: IncomingMessage["headers"]; body?: string } = {};
    const url = await gateway(t, async (request, response) => {
      Object.assign(seen, { url: request.url, method: request.method, headers: request.headers });
      seen.body = await bodyText(request);
      response.writeHead(201, "Made", { "content-type": "text/html", "set-cookie": "a=b", location: "/orders/1" });
      response.end("<script>alert(1)</script>");
    });
    const request = asked(
      {
        query: { dry: "1" },
        headers: { "content-type": "application/json", "x-tenant": "t", cookie: "stolen=1", host: "evil.example" },
        body: '{"lines":[]}',
      },
      { cookie: "portico-session=secret", "x-portico-key": "ptk_mine" },
    );
    const response = await relayTo(url)(request, "orders", "placeOrder", "the-request");
    assert.equal(response.status, 200);
    assert.equal(seen.url, "/shop/orders?dry=1");
    assert.equal(seen.method, "POST");
    assert.equal(seen.body, '{"lines":[]}');
    assert.equal(seen.headers?.["x-api-key"], "ptk_mine");
    assert.equal(seen.headers?.["x-tenant"], "t");
    assert.equal(seen.headers?.cookie, undefined);
    assert.equal(seen.headers?.host, new URL(url).host);
    assert.equal(seen.headers?.["x-portico-key"], undefined);

    assert.equal(response.headers.get("x-relay-status"), "201");
    assert.equal(decodeURIComponent(response.headers.get("x-relay-status-text") ?? ""), "Made");
    // HTML of a backend must never become a page of the portal's origin.
    assert.equal(response.headers.get("content-type"), "application/octet-stream");
    assert.match(response.headers.get("content-security-policy") ?? "", /sandbox/);
    assert.equal(response.headers.get("set-cookie"), null);
    const fields: unknown = JSON.parse(decodeURIComponent(response.headers.get("x-relay-headers") ?? ""));
    assert.ok(Array.isArray(fields));
    const names = fields.map((field: unknown) => (Array.isArray(field) ? String(field[0]).toLowerCase() : ""));
    assert.ok(names.includes("location"));
    assert.ok(!names.includes("set-cookie"));
    assert.equal(await response.text(), "<script>alert(1)</script>");
  });

  test("an API that answers to a host is called with the first that is one", async (t) => {
    const url = await gateway(t, (request, response) => response.end(request.headers.host));
    const response = await relayTo(url)(asked({}), "hosted", "listOrders", "r");
    assert.equal(await response.text(), "api.example.com");
  });

  test("events arrive one by one, before the answer has ended", async (t) => {
    const end = Promise.withResolvers<void>();
    const url = await gateway(t, (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: 1\n\n");
      void end.promise.then(() => response.end("data: 2\n\n"));
    });
    const response = await relayTo(url)(asked({}), "orders", "listOrders", "r");
    const reader = response.body?.getReader();
    const first = await reader?.read();
    assert.equal(new TextDecoder().decode(first?.value), "data: 1\n\n");
    end.resolve();
    const second = await reader?.read();
    assert.equal(new TextDecoder().decode(second?.value), "data: 2\n\n");
    assert.equal((await reader?.read())?.done, true);
  });

  test("a page that goes away ends the call at the gateway", async (t) => {
    const closed = Promise.withResolvers<void>();
    const url = await gateway(t, (request, response) => {
      request.once("close", () => closed.resolve());
      response.once("close", () => closed.resolve());
      response.writeHead(200);
      response.write("first");
    });
    const response = await relayTo(url)(asked({}), "orders", "listOrders", "r");
    await response.body?.cancel();
    await closed.promise;
  });

  test("a signal that aborts before the answer ends the call", async (t) => {
    const arrived = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<void>();
    const url = await gateway(t, (_, response) => {
      response.once("close", () => closed.resolve());
      arrived.resolve();
    });
    const aborting = new AbortController();
    const response = relayTo(url)(asked({}, {}, aborting.signal), "orders", "listOrders", "r");
    await arrived.promise;
    aborting.abort();
    await closed.promise;
    assert.equal((await response).status, 502);
  });

  test("an answer beyond the limit breaks off rather than filling the memory", async (t) => {
    const url = await gateway(t, (_, response) => response.end(Buffer.alloc(300_000)));
    const response = await relayTo(url, { answerBytesMax: 100_000 })(asked({}), "orders", "listOrders", "r");
    await assert.rejects(response.arrayBuffer());
  });

  test("an answer that the gateway breaks off is told as broken, not as whole", async (t) => {
    const url = await gateway(t, (_, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("half");
      setImmediate(() => response.destroy());
    });
    const response = await relayTo(url)(asked({}), "orders", "listOrders", "r");
    await assert.rejects(response.text());
  });

  test("a redirect is shown, not followed", async (t) => {
    const url = await gateway(t, (_, response) => response.writeHead(302, { location: "http://127.0.0.1:1/" }).end());
    const response = await relayTo(url)(asked({}), "orders", "listOrders", "r");
    assert.equal(response.headers.get("x-relay-status"), "302");
  });
});
