import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import type { ClusterConfig, UpstreamTarget } from "../exchange/backend.ts";
import { compileValue } from "../expressions/value.ts";
import { backendSchema, httpBackendSchema, mockBackendSchema } from "../model/backend.ts";
import { httpBackend, httpBackendDefaults } from "./http.ts";
import { mockBackend } from "./mock.ts";

const build = (config: unknown) => {
  const targets: UpstreamTarget[] = [];
  const clusters: ClusterConfig[] = [];
  const mistakes: string[] = [];
  httpBackend.build(config, {
    at: "backends/b.yaml",
    mistake: (path, message) => mistakes.push(`${path}: ${message}`),
    upstream: (target) => {
      targets.push(target);
      return { send: () => {}, dispose: () => {} };
    },
    cluster: (cluster) => {
      clusters.push(cluster);
      return { send: () => {}, dispose: () => {} };
    },
    value: (source, type, path) =>
      compileValue(source, type, { mistake: (message) => mistakes.push(`${path}: ${message}`) }),
    mocksOf: () => [],
  });
  return { target: targets[0], cluster: clusters[0], mistakes };
};

test("the schemas of this room and of the model are the same", () => {
  assert.deepEqual(z.toJSONSchema(httpBackend.schema), z.toJSONSchema(httpBackendSchema));
  assert.deepEqual(z.toJSONSchema(mockBackend.schema), z.toJSONSchema(mockBackendSchema));
  // What JSON Schema cannot say is compared by example.
  for (const config of [
    { kind: "http", url: "http://a" },
    { kind: "http", url: "https://a:8443/base" },
    { kind: "http", url: "ftp://a" },
    { kind: "http", url: "http://u:p@a" },
    { kind: "http", url: "http://a/?q=1" },
    { kind: "http", url: "http://a/#f" },
    { kind: "http", url: "nope" },
    { kind: "http", url: "http://a", timeout: "soon" },
    { kind: "http", url: "http://a", timeout: -1 },
    { kind: "http", url: "http://a", timeout: "5s" },
    { kind: "mock", delay: "1s" },
    { kind: "mock", delay: "x" },
    { kind: "mock", nope: 1 },
  ]) {
    const own = config.kind === "mock" ? mockBackend : httpBackend;
    assert.equal(own.schema.safeParse(config).success, backendSchema.safeParse(config).success, JSON.stringify(config));
  }
});

test("silence means the defaults, and TLS verifies", () => {
  assert.deepEqual(build({ kind: "http", url: "https://a.test/base" }).target, {
    url: "https://a.test/base",
    ...httpBackendDefaults,
    preserveHost: false,
    tls: { verify: true },
    headers: [],
    query: [],
  });
});

test("everything that the file says reaches the engine", () => {
  const { target, mistakes } = build({
    kind: "http",
    url: "https://a.test",
    "connect-timeout": "1s",
    timeout: 2,
    "idle-timeout": "3s",
    "connections-max": 4,
    "pending-max": 0,
    "preserve-host": true,
    tls: { "server-name": "b.test", ca: "PEM", verify: false },
    credentials: { headers: { authorization: "Bearer s" }, query: { code: "s" } },
  });
  assert.deepEqual(mistakes, []);
  assert.deepEqual(target, {
    url: "https://a.test",
    connectTimeoutMs: 1000,
    timeoutMs: 2000,
    idleTimeoutMs: 3000,
    connectionsMax: 4,
    pendingMax: 0,
    preserveHost: true,
    tls: { serverName: "b.test", ca: "PEM", verify: false },
    headers: [["authorization", "Bearer s"]],
    query: [["code", "s"]],
  });
});

test("a version of HTTP is spoken where it can be, and nothing else is accepted", () => {
  const base = { kind: "http", url: "https://a.test" };
  assert.deepEqual(build({ ...base, protocol: "h2" }).mistakes, []);
  assert.equal(build({ ...base, protocol: "auto", "grpc-web": false }).target?.translatesGrpcWeb, false);
  assert.equal(build({ ...base, url: "http://a.test", protocol: "h2c" }).target?.protocol, "h2c");
  assert.match(build({ ...base, protocol: "h2c" }).mistakes.join(), /\.protocol/);
  assert.match(build({ ...base, url: "http://a.test", protocol: "h2" }).mistakes.join(), /\.protocol/);
  assert.match(build({ ...base, "grpc-web": true }).mistakes.join(), /\.grpc-web/);
});

test("credentials that would break the message are mistakes, without showing the secret", () => {
  const { mistakes } = build({
    kind: "http",
    url: "http://a.test",
    tls: {},
    credentials: { headers: { "content-length": "1", "a b": "x", token: "secret\r\nx: y" } },
  });
  assert.equal(mistakes.length, 4);
  assert.ok(!mistakes.join().includes("secret"));
});
