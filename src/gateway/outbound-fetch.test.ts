import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { outboundFetch } from "./outbound-fetch.ts";

const server = createServer((request, response) => {
  if (request.url === "/redirect") response.writeHead(302, { location: "/plain" }).end();
  else if (request.url === "/slow") setTimeout(() => response.end("late"), 5000).unref();
  else if (request.url === "/big") response.end(Buffer.alloc(100_000));
  else response.writeHead(200, { "x-method": request.method ?? "" }).end("plain");
});
let url = "";
before(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => {
  server.closeAllConnections();
  server.close();
});

const bounds = { timeoutMs: 2000, bytesMax: 10_000 };

test("an answer comes whole with its status and headers", async () => {
  const answer = await outboundFetch(`${url}/plain`, { ...bounds, method: "POST", body: "x" });
  assert.deepEqual(
    [answer.status, answer.headers.get("x-method"), Buffer.from(answer.body).toString()],
    [200, "POST", "plain"],
  );
});

test("a redirect is an answer, not an order", async () => {
  assert.equal((await outboundFetch(`${url}/redirect`, bounds)).status, 302);
});

test("an answer above its bound, or behind its time, is refused", async () => {
  await assert.rejects(outboundFetch(`${url}/big`, bounds), /too large/);
  await assert.rejects(outboundFetch(`${url}/slow`, { ...bounds, timeoutMs: 50 }), /time/i);
});
