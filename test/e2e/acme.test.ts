import assert from "node:assert/strict";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { connect } from "node:tls";
import { getRequestListener } from "@hono/node-server";
import { testAuthority } from "../../src/base/testing-certificates.ts";
import { newHome, startTestGateway, until } from "../../src/gateway/process/testing-gateway.ts";
import { startAcmeJob } from "../../src/management/acme/acme-job.ts";
import { openTestPlatform } from "../../src/management/testing-platform.ts";
import { startAcmeServer } from "./testing-acme-server.ts";

const cleanUps: (() => Promise<void>)[] = [];
after(async () => {
  for (const cleanUp of cleanUps.reverse()) await cleanUp();
});

test("a certificate is obtained by HTTP-01 through a real gateway, served, renewed when its time comes, and a failure waits", async () => {
  const platform = await openTestPlatform();
  cleanUps.push(() => platform.close());
  const control = createServer(getRequestListener((request) => platform.management.fetch(request)));
  await new Promise<void>((resolve) => control.listen(0, "127.0.0.1", resolve));
  cleanUps.push(async () => {
    platform.management.endStreams();
    control.closeAllConnections();
    await new Promise<void>((resolve) => control.close(() => resolve()));
  });
  const { dataDir, tokenFile } = newHome(platform.gatewayToken);
  cleanUps.push(async () => rmSync(dataDir, { recursive: true, force: true }));
  writeFileSync(tokenFile, platform.gatewayToken);
  const url = `http://127.0.0.1:${(control.address() as AddressInfo).port}`;
  const gateway = await startTestGateway({ dataDir, source: { control: { url, tokenFile } }, httpsPort: 0 });
  cleanUps.push(() => gateway.stop());
  let httpPort = gateway.port;
  const authority = await testAuthority("Test ACME");
  const acme = await startAcmeServer(authority, () => httpPort);
  cleanUps.push(() => acme.close());

  // Before anything: redirects are on, and must not stand in the challenge's way.
  await platform.call("PATCH", "/settings", { tls: { redirect: true } });
  const body = {
    hosts: ["shop.example", "www.shop.example"],
    acme: { directory: acme.directory, email: "ops@shop.example", "terms-agreed": true },
  };
  const put = await platform.call("PUT", "/certificates/shop", body);
  assert.equal(put.status, 201, put.text);
  assert.match((await platform.call("GET", "/certificates/shop")).text, /has not been obtained yet/);

  // A nonce that has run out is no failure.
  acme.badNonces = 2;
  acme.validDays = 0.5 / 86_400;
  const stop = startAcmeJob({ tools: platform.management.tools, everyMs: 100, pollMs: 20 });
  cleanUps.push(stop);
  const status = () => platform.call("GET", "/certificates/shop");
  await until(status, (answer) => answer.at("status", "acme", "state") === "obtained", 20_000);
  // It has half a second to live: the next look renews it.
  acme.validDays = 90;
  await until(
    status,
    (answer) => Date.parse(String(answer.at("status", "notAfter"))) > Date.now() + 86_400_000,
    20_000,
  );
  assert.equal(acme.accounts, 1);
  const { orders } = acme;
  assert.ok(orders >= 2);

  await until(
    () => gateway.httpsPort,
    (port) => port > 0,
  );
  const served = await until(
    async () => {
      const socket = connect({
        port: gateway.httpsPort,
        host: "127.0.0.1",
        servername: "www.shop.example",
        ca: authority.certificate,
      });
      const [event] = await Promise.race([once(socket, "secureConnect").then(() => ["ok"]), once(socket, "error")]);
      const { subject } = event === "ok" ? socket.getPeerCertificate() : { subject: undefined };
      socket.destroy();
      return String(subject?.CN);
    },
    (name) => name === "shop.example",
    10_000,
  );
  assert.equal(served, "shop.example", "verified by the authority's certificate");

  // Challenges are gone when they have served.
  const left = await platform.management.tools.units.challenges(platform.management.tools.db);
  assert.deepEqual(left, {});

  // The authority cannot reach the host: said with its words, and not tried again at once.
  httpPort = (control.address() as AddressInfo).port;
  await platform.call("PUT", "/certificates/other", { ...body, hosts: ["other.example"] });
  const failed = await until(
    () => platform.call("GET", "/certificates/other"),
    (answer) => answer.at("status", "acme", "state") === "failed",
    20_000,
  );
  assert.match(failed.text, /other\.example answered 404/);
  assert.ok(Date.parse(String(failed.at("status", "acme", "nextAt"))) > Date.now() + 60_000);
  await stop();
  assert.ok(!platform.logged.join("").includes("PRIVATE KEY"));
  assert.ok(!(await platform.call("GET", "/audit")).text.includes("PRIVATE KEY"));
});
