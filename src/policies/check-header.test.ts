import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Reply } from "../exchange/reply.ts";
import { testExchange } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf } from "../exchange/testing-tools.ts";
import { checkHeader } from "./check-header.ts";

const run = (config: unknown, headers: readonly (readonly [string, string])[]): Reply | undefined => {
  const reply = buildPolicy(checkHeader, config).step(testExchange({ headers }));
  assert.ok(!(reply instanceof Promise));
  return reply ?? undefined;
};

describe("refused", () => {
  test("an absent header: 401 with a challenge unless told otherwise", () => {
    const reply = run({ name: "x-a" }, []);
    assert.deepEqual([reply?.status, reply?.problem?.code], [401, "request.header_missing"]);
    assert.deepEqual(reply?.headers, [["WWW-Authenticate", 'Header name="x-a"']]);
    const other = run(
      { name: "x-a", "failed-check-httpcode": 403, "failed-check-error-message": "Through the door." },
      [],
    );
    assert.deepEqual([other?.status, other?.problem?.detail, other?.headers], [403, "Through the door.", []]);
  });
  test("another value, another case, and a good value beside a bad one", () => {
    const config = { name: "x-a", value: ["One", "two"] };
    for (const fields of [
      [["x-a", "three"]],
      [["x-a", "one"]],
      [
        ["x-a", "One"],
        ["X-A", "three"],
      ],
      [["x-a", "One, two"]],
    ] as const)
      assert.ok(run(config, fields), JSON.stringify(fields));
  });
});

test("passes: any value where none is named, a named one, without regard to case where told, by expression", () => {
  assert.equal(run({ name: "x-a" }, [["X-A", ""]]), undefined);
  assert.equal(run({ name: "x-a", value: "One" }, [["X-A", "One"]]), undefined);
  assert.equal(run({ name: "x-a", value: "One", "ignore-case": true }, [["X-A", "oNE"]]), undefined);
  assert.equal(
    run({ name: "='x-' + 'a'", value: "=request.headers.b" }, [
      ["x-a", "1"],
      ["b", "1"],
    ]),
    undefined,
  );
});

test("mistakes are named with their path", () => {
  for (const [config, path] of [
    [{}, ".name"],
    [{ name: "a b" }, ".name"],
    [{ name: "a", "failed-check-httpcode": 99 }, ".failed-check-httpcode"],
    [{ name: "a", value: "=1 +" }, ".value[0]"],
    [{ name: "a", "ignore-case": "perhaps" }, ".ignore-case"],
  ] as const)
    assert.equal(mistakesOf(checkHeader, config)[0]?.path, path, JSON.stringify(config));
});
