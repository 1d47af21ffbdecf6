import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect as connectPlain } from "node:net";
import { describe, test } from "node:test";
import { connect } from "node:tls";
import { testAuthority, testCertificate } from "../../src/base/testing-certificates.ts";
import { tlsCertificate, tlsStateOf } from "../../src/gateway/tls/testing-tls.ts";
import { askDoor, startDoor } from "./testing-door.ts";

const shop = await testCertificate("shop.example");
const star = await testCertificate("*.shop.example");
const other = await testCertificate("other.example");
const authority = await testAuthority("Clients");
const stranger = await testAuthority("Strangers");
const client = await testCertificate("Orders Service", {
  issuer: authority,
  organization: "Acme",
  names: ["orders.example"],
});
const expired = await testCertificate("Old", { issuer: authority, validDays: -1 });
const foreign = await testCertificate("Foreign", { issuer: stranger });
const show = ({ certificate, key }: { certificate: string; key: string }) => ({ cert: certificate, key });

const plainState = tlsStateOf([
  tlsCertificate("shop.example", shop),
  tlsCertificate("star", star, { hosts: ["*.shop.example"] }),
  tlsCertificate("other.example", other, { isDefault: true }),
]);
const mutual = (clientAuth: "required" | "optional") =>
  tlsStateOf([
    tlsCertificate("shop.example", shop, { clientAuth, clientCa: authority.certificate }),
    tlsCertificate("other.example", other),
  ]);

describe("the certificate is chosen by the server name", () => {
  const rows = [
    ["shop.example", "shop.example"],
    ["SHOP.example", "shop.example"],
    ["a.shop.example", "*.shop.example"],
    ["a.b.shop.example", "other.example"],
    ["unknown.example", "other.example"],
    [undefined, "other.example"],
  ] as const;
  for (const [servername, subject] of rows) {
    test(`${servername ?? "no name"} gets ${subject}`, async () => {
      const door = await startDoor(plainState);
      const { text } = await askDoor(door.port, servername === undefined ? {} : { servername });
      assert.match(text, /^HTTP\/1\.1 200 [\s\S]*none$/);
      const seen = connect({
        port: door.port,
        host: "127.0.0.1",
        rejectUnauthorized: false,
        ...(servername ? { servername } : {}),
      });
      await once(seen, "secureConnect");
      assert.equal(seen.getPeerCertificate().subject.CN, subject);
      seen.destroy();
      await door.close();
    });
  }
});

test("TLS 1.2 and 1.3 are spoken, 1.1 is not, and a certificate may ask for 1.3", async () => {
  const door = await startDoor(
    tlsStateOf([tlsCertificate("shop.example", shop), tlsCertificate("other.example", other, { minVersion: "1.3" })]),
  );
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    const answer = await askDoor(door.port, { servername: "shop.example", minVersion: version, maxVersion: version });
    assert.match(answer.text, /^HTTP\/1\.1 200 /);
  }
  await assert.rejects(
    askDoor(door.port, {
      servername: "shop.example",
      minVersion: "TLSv1.1",
      maxVersion: "TLSv1.1",
      ciphers: "DEFAULT@SECLEVEL=0",
    }),
  );
  await assert.rejects(askDoor(door.port, { servername: "other.example", maxVersion: "TLSv1.2" }));
  await door.close();
});

test("ALPN: HTTP/2 where the client can, with the same certificate and the same rules", async () => {
  const door = await startDoor(mutual("optional"));
  const session = connectHttp2(`https://127.0.0.1:${door.port}`, {
    servername: "shop.example",
    rejectUnauthorized: false,
    ...show(client),
  });
  const ask = async (authority: string): Promise<string> => {
    const stream = session.request({ ":path": "/", ":authority": authority });
    const [head] = await once(stream, "response");
    let text = "";
    for await (const chunk of stream) text += String(chunk);
    return `${head[":status"]} ${text}`;
  };
  assert.equal(await ask("shop.example"), "200 CN=Orders Service, O=Acme verified");
  assert.match(await ask("other.example"), /^421 /);
  session.close();
  await once(session, "close");
  await door.close();
});

