import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import { systemClock } from "../../src/base/clock.ts";
import { testAuthority, testCertificate } from "../../src/base/testing-certificates.ts";
import { tlsCertificate, tlsStateOf } from "../../src/gateway/tls/testing-tls.ts";
import { createTlsDoor } from "../../src/gateway/tls/tls-door.ts";
import type { Lookup } from "../../src/gateway/upstream/resolver.ts";
import { Wheel } from "../../src/gateway/wire/wheel.ts";
import { ask, nodeSession } from "../h2/testing-h2.ts";
import { answering, okReply, startOrigin, startTestWire } from "./testing-wire.ts";

const get = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
const lookupOf =
  (...addresses: readonly string[]): Lookup =>
  async () => ({ addresses: addresses.map((address) => ({ address, family: 4 })), ttlMs: 60_000 });

test("the next address is tried where the first refuses", async () => {
  const origin = await startOrigin(answering(okReply()));
  // Nothing listens on the port at the other loopback addresses: the origin is bound to one.
  const gateway = await startTestWire({
    target: { url: `http://backend.example:${origin.port}` },
    upstreams: { lookup: lookupOf("127.0.0.2", "127.0.0.3", "127.0.0.1") },
  });
  for (let at = 0; at < 4; at++) assert.match(await gateway.ask(get), /^HTTP\/1\.1 200 /);
  assert.match(origin.text, /\r\nHost: backend\.example:\d+\r\n/);
  await gateway.close();
  await origin.close();
});

test("no address that accepts is 502, a name that does not exist too", async () => {
  for (const lookup of [lookupOf("127.0.0.2", "127.0.0.3"), async () => Promise.reject(new Error("ENOTFOUND"))]) {
    const gateway = await startTestWire({ target: { url: "http://backend.example:1" }, upstreams: { lookup } });
    assert.match(await gateway.ask(get), /^HTTP\/1\.1 502 [\s\S]*backend\.unreachable/);
    await gateway.close();
  }
});

test("a name server that does not answer in time is 504", async () => {
  const gateway = await startTestWire({
    target: { url: "http://backend.example", connectTimeoutMs: 100 },
    upstreams: { lookup: () => new Promise(() => {}) },
  });
  assert.match(await gateway.ask(get), /^HTTP\/1\.1 504 [\s\S]*backend\.connect_timeout/);
  await gateway.close();
});

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;
const skip = hasOpenssl ? false : "openssl, which makes the certificate, is not installed";

let directory = "";
before(() => {
  if (!hasOpenssl) return;
  directory = mkdtempSync(join(tmpdir(), "portico-wire-"));
  execFileSync(
    "openssl",
    [
      ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=backend.example".split(
        " ",
      ),
      ...["-addext", "subjectAltName=DNS:backend.example"],
      ...["-keyout", join(directory, "key.pem"), "-out", join(directory, "cert.pem")],
    ],
    { stdio: "ignore" },
  );
});
after(() => {
  if (directory !== "") rmSync(directory, { recursive: true });
});

test("TLS to a backend: verified against its name and CA, with SNI; refused otherwise; tolerated where told", {
  skip,
}, async () => {
  const tls = {
    key: readFileSync(join(directory, "key.pem"), "utf8"),
    cert: readFileSync(join(directory, "cert.pem"), "utf8"),
  };
  const names: unknown[] = [];
  const server = createTlsServer(tls, (socket) => {
    names.push(socket.servername);
    socket.on("error", () => {});
    socket.on("data", () => socket.write(okReply("secret")));
  });
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = address !== null && typeof address !== "string" ? address.port : 0;
  const ask = async (host: string, options: { ca?: string; verify: boolean; serverName?: string }): Promise<string> => {
    const gateway = await startTestWire({
      target: { url: `https://${host}:${port}`, tls: options },
      upstreams: { lookup: lookupOf("127.0.0.1") },
    });
    const client = await gateway.connect();
    // Twice: the second call uses the same connection.
    client.send(get.replace("Connection: close\r\n", ""));
    await client.until((text) => /secret$|backend\.unreachable/.test(text));
    client.send(get);
    const text = await client.whole();
    await gateway.close();
    return text;
  };
  assert.equal((await ask("backend.example", { ca: tls.cert, verify: true })).match(/secret/g)?.length, 2);
  assert.deepEqual(names, ["backend.example"]);
  assert.match(await ask("backend.example", { verify: true }), /^HTTP\/1\.1 502 [\s\S]*backend\.unreachable/);
  assert.match(await ask("other.example", { ca: tls.cert, verify: true }), /^HTTP\/1\.1 502 /);
  assert.match(await ask("other.example", { ca: tls.cert, verify: true, serverName: "backend.example" }), /secret/);
  assert.match(await ask("other.example", { verify: false }), /secret/);
  server.close();
});

