import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { testExchange } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf } from "../exchange/testing-tools.ts";
import { ipFilter } from "./ip-filter.ts";

const isRefused = (config: unknown, clientIp: string): boolean => {
  const reply = buildPolicy(ipFilter, config).step(testExchange({ clientIp }));
  assert.ok(!(reply instanceof Promise));
  if (reply) assert.deepEqual([reply.status, reply.problem?.code], [403, "caller.address_forbidden"]);
  return reply !== undefined;
};

const lists = {
  address: ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"],
  "address-range": { from: "198.51.100.10", to: "198.51.100.20" },
};
const inside = ["10.1.2.3", "192.0.2.7", "2001:db8:ffff::1", "198.51.100.10", "198.51.100.20", "::ffff:10.1.2.3"];
const outside = ["11.0.0.0", "192.0.2.8", "2001:db9::1", "198.51.100.9", "198.51.100.21", "::ffff:11.1.2.3"];

describe("403", () => {
  test("allow: everything outside the lists", () => {
    for (const ip of outside) assert.equal(isRefused({ action: "allow", ...lists }, ip), true, ip);
    for (const ip of inside) assert.equal(isRefused({ action: "allow", ...lists }, ip), false, ip);
  });
  test("forbid: everything inside the lists", () => {
    for (const ip of inside) assert.equal(isRefused({ action: "forbid", ...lists }, ip), true, ip);
    for (const ip of outside) assert.equal(isRefused({ action: "forbid", ...lists }, ip), false, ip);
  });
  test("an address that cannot be read is refused either way", () => {
    for (const action of ["allow", "forbid"]) assert.equal(isRefused({ action, ...lists }, "unknown"), true);
  });
  test("all of IPv6 holds no IPv4", () => {
    assert.equal(isRefused({ action: "allow", address: "::/0" }, "10.0.0.1"), true);
    assert.equal(isRefused({ action: "allow", address: "::/0" }, "2001:db8::1"), false);
  });
});

test("mistakes are named with their path", () => {
  const table: readonly (readonly [unknown, RegExp])[] = [
    [{ address: "10.0.0.1" }, /^\.action/],
    [{ action: "allow" }, /^\.address at least one/],
    [{ action: "allow", address: ["10.0.0.1", "10.0.0.0/40"] }, /^\.address\[1\] neither/],
    [{ action: "allow", "address-range": [{ from: "10.0.0.2", to: "10.0.0.1" }] }, /^\.address-range\[0\]/],
    [{ action: "deny", address: "10.0.0.1" }, /^\.action/],
  ];
  for (const [config, message] of table) {
    const [first] = mistakesOf(ipFilter, config);
    assert.match(`${first?.path} ${first?.message}`, message, JSON.stringify(config));
  }
});
