import assert from "node:assert/strict";
import { test } from "node:test";
import { directivesOf, freshnessSeconds, httpDateMs, initialAgeSeconds, secondsOf } from "./cache-control.ts";
import { plainHeaders } from "./headers.ts";

const nowMs = Date.UTC(2026, 0, 2, 3, 4, 5);
const date = (ms: number): string => new Date(ms).toUTCString();
const headers = (fields: Readonly<Record<string, string>>) => plainHeaders(Object.entries(fields));

test("directives: case, quotes, several fields, the first of two, and what follows a bad one", () => {
  const list = plainHeaders([
    ["cache-control", 'Max-Age=5, private="a, b", no-cache'],
    ["Cache-Control", "max-age=9 , s-maxage=7"],
  ]);
  assert.deepEqual(Object.fromEntries(directivesOf(list)), {
    "max-age": "5",
    private: "a, b",
    "no-cache": "",
    "s-maxage": "7",
  });
  assert.equal(directivesOf(headers({ "cache-control": "max-age=1=2, public" })).has("public"), true);
});

test("seconds: no number means none are left, too many mean for ever", () => {
  const of = (value: string) => secondsOf(directivesOf(headers({ "cache-control": `max-age=${value}` })), "max-age");
  assert.deepEqual([of("60"), of('"60"'), of("x"), of("-1"), of("1.5")], [60, 60, 0, 0, 0]);
  assert.equal(of("99999999999999"), 2_147_483_648);
  assert.equal(secondsOf(new Map(), "max-age"), undefined);
});

test("dates in their three forms, and nothing else", () => {
  const want = Date.UTC(1994, 10, 6, 8, 49, 37);
  for (const text of ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"])
    assert.equal(httpDateMs(text), want, text);
  for (const text of [
    "0",
    "-1",
    "1994-11-06",
    "Sun, 06 Nov 1994 08:49:37",
    "Sun, 06 Nov 1994 08:49:37 UTC",
    undefined,
  ] as const)
    assert.equal(httpDateMs(text), undefined, String(text));
});

test("freshness: what is said most precisely counts", () => {
  const none = { ttl: undefined, isForced: false };
  const table: readonly (readonly [number, Record<string, string>, number | undefined, number | undefined])[] = [
    [200, { "cache-control": "max-age=5, s-maxage=9", expires: date(nowMs + 99_000) }, undefined, 9],
    [200, { "cache-control": "max-age=5", expires: date(nowMs + 99_000) }, undefined, 5],
    [200, { date: date(nowMs), expires: date(nowMs + 30_000) }, undefined, 30],
    [200, { expires: "0" }, 60, 0],
    [200, { date: date(nowMs), "last-modified": date(nowMs - 100_000) }, undefined, 10],
    [200, { "last-modified": date(nowMs - 100_000) }, 60, 60],
    [200, {}, undefined, undefined],
    [200, {}, 60, 60],
    [302, {}, 60, undefined],
    [302, { "cache-control": "max-age=3" }, undefined, 3],
    [500, { "last-modified": date(nowMs - 100_000) }, undefined, undefined],
    [599, { "cache-control": "max-age=3" }, undefined, 3],
  ];
  for (const [status, fields, ttl, want] of table)
    assert.equal(
      freshnessSeconds({ status, headers: headers(fields) }, { ...none, ttl }, nowMs),
      want,
      JSON.stringify(fields),
    );
  const forced = { ttl: 60, isForced: true };
  assert.equal(freshnessSeconds({ status: 200, headers: headers({ "cache-control": "no-store" }) }, forced, nowMs), 60);
});

test("age: the larger of what Date and Age say, with the time that the reply took", () => {
  assert.equal(initialAgeSeconds(headers({ date: date(nowMs - 7_000) }), nowMs, nowMs), 7);
  assert.equal(initialAgeSeconds(headers({ date: date(nowMs), age: "20" }), nowMs - 2_000, nowMs), 22);
  assert.equal(initialAgeSeconds(headers({ date: date(nowMs + 9_000) }), nowMs, nowMs), 0);
  assert.equal(initialAgeSeconds(headers({ age: "abc" }), nowMs, nowMs), 0);
});