test("TLS to a backend: the gateway shows its own certificate where the backend asks, and resumes sessions", async () => {
  const authority = await testAuthority("Gateways");
  const backend = await testCertificate("backend.example");
  const own = await testCertificate("gateway", { issuer: authority });
  const seen: string[] = [];
  const server = createTlsServer(
    {
      key: backend.key,
      cert: backend.certificate,
      ca: authority.certificate,
      requestCert: true,
      rejectUnauthorized: true,
    },
    (socket) => {
      seen.push(`${socket.getPeerCertificate().subject?.CN} ${socket.isSessionReused() ? "resumed" : "full"}`);
      socket.on("error", () => {});
      socket.on("data", () => socket.end(okReply("secret", "Connection: close\r\n")));
    },
  );
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = address !== null && typeof address !== "string" ? address.port : 0;
  const ask = async (tls: { clientCertificate?: string; clientKey?: string }, times: number): Promise<string> => {
    const gateway = await startTestWire({
      target: { url: `https://backend.example:${port}`, tls: { ca: backend.certificate, verify: true, ...tls } },
      upstreams: { lookup: lookupOf("127.0.0.1") },
    });
    let text = "";
    for (let n = 0; n < times; n++) {
      const client = await gateway.connect();
      client.send(get);
      text = await client.whole();
    }
    await gateway.close();
    return text;
  };
  assert.match(await ask({ clientCertificate: own.certificate, clientKey: own.key }, 2), /secret$/);
  assert.deepEqual(seen, ["gateway full", "gateway resumed"]);
  assert.match(await ask({}, 1), /^HTTP\/1\.1 502 /);
  server.close();
});

test("TLS from clients: the same engine, scheme https", { skip }, async () => {
  const origin = await startOrigin(answering(okReply()));
  const gateway = await startTestWire({ origin });
  const wheel = new Wheel(systemClock);
  const door = createTlsDoor({ wheel, counters: new Uint32Array(4) });
  const certified = {
    key: readFileSync(join(directory, "key.pem"), "utf8"),
    certificate: readFileSync(join(directory, "cert.pem"), "utf8"),
  };
  door.use(tlsStateOf([tlsCertificate("backend.example", certified)]), new Uint8Array(48));
  const { port } = await gateway.wire.listen({ port: 0, tls: door });
  const client = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false, ALPNProtocols: ["http/1.1"] });
  await once(client, "secureConnect");
  assert.equal(client.alpnProtocol, "http/1.1");
  let text = "";
  client.on("data", (bytes) => {
    text += String(bytes);
  });
  client.write(get);
  await once(client, "close");
  assert.match(text, /^HTTP\/1\.1 200 [\s\S]*hello$/);
  assert.match(origin.text, /X-Forwarded-Proto: https\r\n/);
  await gateway.close();
  wheel.close();
  await origin.close();
});

test("TLS from clients: HTTP/2 where ALPN agrees on it", { skip }, async () => {
  const origin = await startOrigin(answering(okReply()));
  const gateway = await startTestWire({ origin });
  const wheel = new Wheel(systemClock);
  const door = createTlsDoor({ wheel, counters: new Uint32Array(4) });
  const certified = {
    key: readFileSync(join(directory, "key.pem"), "utf8"),
    certificate: readFileSync(join(directory, "cert.pem"), "utf8"),
  };
  door.use(tlsStateOf([tlsCertificate("backend.example", certified)]), new Uint8Array(48));
  const { port } = await gateway.wire.listen({ port: 0, tls: door });
  const session = nodeSession(port, { rejectUnauthorized: false }, "https");
  const reply = await ask(session, { ":path": "/a" });
  assert.equal(session.alpnProtocol, "h2");
  assert.equal(reply.headers[":status"], 200);
  assert.equal(reply.body, "hello");
  assert.match(origin.text, /X-Forwarded-Proto: https\r\n/);
  assert.match(origin.text, /Via: 2 portico\r\n/);
  session.destroy();
  await gateway.close();
  wheel.close();
  await origin.close();
});
