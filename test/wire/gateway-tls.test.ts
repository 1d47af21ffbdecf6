import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { connect } from "node:tls";
import { testCertificate } from "../../src/base/testing-certificates.ts";
import { startTestControl, type TestControl } from "../../src/gateway/process/testing-control.ts";
import { call, newHome, startTestGateway, until } from "../../src/gateway/process/testing-gateway.ts";
import { testUnit } from "../../src/gateway/testing-unit.ts";
import { tlsCertificate, tlsStateOf } from "../../src/gateway/tls/testing-tls.ts";
import { askDoor } from "./testing-door.ts";

const token = "test-token";
const first = await testCertificate("shop.example");
const second = await testCertificate("shop.example", { organization: "Renewed" });
const unit = testUnit({
  policies: {
    products: {},
    operations: {},
    api: { document: { inbound: [{ "tell-thread": {} }] }, file: "apis/orders/policy.yaml" },
  },
});

const cleanUps: (() => Promise<void>)[] = [];
after(async () => {
  for (const cleanUp of cleanUps.reverse()) await cleanUp();
});

const bundle = (load: Partial<Record<string, unknown>> = {}) => ({
  load: async () => ({ revision: 1, hash: "h", units: [unit], access: [], ...load }),
});

const newDir = () => {
  const home = newHome(token);
  cleanUps.push(async () => rmSync(home.dataDir, { recursive: true, force: true }));
  return home;
};

const subjectOf = async (port: number): Promise<string> => {
  const socket = connect({ port, host: "127.0.0.1", servername: "shop.example", rejectUnauthorized: false });
  await once(socket, "secureConnect");
  const { O } = socket.getPeerCertificate().subject;
  socket.destroy();
  return String(O ?? "");
};

