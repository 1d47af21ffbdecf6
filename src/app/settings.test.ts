import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { CommandFailure } from "./cli/failure.ts";
import {
  accessLogOf,
  logLevelOf,
  portsOf,
  type SettingSources,
  type Settings,
  settingsFile,
  settingsFrom,
} from "./settings.ts";

const settings = (
  flags: Readonly<Record<string, string | boolean>>,
  env: SettingSources["env"] = {},
  file: SettingSources["file"] = {},
): Settings => settingsFrom({ flag: (name) => flags[name], env, file });
const refusal = (work: () => unknown): { readonly exit: number; readonly message: string } => {
  try {
    work();
  } catch (thrown) {
    assert.ok(thrown instanceof CommandFailure);
    return thrown.failure;
  }
  throw new assert.AssertionError({ message: "nothing was refused" });
};

test("a flag goes before the environment, and that before the file", () => {
  const [env, file] = [{ PORTICO_HOST: "env" }, { host: "file" }];
  assert.equal(settings({ host: "flag" }, env, file).text("host"), "flag");
  assert.equal(settings({}, env, file).text("host"), "env");
  assert.equal(settings({}, {}, file).text("host"), "file");
  assert.equal(settings({}).text("host"), undefined);
});

test("an empty environment variable counts as absent", () => {
  assert.equal(settings({}, { PORTICO_HOST: "" }, { host: "file" }).text("host"), "file");
});

test("a base moves all ports; a port of its own goes before it", () => {
  assert.deepEqual(portsOf(settings({})), {
    gatewayPort: 8080,
    portalPort: 8081,
    studioPort: 8082,
    opsPort: 8083,
    samplePort: 8085,
    httpsPort: 8443,
  });
  assert.deepEqual(portsOf(settings({ "port-base": "9000", "studio-port": "7000" })), {
    gatewayPort: 9000,
    portalPort: 9001,
    studioPort: 7000,
    opsPort: 9003,
    samplePort: 9005,
    httpsPort: 9004,
  });
});

test("a port that is none, or wanted twice, is refused with where it came from", () => {
  for (const text of ["0", "65536", "80a", "-1", "1.5", " 1"]) {
    const { exit, message } = refusal(() => portsOf(settings({}, { PORTICO_GATEWAY_PORT: text })));
    assert.equal(exit, 2);
    assert.match(message, /^PORTICO_GATEWAY_PORT is /);
  }
  assert.match(refusal(() => portsOf(settings({ "port-base": "65533" }))).message, /^--port-base/);
  assert.match(refusal(() => portsOf(settings({ "studio-port": "8080" }))).message, /8080 is wanted twice/);
});

test("labels are a list with commas, or a list in the file", () => {
  assert.deepEqual(settings({ labels: "internal, eu,," }).list("labels"), ["internal", "eu"]);
  assert.deepEqual(settings({}, {}, { labels: ["a", "b"] }).list("labels"), ["a", "b"]);
});

test("switches, levels and places have closed sets", () => {
  assert.equal(settings({ empty: true }).isOn("empty"), true);
  assert.equal(settings({}, { PORTICO_EMPTY: "0" }).isOn("empty"), false);
  assert.match(refusal(() => settings({}, { PORTICO_EMPTY: "yes" }).isOn("empty")).message, /PORTICO_EMPTY is 'yes'/);
  assert.equal(logLevelOf(settings({})), "info");
  assert.match(refusal(() => logLevelOf(settings({ "log-level": "loud" }))).message, /'loud' is unknown/);
  assert.equal(accessLogOf(settings({}), "file"), "file");
  assert.match(refusal(() => accessLogOf(settings({ "access-log": "moon" }), "file")).message, /cannot go to 'moon'/);
});

test("the database's URL comes from the environment only", () => {
  assert.equal(settings({}, { DATABASE_URL: "postgres://db" }).text("database-url"), "postgres://db");
  assert.equal(settings({}, {}, { "database-url": "postgres://db" }).text("database-url"), undefined);
});

test("settings of portico.yaml are read; its mistakes are refused with their lines", async () => {
  const directory = await mkdtemp(join(tmpdir(), "portico-settings-"));
  try {
    assert.deepEqual(await settingsFile(directory), {});
    await writeFile(join(directory, "portico.yaml"), "workspace: a\nsettings:\n  gateway-port: 9000\n");
    assert.deepEqual(await settingsFile(directory), { "gateway-port": 9000 });
    await writeFile(join(directory, "portico.yaml"), "settings:\n  gatway-port: 9000\n  threads: many\n");
    await assert.rejects(settingsFile(directory), (thrown: unknown) => {
      assert.ok(thrown instanceof CommandFailure);
      assert.deepEqual(
        thrown.failure.findings.map(({ line, path }) => [line, path]),
        [
          [2, "settings.gatway-port"],
          [3, "settings.threads"],
        ],
      );
      return true;
    });
  } finally {
    await rm(directory, { recursive: true });
  }
});