test("a hello that comes byte by byte is a hello", async () => {
  const door = await startDoor(plainState);
  const raw = connectPlain({ port: door.port, host: "127.0.0.1", noDelay: true });
  await once(raw, "connect");
  const write = raw.write.bind(raw);
  const { Duplex } = await import("node:stream");
  let isFirst = true;
  const slow = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => {
      if (!isFirst) {
        write(chunk, () => done());
        return;
      }
      isFirst = false;
      const next = (at: number): void => {
        if (at >= chunk.length) done();
        else write(chunk.subarray(at, at + 7), () => setImmediate(next, at + 7));
      };
      next(0);
    },
    final: (done) => {
      raw.end();
      done();
    },
  });
  raw.on("data", (bytes) => slow.push(bytes));
  raw.on("close", () => slow.push(null));
  const socket = connect({ socket: slow, servername: "shop.example", rejectUnauthorized: false });
  await once(socket, "secureConnect");
  assert.equal(socket.getPeerCertificate().subject.CN, "shop.example");
  socket.destroy();
  raw.destroy();
  await door.close();
});

describe("who is not let in", () => {
  test("bytes that are no hello end the connection, and the next one is served", async () => {
    const door = await startDoor(plainState);
    for (const bytes of [
      Buffer.from("GET / HTTP/1.1\r\n\r\n"),
      randomBytes(200),
      Buffer.from([22, 3, 1, 0, 0]),
      Buffer.from([22, 3, 1, 0, 4, 1, 255, 255, 255]),
    ]) {
      const raw = connectPlain({ port: door.port, host: "127.0.0.1" });
      raw.on("error", () => {});
      raw.write(bytes);
      await once(raw, "close");
    }
    assert.equal(door.counters.failed, 4);
    assert.equal(door.door.inFlight, 0);
    assert.match((await askDoor(door.port, { servername: "shop.example" })).text, /200/);
    await door.close();
  });
  test("a client that says nothing is gone after the handshake's time", async () => {
    const door = await startDoor(plainState, { limits: { handshakeTimeoutMs: 50 } });
    const raw = connectPlain({ port: door.port, host: "127.0.0.1" });
    raw.on("error", () => {});
    await once(raw, "close");
    assert.equal(door.counters.failed, 1);
    await door.close();
  });
  test("handshakes above the limit are let go at once", async () => {
    const door = await startDoor(plainState, { limits: { handshakesMax: 1 } });
    const first = connectPlain({ port: door.port, host: "127.0.0.1" });
    await once(first, "connect");
    const second = connectPlain({ port: door.port, host: "127.0.0.1" });
    second.on("error", () => {});
    await once(second, "close");
    assert.equal(door.counters.refused, 1);
    first.destroy();
    await door.close();
  });
});

describe("sessions", () => {
  test("one that a thread has given is resumed by another, also after the certificate was renewed", async () => {
    const secret = randomBytes(48);
    const one = await startDoor(plainState, { secret });
    const two = await startDoor(plainState, { secret });
    const renewed = await testCertificate("shop.example");
    two.use(tlsStateOf([tlsCertificate("shop.example", renewed)]));
    for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
      const options = { servername: "shop.example", minVersion: version, maxVersion: version };
      const { session } = await askDoor(one.port, options);
      assert.ok(session);
      assert.equal((await askDoor(two.port, { ...options, session })).isResumed, true, version);
    }
    assert.equal(two.counters.resumed, 2);
    await one.close();
    await two.close();
  });
  test("one from a host without client certificates opens no host that requires them", async () => {
    const door = await startDoor(mutual("required"));
    for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
      const options = { minVersion: version, maxVersion: version };
      const { session } = await askDoor(door.port, { ...options, servername: "other.example" });
      assert.ok(session);
      await assert.rejects(askDoor(door.port, { ...options, servername: "shop.example", session }));
    }
    await door.close();
  });
  test("a resumed one shows the certificate that the first handshake showed", async () => {
    const door = await startDoor(mutual("required"));
    for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
      const options = { servername: "shop.example", minVersion: version, maxVersion: version };
      const { session } = await askDoor(door.port, { ...options, ...show(client) });
      assert.ok(session);
      const { text, isResumed } = await askDoor(door.port, { ...options, ...show(client), session });
      assert.equal(isResumed, true);
      assert.match(text, /CN=Orders Service, O=Acme verified$/);
    }
    await door.close();
  });
});

