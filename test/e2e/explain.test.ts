import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import { connect } from "node:http2";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import type { Explanation } from "../../src/model/explanation.ts";
import { eventually, type Platform, portico, startPlatform } from "./testing-platform.ts";

/*
 * Explain, from a signed token over the real gateway and control to the terminal.
 */

let platform: Platform;
let origin: Server;

const plantedSecret = "planted-named-secret-1";
const document = {
  openapi: "3.1.0",
  info: { title: "Orders", version: "1" },
  paths: {
    "/items/{id}": {
      get: {
        operationId: "getItem",
        parameters: [{ name: "id", in: "path", required: true, schema: { type: "string" } }],
        responses: { 200: { description: "ok" } },
      },
      post: { operationId: "postItem", responses: { 200: { description: "ok" } } },
    },
  },
};

const policy = `# the API's own rules
inbound:
  - set-header: { name: x-tenant, value: "t1" }
  - set-header: { name: x-partner, value: "{{partner-key}}" }
  - choose:
      when:
        - condition: "=request.params.id == 'refused'"
          steps:
            - return-response: { set-status: { code: 418 } }
      otherwise:
        - set-variable: { name: copied, value: "='x-api-key' in request.headers ? request.headers['x-api-key'] : ''" }
  - rate-limit: { calls: 100, window: 60s }
outbound:
  - set-header: { name: x-out, value: "yes" }
`;

before(async () => {
  origin = createServer((request, response) => {
    request.resume();
    response.setHeader("set-cookie", "session=planted-session-cookie; Path=/");
    response.end(JSON.stringify({ url: request.url, echoed: request.headers["x-partner"] }));
  });
  await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve));
  platform = await startPlatform({ args: ["--empty", "--threads", "2"] });
  const put = await platform.manage("PUT", "/named-values/partner-key", { secret: true, value: plantedSecret });
  assert.ok(put.status < 300, await put.text());
  const files = {
    "apis/orders/openapi.json": JSON.stringify(document),
    "apis/orders/api.yaml": `path: /orders\nbackend: http://127.0.0.1:${(origin.address() as AddressInfo).port}\nprotect: none\n`,
    "apis/orders/policy.yaml": policy,
  };
  const applied = await platform.manage("POST", "/bundle:apply?wait=applied&timeout=10s", {
    files: Object.entries(files).map(([path, text]) => ({ path, contentBase64: Buffer.from(text).toString("base64") })),
    owner: "orders",
  });
  assert.ok(applied.status < 300, await applied.text());
});

after(async () => {
  await platform?.stop();
  origin?.closeAllConnections();
  origin?.close();
});

const tokenFor = async (api: string, body: object = {}): Promise<string> => {
  const answer = await platform.manage("POST", `/apis/${api}/explain-tokens`, body);
  assert.equal(answer.status, 200);
  return ((await answer.json()) as { token: string }).token;
};

const explained = async (response: Response): Promise<Explanation & { gateway: string }> => {
  const id = response.headers.get("portico-explain-id");
  assert.ok(id !== null, `refused: ${response.headers.get("portico-explain-refused")}`);
  assert.equal(id, response.headers.get("x-request-id"));
  let found: Response | undefined;
  await eventually(
    async () => {
      found = await platform.manage("GET", `/requests/${id}/explain`);
      return found.status === 200;
    },
    5_000,
    "the explanation",
  );
  return (await found?.json()) as Explanation & { gateway: string };
};

const secrets = {
  "x-api-key": "planted-caller-key-1",
  authorization: "Bearer planted-bearer-token-1",
  cookie: "sid=planted-cookie-value-1",
};

test("a call with a token is explained: places with lines, branches, limits, the backend; no secret anywhere", async () => {
  const token = await tokenFor("orders");
  const response = await fetch(`${platform.gateway}/orders/items/7?access_token=planted-query-token-1&page=2`, {
    headers: { ...secrets, "portico-explain": token },
  });
  assert.equal(response.status, 200);
  const explanation = await explained(response);
  const [first, second, choose, limit, forward, out] = explanation.steps;
  assert.deepEqual(
    [first?.policy, first?.file, first?.path, first?.line, first?.scope],
    ["set-header", "apis/orders/policy.yaml", "inbound[0].set-header", 3, "api"],
  );
  assert.deepEqual(first?.changes, [{ what: "request.header", name: "x-tenant", after: "t1" }]);
  assert.equal(second?.changes[0]?.after, "[redacted]");
  assert.deepEqual(choose?.notes, [
    { name: "when[0].condition", value: false },
    { name: "branch", value: "otherwise" },
  ]);
  assert.equal(choose?.steps[0]?.policy, "set-variable");
  assert.equal(choose?.steps[0]?.line, 11);
  assert.deepEqual(
    limit?.notes.map(({ name }) => name),
    ["limit rate-limit", "remaining rate-limit"],
  );
  assert.equal(forward?.decision.kind, "forwarded");
  const [attempt] = forward?.attempts ?? [];
  assert.equal(attempt?.target, `127.0.0.1:${(origin.address() as AddressInfo).port}`);
  assert.equal(attempt?.status, 200);
  assert.ok((attempt?.replyUs ?? 0) >= (attempt?.sentUs ?? Number.POSITIVE_INFINITY));
  assert.deepEqual(out?.changes, [{ what: "reply.header", name: "x-out", after: "yes" }]);
  assert.equal(explanation.reason, "asked");
  assert.equal(explanation.request.query, "access_token=[redacted]&page=2");
  const text = JSON.stringify(explanation);
  assert.doesNotMatch(text, /planted-/);
  assert.doesNotMatch(text, new RegExp(token.slice(-40)));
});