describe("a certificate in files", () => {
  test("is served by every thread, its sessions are resumed by every thread, and a change is taken without a restart", async () => {
    const { dataDir } = newDir();
    const [certificate, key] = [join(dataDir, "cert.pem"), join(dataDir, "key.pem")];
    const put = (one: { certificate: string; key: string }): void => {
      writeFileSync(`${key}.new`, one.key);
      renameSync(`${key}.new`, key);
      writeFileSync(`${certificate}.new`, one.certificate);
      renameSync(`${certificate}.new`, certificate);
    };
    put(first);
    const gateway = await startTestGateway({
      dataDir,
      source: bundle(),
      httpsPort: 0,
      tlsFiles: { certificate, key, clientAuth: "none", minVersion: "1.2" },
    });
    cleanUps.push(() => gateway.stop());
    const options = { servername: "shop.example", asked: "shop.example" };
    const threads = new Set<string>();
    let { session } = await askDoor(gateway.httpsPort, options);
    let resumed = 0;
    for (let n = 0; n < 200 && threads.size < 2; n++) {
      const answer = await askDoor(gateway.httpsPort, {
        ...options,
        ...(session ? { session } : {}),
        path: "/orders/items",
      });
      threads.add(/x-thread: (\d)/i.exec(answer.text)?.[1] ?? "");
      assert.equal(answer.isResumed, true);
      resumed++;
      session = answer.session ?? session;
    }
    assert.equal(threads.size, 2);

    let isOver = false;
    let failed = 0;
    let asked = 0;
    const load = Array.from({ length: 4 }, async () => {
      while (!isOver) {
        asked++;
        await askDoor(gateway.httpsPort, { ...options, path: "/orders/items" }).catch(() => failed++);
      }
    });
    put(second);
    await until(
      () => subjectOf(gateway.httpsPort),
      (organization) => organization === "Renewed",
      10_000,
    );
    isOver = true;
    await Promise.all(load);
    assert.equal(failed, 0);
    assert.ok(asked > 10);

    writeFileSync(certificate, "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n");
    const metrics = await until(
      () => call(gateway.opsPort, "/metrics"),
      ({ body }) => body.includes("portico_certificate_problems 1"),
      10_000,
    );
    assert.match(metrics.body, /portico_certificate_expiry_timestamp_seconds\{certificate="files"\} \d{10}/);
    const counted = Number(/result="resumed"\} (\d+)/.exec(metrics.body)?.[1]);
    assert.ok(counted >= resumed, `${counted} resumed`);
    const told = await call(gateway.opsPort, "/revision");
    assert.match(told.body, /"certificateProblems":\[\{"certificate":"files"/);
    assert.doesNotMatch(metrics.body + told.body, /PRIVATE|nonsense/);
    assert.equal(await subjectOf(gateway.httpsPort), "Renewed", "the old one serves on");
  });

  test("that cannot be used stops the start", async () => {
    const { dataDir } = newDir();
    const [certificate, key] = [join(dataDir, "cert.pem"), join(dataDir, "key.pem")];
    writeFileSync(certificate, first.certificate);
    writeFileSync(key, second.key);
    const files = { certificate, key, clientAuth: "none" as const, minVersion: "1.2" as const };
    await assert.rejects(
      startTestGateway({ dataDir, source: bundle(), httpsPort: 0, tlsFiles: files }),
      /does not belong to the certificate/,
    );
    await assert.rejects(
      startTestGateway({ dataDir, source: bundle(), httpsPort: 0, tlsFiles: { ...files, key: join(dataDir, "none") } }),
      /none cannot be read \(ENOENT\)/,
    );
  });
});

describe("certificates of control", () => {
  const started = async (): Promise<{ control: TestControl; dataDir: string; tokenFile: string }> => {
    const control = await startTestControl(token);
    control.change({ orders: unit });
    return { control, ...newDir() };
  };

  test("HTTPS begins with the first one, and a gateway that starts without control serves with the last", async () => {
    const { control, dataDir, tokenFile } = await started();
    const source = { control: { url: control.url, tokenFile } };
    const gateway = await startTestGateway({ dataDir, source, httpsPort: 0 });
    assert.equal(gateway.httpsPort, 0);
    await control.applied(control.giveTls(tlsStateOf([tlsCertificate("shop.example", first)])));
    assert.ok(gateway.httpsPort > 0);
    assert.equal(await subjectOf(gateway.httpsPort), "");
    // The second is not usable: the one before serves on.
    await control.applied(
      control.giveTls(
        tlsStateOf([tlsCertificate("shop.example", { certificate: second.certificate, key: first.key })]),
      ),
    );
    assert.equal(await subjectOf(gateway.httpsPort), "");
    await control.applied(control.giveTls(tlsStateOf([tlsCertificate("shop.example", second)])));
    assert.equal(await subjectOf(gateway.httpsPort), "Renewed");
    await gateway.stop();
    await control.close();
    const file = join(dataDir, "gateway", "tls.json");
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.match(readFileSync(file, "utf8"), /PRIVATE KEY/);
    const again = await startTestGateway({ dataDir, source, httpsPort: 0 });
    cleanUps.push(() => again.stop());
    assert.equal(await subjectOf(again.httpsPort), "Renewed");
    assert.match(
      (await askDoor(again.httpsPort, { servername: "shop.example", path: "/orders/items" })).text,
      /^HTTP\/1\.1 200/,
    );
  });

  test("plain callers are sent to HTTPS where that is wanted, challenges are answered before, HSTS is said over HTTPS only", async () => {
    const { control, dataDir, tokenFile } = await started();
    cleanUps.push(() => control.close());
    const gateway = await startTestGateway({
      dataDir,
      source: { control: { url: control.url, tokenFile } },
      httpsPort: 0,
    });
    cleanUps.push(() => gateway.stop());
    const more = { redirect: true, hsts: "max-age=600; includeSubDomains" };
    assert.equal((await call(gateway.port, "/orders/items")).status, 200);
    await control.applied(control.giveTls(tlsStateOf([tlsCertificate("shop.example", first)], more)));
    const moved = await call(gateway.port, "/orders/items?a=%20b", { host: "shop.example:8080" });
    assert.equal(moved.status, 308);
    assert.equal(moved.headers.location, `https://shop.example:${gateway.httpsPort}/orders/items?a=%20b`);
    assert.equal(moved.headers["strict-transport-security"], undefined);
    control.openChallenges({ "token-1": "token-1.thumbprint" });
    const path = "/.well-known/acme-challenge/token-1";
    const answered = await until(
      () => call(gateway.port, path),
      ({ status }) => status === 200,
    );
    assert.equal(answered.body, "token-1.thumbprint");
    assert.equal((await call(gateway.port, "/.well-known/acme-challenge/other")).status, 308);
    control.openChallenges({});
    await until(
      () => call(gateway.port, path),
      ({ status }) => status === 308,
    );
    const { text } = await askDoor(gateway.httpsPort, { servername: "shop.example", path: "/orders/items" });
    assert.match(text, /^HTTP\/1\.1 200 [\s\S]*strict-transport-security: max-age=600; includeSubDomains\r\n/i);
    await control.applied(
      control.giveTls(tlsStateOf([tlsCertificate("shop.example", first)], { redirect: true, redirectPort: 443 })),
    );
    assert.equal(
      (await call(gateway.port, "/orders/items", { host: "shop.example" })).headers.location,
      "https://shop.example/orders/items",
    );
  });
});
