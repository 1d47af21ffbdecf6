import assert from "node:assert/strict";
import { BlockList, isIP } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { ipMatcher, parseIp, parseIpBlock, parseIpRange } from "./ip-address.ts";

test("every address that Node writes is read, with and without compression", () => {
  fc.assert(
    fc.property(fc.ipV6(), (text) => {
      assert.equal(parseIp(text) !== undefined, isIP(text) === 6, text);
    }),
    { interruptAfterTimeLimit: 2000, numRuns: 2000 },
  );
  fc.assert(
    fc.property(fc.ipV4(), (text) => {
      assert.deepEqual(parseIp(`::ffff:${text}`), parseIp(text));
      assert.equal(parseIp(text)?.version, 4);
    }),
    { interruptAfterTimeLimit: 1000, numRuns: 1000 },
  );
});

test("what Node does not take for an address is none here either", () => {
  const piece = fc.constantFrom(
    "1",
    "255",
    "256",
    "01",
    ".",
    ":",
    "::",
    "ffff",
    "g",
    "0",
    "10.0.0.1",
    "/",
    "%eth0",
    " ",
    "",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const text = pieces.join("");
      if (isIP(text) === 0) assert.equal(parseIp(text), undefined, text);
      else if (!text.includes("%")) assert.ok(parseIp(text), text);
    }),
    { interruptAfterTimeLimit: 3000, numRuns: 20_000 },
  );
});

test("blocks hold what Node's block list holds", () => {
  const four = fc.record({
    net: fc.ipV4(),
    bits: fc.integer({ min: 0, max: 32 }),
    ip: fc.ipV4(),
    family: fc.constant("ipv4" as const),
  });
  const six = fc.record({
    net: fc.ipV6(),
    bits: fc.integer({ min: 0, max: 128 }),
    ip: fc.ipV6(),
    family: fc.constant("ipv6" as const),
  });
  fc.assert(
    fc.property(fc.oneof(four, six), ({ net, bits, ip, family }) => {
      const block = parseIpBlock(`${net}/${bits}`);
      const [address, base] = [parseIp(ip), parseIp(net)];
      assert.ok(block && address && base);
      // Mapped addresses count as IPv4 here, which Node's list does not do for IPv6 blocks.
      if (address.version !== base.version || (family === "ipv6" && base.version === 4)) return;
      const list = new BlockList();
      list.addSubnet(net, bits, family);
      assert.equal(ipMatcher([block])(address), list.check(ip, family), `${net}/${bits} ${ip}`);
    }),
    { interruptAfterTimeLimit: 3000, numRuns: 3000 },
  );
});

test("many ranges together hold an address exactly when one of them does", () => {
  const small = fc.integer({ min: 0, max: 300 }).map((n) => `10.0.${n >> 8}.${n & 255}`);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(small, small), { maxLength: 12 }),
      fc.array(small, { maxLength: 40 }),
      (pairs, ips) => {
        const ranges = pairs
          .map(([a, b]) => parseIpRange(a, b) ?? parseIpRange(b, a))
          .filter((range) => range !== undefined);
        assert.equal(ranges.length, pairs.length);
        const holds = ipMatcher(ranges);
        for (const text of ips) {
          const ip = parseIp(text);
          assert.ok(ip);
          assert.equal(
            holds(ip),
            ranges.some((range) => ip.value >= range.first && ip.value <= range.last),
            text,
          );
        }
      },
    ),
    { interruptAfterTimeLimit: 3000, numRuns: 1500 },
  );
});

test("notations that programs read differently are refused", () => {
  for (const text of [
    "010.0.0.1",
    "10.1",
    "0x0a.0.0.1",
    "10.0.0.1.",
    "1.2.3.4.5",
    "",
    ":",
    ":::",
    "1::2::3",
    "12345::",
    "::1%lo",
    " 1.2.3.4",
    "::ffff:256.0.0.1",
  ])
    assert.equal(parseIp(text), undefined, text);
  for (const text of [
    "10.0.0.0/33",
    "10.0.0.0/",
    "10.0.0.0/08",
    "10.0.0.0/8/8",
    "::/129",
    "::/-1",
    "::ffff:10.0.0.0/95",
  ])
    assert.equal(parseIpBlock(text), undefined, text);
  assert.deepEqual(parseIpBlock("::ffff:10.0.0.0/104"), parseIpBlock("10.0.0.0/8"));
  assert.equal(parseIpRange("10.0.0.2", "10.0.0.1"), undefined);
  assert.equal(parseIpRange("10.0.0.2", "::1"), undefined);
});