test("rejected and unrouted calls are explained too", async () => {
  const headers = { "portico-explain": await tokenFor("orders") };
  const refused = await explained(await fetch(`${platform.gateway}/orders/items/refused`, { headers }));
  const choose = refused.steps[2];
  assert.deepEqual(choose?.notes, [
    { name: "when[0].condition", value: true },
    { name: "branch", value: "when[0]" },
  ]);
  assert.deepEqual(choose?.steps[0]?.decision, { kind: "replied", status: 418 });
  const none = await explained(await fetch(`${platform.gateway}/orders/none`, { headers }));
  assert.deepEqual([none.route.outcome, none.outcome.status], ["no-operation", 404]);
  const wrong = await explained(await fetch(`${platform.gateway}/orders/items/7`, { method: "DELETE", headers }));
  assert.deepEqual([wrong.route.outcome, wrong.outcome.status], ["wrong-method", 405]);
});

test("bodies are kept only where the token asks for them, and no more of them than it asks for", async () => {
  const call = async (token: string): Promise<Explanation> =>
    explained(
      await fetch(`${platform.gateway}/orders/items/7`, {
        method: "POST",
        headers: { "portico-explain": token },
        body: `first ${plantedSecret} ${"x".repeat(1000)}`,
      }),
    );
  const without = await call(await tokenFor("orders"));
  assert.deepEqual([without.request.body, without.reply.body], [undefined, undefined]);
  const bodies = await call(await tokenFor("orders", { bodyBytes: 64 }));
  assert.match(bodies.request.body ?? "", /^first \[redacted\] x+/);
  assert.ok((bodies.request.body ?? "").length <= 64);
  assert.match(bodies.reply.body ?? "", /^\{"url":"\/items\/7","echoed":"\[redacted\]"/);
  assert.doesNotMatch(JSON.stringify(bodies), new RegExp(plantedSecret));
});

test("a call over HTTP/2 is explained like any other", async () => {
  const session = connect(platform.gateway);
  const stream = session.request({
    ":path": "/orders/items/7",
    "portico-explain": await tokenFor("orders"),
    ...secrets,
  });
  stream.resume();
  const [head] = (await once(stream, "response")) as [IncomingHttpHeaders];
  session.close();
  const answer = new Response(null, {
    headers: {
      "portico-explain-id": String(head["portico-explain-id"]),
      "x-request-id": String(head["x-request-id"]),
    },
  });
  const explanation = await explained(answer);
  assert.equal(explanation.steps.find((step) => step.policy === "forward-request")?.attempts[0]?.status, 200);
  assert.doesNotMatch(JSON.stringify(explanation), /planted-/);
});

test("tokens are refused for an unknown API, for too long a time, and without the right", async () => {
  const ask = (api: string, body: object): Promise<Response> =>
    platform.manage("POST", `/apis/${api}/explain-tokens`, body);
  assert.equal((await ask("none", {})).status, 404);
  assert.equal((await ask("orders", { seconds: 3601 })).status, 422);
  assert.equal((await ask("orders", { bodyBytes: 16_385 })).status, 422);
  const nobody = await fetch(`${platform.studio}/api/v1/apis/orders/explain-tokens`, { method: "POST" });
  assert.equal(nobody.status, 401);
  assert.equal((await platform.manage("GET", "/requests/unknown-1/explain")).status, 404);
});

test("a call from the loopback without a token is not explained", async () => {
  const response = await fetch(`${platform.gateway}/orders/items/7`, { headers: { "portico-explain": "1" } });
  assert.equal(response.headers.get("portico-explain-id"), null);
  assert.equal(response.headers.get("portico-explain-refused"), "invalid");
});

test("`portico try --explain` calls and shows the decisions; `portico explain ID` shows them again", async () => {
  const tried = await portico(platform, ["try", "--explain", "GET", "/orders/items/7"]);
  assert.equal(tried.code, 0, tried.stderr);
  assert.match(tried.stdout, /inbound set-header: went on/);
  assert.match(tried.stdout, /apis\/orders\/policy\.yaml:3 {2}inbound\[0\]\.set-header/);
  assert.match(tried.stdout, /backend forward-request: forwarded 200/);
  const id = /request +(\S+) at/.exec(tried.stdout)?.[1] ?? "";
  const again = await portico(platform, ["explain", id]);
  assert.equal(again.code, 0, again.stderr);
  assert.equal(again.stdout, tried.stdout);
  const json = await portico(platform, ["explain", id, "--json"]);
  assert.equal((JSON.parse(json.stdout) as Explanation).id, id);
  const unknown = await portico(platform, ["explain", "no-such-1"]);
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /try --explain/);
});

test("the access log carries the trace id", async () => {
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  await fetch(`${platform.gateway}/orders/items/7`, { headers: { traceparent: `00-${traceId}-b7ad6b7169203331-00` } });
  await eventually(
    async () => {
      const { items } = (await (await platform.manage("GET", "/requests")).json()) as { items: { traceId?: string }[] };
      return items.some((item) => item.traceId === traceId);
    },
    5_000,
    "the line with the trace",
  );
});