describe("client certificates", () => {
  const rows = [
    ["required", "one of the authority", client, /CN=Orders Service, O=Acme verified$/],
    ["required", "none", undefined, null],
    ["required", "an expired one", expired, null],
    ["required", "a foreign one", foreign, null],
    ["optional", "one of the authority", client, /CN=Orders Service, O=Acme verified$/],
    ["optional", "none", undefined, /none$/],
    ["optional", "an expired one", expired, /CN=Old unverified CERT_HAS_EXPIRED$/],
    ["optional", "a foreign one", foreign, /CN=Foreign unverified /],
  ] as const;
  for (const [mode, what, shown, wanted] of rows) {
    for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
      test(`${mode}: ${what} over ${version} ${wanted === null ? "is refused" : "is seen by policies"}`, async () => {
        const door = await startDoor(mutual(mode));
        const asking = askDoor(door.port, {
          servername: "shop.example",
          minVersion: version,
          maxVersion: version,
          ...(shown === undefined ? {} : show(shown)),
        });
        if (wanted === null) await assert.rejects(asking);
        else assert.match((await asking).text, wanted);
        await door.close();
      });
    }
  }
  test("a host that asks for none gets none", async () => {
    const door = await startDoor(mutual("required"));
    assert.match((await askDoor(door.port, { servername: "other.example", ...show(client) })).text, /none$/);
    await door.close();
  });
  test("421: a request for a host with other rules than the server name's", async () => {
    const door = await startDoor(mutual("required"));
    const wrong = await askDoor(door.port, { servername: "other.example", asked: "shop.example:8443" });
    assert.match(wrong.text, /^HTTP\/1\.1 421 [\s\S]*request\.misdirected/);
    const right = await askDoor(door.port, { servername: "other.example", asked: "third.example" });
    assert.match(right.text, /^HTTP\/1\.1 421 /, "the default's rules are those of shop.example");
    await door.close();
    const plain = await startDoor(plainState);
    assert.match(
      (await askDoor(plain.port, { servername: "shop.example", asked: "other.example" })).text,
      /^HTTP\/1\.1 200 /,
    );
    await plain.close();
  });
});

describe("certificates are exchanged", () => {
  test("an unusable one is reported without its text, and the old one serves on", async () => {
    const door = await startDoor(tlsStateOf([tlsCertificate("shop.example", shop)]));
    const bad = [
      { certificate: "nonsense", key: shop.key },
      { certificate: shop.certificate, key: other.key },
      { certificate: shop.certificate, key: "secret nonsense" },
    ];
    for (const one of bad) {
      const problems = door.use(tlsStateOf([tlsCertificate("shop.example", one)]));
      assert.equal(problems.length, 1);
      assert.doesNotMatch(JSON.stringify(problems), /nonsense|BEGIN/);
    }
    assert.match((await askDoor(door.port, { servername: "shop.example" })).text, /200/);
    await door.close();
  });
  test("under load no handshake and no connection breaks", async () => {
    const door = await startDoor(tlsStateOf([tlsCertificate("shop.example", shop)]));
    const states = [shop, await testCertificate("shop.example"), await testCertificate("shop.example")].map((one) =>
      tlsStateOf([tlsCertificate("shop.example", one)]),
    );
    let isOver = false;
    let swaps = 0;
    const swap = (): void => {
      const state = states[swaps++ % states.length];
      if (state) door.use(state);
      if (!isOver) setImmediate(swap);
    };
    swap();
    const clients = Array.from({ length: 8 }, async () => {
      for (let n = 0; n < 15; n++)
        assert.match((await askDoor(door.port, { servername: "shop.example" })).text, /^HTTP\/1\.1 200 /);
    });
    await Promise.all(clients);
    isOver = true;
    assert.equal(door.counters.handshakes, 120);
    assert.equal(door.counters.failed, 0);
    assert.ok(swaps > 10);
    await door.close();
  });
  test("a handshake under way when the gateway drains is served", async () => {
    const door = await startDoor(plainState);
    const raw = connectPlain({ port: door.port, host: "127.0.0.1" });
    await once(raw, "connect");
    const socket = connect({ socket: raw, servername: "shop.example", rejectUnauthorized: false });
    let text = "";
    socket.on("data", (bytes) => {
      text += String(bytes);
    });
    const drained = door.wire.drain(5_000);
    await once(socket, "secureConnect");
    socket.write("GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
    await once(socket, "close");
    assert.match(text, /^HTTP\/1\.1 200 [\s\S]*Connection: close/i);
    await drained;
    await door.close();
  });
});
