import assert from "node:assert/strict";
import { test } from "node:test";
import { observationOf } from "./observation-settings.ts";
import { settingsFrom } from "./settings.ts";

const observe = (
  file: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string>> = {},
): ReturnType<typeof observationOf> => observationOf(settingsFrom({ flag: () => undefined, env, file }), env);

test("by default failed calls keep their end, nothing is sampled and nothing is exported", () => {
  assert.deepEqual(observe({}), { explainSample: 0, explainFailures: 30 });
});

test("an endpoint makes an exporter, with its headers decoded and its defaults", () => {
  assert.deepEqual(
    observe({ "otlp-endpoint": "http://127.0.0.1:4318/", "otlp-headers": "X-Key=a%2Cb, other=1" }).otlp,
    {
      endpoint: "http://127.0.0.1:4318",
      headers: { "x-key": "a,b", other: "1" },
      sample: 0.1,
      metricsMs: 60_000,
    },
  );
});

test("OpenTelemetry's own environment counts where ours is absent", () => {
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: "https://otel.example", OTEL_EXPORTER_OTLP_HEADERS: "a=1" };
  assert.deepEqual(
    [observe({}, env).otlp?.endpoint, observe({}, env).otlp?.headers],
    ["https://otel.example", { a: "1" }],
  );
  assert.equal(observe({ "otlp-endpoint": "http://own.example" }, env).otlp?.endpoint, "http://own.example");
});

test("what is no URL, no share and no header is refused, without showing the header", () => {
  assert.throws(() => observe({ "otlp-endpoint": "grpc://x:4317" }), /grpc:\/\/x:4317/);
  assert.throws(() => observe({ "otlp-endpoint": "http://x", "otlp-sample": "1.5" }), /0 to 1/);
  assert.throws(() => observe({ "explain-sample": "-1" }), /0 to 1/);
  assert.throws(
    () => observe({ "otlp-endpoint": "http://x", "otlp-headers": "sec ret: abc" }),
    (thrown: Error) => !thrown.message.includes("abc"),
  );
});
