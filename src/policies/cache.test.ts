import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { manualClock } from "../base/clock.ts";
import { plainHeaders } from "../exchange/headers.ts";
import type { Reply } from "../exchange/reply.ts";
import { type TestExchange, testExchange, textOf } from "../exchange/testing-exchange.ts";
import { testStore } from "../exchange/testing-store.ts";
import { buildPolicy, mistakesOf, testTools } from "../exchange/testing-tools.ts";
import { cache } from "./cache.ts";

type Fields = Readonly<Record<string, string>>;
interface Asked {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Fields;
}
interface Answer {
  readonly status?: number;
  readonly headers?: Fields;
  readonly body?: string;
}
interface Got {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  readonly isFromStore: boolean;
  readonly x: TestExchange;
}

/** A cache with its clock, and a backend that answers what the test says. */
const caching = (config: object = {}) => {
  const clock = manualClock(Date.UTC(2026, 0, 2, 3, 4, 5));
  const store = testStore();
  const { step } = buildPolicy(cache, config, testTools({ clock, store }));
  let asked = 0;
  const ask = async (request: Asked = {}, answer: Answer | "fails" = {}): Promise<Got> => {
    const x = testExchange({ method: "GET", path: "/books", ...request });
    const early = await step(x);
    let reply: Reply | undefined = early ?? undefined;
    if (reply === undefined) {
      asked += 1;
      if (answer === "fails") reply = x.rescue() ?? { status: 502, headers: [], body: null };
      else {
        x.setReply({
          status: answer.status ?? 200,
          headers: Object.entries({ date: new Date(clock.nowMs()).toUTCString(), ...answer.headers }),
          body: answer.body ?? `answer ${asked}`,
        });
        await x.runReplySteps();
      }
    }
    if (reply !== undefined) x.setReply(reply);
    x.finish();
    const { status = 0, headers, body } = x.reply ?? {};
    return {
      status,
      headers: new Map((headers?.entries() ?? []).map(([name, value]) => [name.toLowerCase(), value])),
      body: await textOf(body?.content ?? null),
      isFromStore: early !== undefined,
      x,
    };
  };
  return { ask, clock, store, step, asked: () => asked };
};

const fresh = { headers: { "cache-control": "max-age=60" } };

describe("kept and answered", () => {
  test("a reply is answered again while it is fresh, with its age", async () => {
    const { ask, clock } = caching();
    const first = await ask({}, fresh);
    assert.equal(first.headers.get("cache-status"), "portico; fwd=uri-miss; stored");
    clock.advance(30_000);
    const second = await ask();
    assert.deepEqual([second.body, second.headers.get("age"), second.isFromStore], ["answer 1", "30", true]);
    assert.equal(second.headers.get("cache-status"), "portico; hit; ttl=30");
    clock.advance(30_000);
    assert.equal((await ask()).body, "answer 2");
  });

  test("replies that say nothing are kept for the policy's ttl", async () => {
    const { ask } = caching({ ttl: "30s" });
    await ask();
    assert.equal((await ask()).isFromStore, true);
    const without = caching();
    await without.ask();
    assert.equal((await without.ask()).isFromStore, false);
  });

  test("URL, host, API and `key` separate replies", async () => {
    const { ask } = caching({ ttl: 60, key: "=request.headers[?'x-sub'].orValue('')" });
    await ask({ path: "/books?a=1" });
    assert.equal((await ask({ path: "/books?a=1" })).isFromStore, true);
    assert.equal((await ask({ path: "/books?a=2" })).isFromStore, false);
    assert.equal((await ask({ path: "/books?a=1", headers: { "x-sub": "s" } })).isFromStore, false);
    assert.equal((await ask({ path: "/books?a=1", headers: { host: "other" } })).isFromStore, true);
  });

  test("HEAD is answered from what GET has brought", async () => {
    const { ask } = caching({ ttl: 60 });
    await ask();
    assert.equal((await ask({ method: "HEAD" })).isFromStore, true);
    const other = caching({ ttl: 60 });
    await other.ask({ method: "HEAD" });
    assert.equal((await other.ask()).isFromStore, false);
  });

  test("a body whose length is unknown is kept when it has passed", async () => {
    const { ask, store, step, clock } = caching({ ttl: 60 });
    async function* parts(): AsyncGenerator<Uint8Array> {
      yield Buffer.from("a");
      yield Buffer.from("b");
    }
    const x = testExchange({ path: "/books" });
    await step(x);
    x.setReply({ status: 200, headers: [["date", new Date(clock.nowMs()).toUTCString()]], body: parts() });
    await x.runReplySteps();
    assert.equal(store.keys().length, 0);
    assert.equal(await textOf(x.reply?.body.content ?? null), "ab");
    assert.equal((await ask()).body, "ab");
  });
});

describe("not kept", () => {
  for (const [name, request, answer] of [
    ["no-store", {}, { "cache-control": "no-store, max-age=60" }],
    ["private", {}, { "cache-control": "private, max-age=60" }],
    ["Vary: *", {}, { "cache-control": "max-age=60", vary: "*" }],
    ["Set-Cookie", {}, { "cache-control": "max-age=60", "set-cookie": "a=b" }],
    ["Authorization", { authorization: "Bearer x" }, { "cache-control": "max-age=60" }],
    ["the request's no-store", { "cache-control": "no-store" }, { "cache-control": "max-age=60" }],
    ["max-age=0", {}, { "cache-control": "max-age=0" }],
    ["an age over the lifetime", {}, { "cache-control": "max-age=60", age: "61" }],
  ] as const)
    test(`${name}`, async () => {
      const { ask } = caching();
      await ask({ headers: request }, { headers: answer });
      assert.equal((await ask({ headers: request }, { headers: answer })).isFromStore, false);
    });

  test("206 and 304, and bodies over the limit", async () => {
    for (const answer of [
      { ...fresh, status: 206 },
      { ...fresh, status: 304, body: "" },
      { ...fresh, body: "x".repeat(101) },
    ]) {
      const { ask } = caching({ "max-size": 100 });
      await ask({}, answer);
      assert.equal((await ask({}, answer)).isFromStore, false);
    }
  });

  test("unless `override` says so", async () => {
    const { ask } = caching({ ttl: 60, override: true });
    const answer = { headers: { "cache-control": "no-store", "set-cookie": "a=b" } };
    await ask({ headers: { authorization: "Bearer x" } }, answer);
    assert.equal((await ask({ headers: { authorization: "Bearer x" } })).isFromStore, true);
  });

  test("what was asked for with Authorization is kept where the reply is public", async () => {
    const { ask } = caching();
    await ask({ headers: { authorization: "Bearer x" } }, { headers: { "cache-control": "public, max-age=60" } });
    assert.equal((await ask()).isFromStore, true);
  });
});

describe("Vary", () => {
  const answer = { headers: { "cache-control": "max-age=60", vary: "Accept-Language, x-a" } };
  test("each value has its reply, and whitespace makes no value", async () => {
    const { ask } = caching();
    await ask({ headers: { "accept-language": "de, en" } }, answer);
    await ask({ headers: { "accept-language": "fr" } }, answer);
    assert.equal((await ask({ headers: { "accept-language": "de,en" } })).body, "answer 1");
    assert.equal((await ask({ headers: { "accept-language": "fr" } })).body, "answer 2");
    assert.equal((await ask({ headers: { "accept-language": "fr", "x-a": "1" } }, answer)).isFromStore, false);
    assert.equal((await ask({}, answer)).isFromStore, false);
  });

  test("a reply that varies by other fields makes older ones unreachable", async () => {
    const { ask, clock } = caching();
    await ask({ headers: { "accept-language": "de" } }, answer);
    clock.advance(61_000);
    await ask({ headers: { "accept-language": "fr" } }, { headers: { "cache-control": "max-age=60", vary: "x-b" } });
    assert.equal((await ask({ headers: { "accept-language": "de" } })).body, "answer 2");
  });
});

describe("the request's directives", () => {
  test("no-cache, Pragma, max-age, min-fresh ask the backend; only-if-cached never does", async () => {
    for (const [directive, isFromStore] of [
      ["no-cache", false],
      ["max-age=10", false],
      ["max-age=40", true],
      ["min-fresh=50", false],
      ["min-fresh=10", true],
    ] as const) {
      const { ask, clock } = caching();
      await ask({}, fresh);
      clock.advance(20_000);
      assert.equal((await ask({ headers: { "cache-control": directive } }, fresh)).isFromStore, isFromStore, directive);
    }
    const { ask, asked } = caching();
    assert.equal((await ask({ headers: { "cache-control": "only-if-cached" } })).status, 504);
    assert.equal(asked(), 0);
    await ask({}, fresh);
    assert.equal((await ask({ headers: { pragma: "no-cache" } }, fresh)).isFromStore, false);
  });

  test("max-stale takes what is no longer fresh, unless it must be revalidated", async () => {
    const stale = async (control: string, asked: string) => {
      const { ask, clock } = caching();
      await ask({}, { headers: { "cache-control": control, etag: '"1"' } });
      clock.advance(70_000);
      return (await ask({ headers: { "cache-control": asked } })).isFromStore;
    };
    assert.equal(await stale("max-age=60", "max-stale=20"), true);
    assert.equal(await stale("max-age=60", "max-stale"), true);
    assert.equal(await stale("max-age=60", "max-stale=5"), false);
    assert.equal(await stale("max-age=60, must-revalidate", "max-stale=20"), false);
  });

  test("do not count where the policy says so", async () => {
    const { ask } = caching({ "request-directives": false });
    await ask({}, fresh);
    assert.equal((await ask({ headers: { "cache-control": "no-cache" } })).isFromStore, true);
  });
});

describe("revalidation", () => {
  const answer = {
    headers: { "cache-control": "max-age=60", etag: '"1"', "last-modified": "Sun, 06 Nov 1994 08:49:37 GMT" },
  };
  test("a 304 makes the stored reply fresh again", async () => {
    const { ask, clock } = caching();
    await ask({}, answer);
    clock.advance(61_000);
    const second = await ask({}, { status: 304, body: "", headers: { "cache-control": "max-age=90", "x-new": "1" } });
    assert.deepEqual([second.status, second.body, second.headers.get("x-new")], [200, "answer 1", "1"]);
    assert.equal(second.x.request.headers.get("if-none-match"), '"1"');
    assert.equal(second.headers.get("cache-status"), "portico; fwd=stale; fwd-status=304");
    clock.advance(80_000);
    assert.equal((await ask()).body, "answer 1");
  });

  test("another reply takes its place", async () => {
    const { ask, clock } = caching();
    await ask({}, answer);
    clock.advance(61_000);
    await ask({}, answer);
    assert.equal((await ask()).body, "answer 2");
  });

  test("no-cache in the reply asks each time", async () => {
    const { ask } = caching();
    await ask({}, { headers: { "cache-control": "no-cache", etag: '"1"' } });
    const second = await ask({}, { status: 304, body: "" });
    assert.deepEqual([second.body, second.status, second.isFromStore], ["answer 1", 200, false]);
  });

  test("the client's own condition is answered from the store", async () => {
    const { ask } = caching();
    await ask({}, answer);
    for (const condition of [
      { "if-none-match": '"0", W/"1"' },
      { "if-none-match": "*" },
      { "if-modified-since": "Mon, 07 Nov 1994 08:49:37 GMT" },
    ] as const)
      assert.deepEqual([(await ask({ headers: condition })).status], [304], JSON.stringify(condition));
    for (const condition of [
      { "if-none-match": '"0"', "if-modified-since": "Mon, 07 Nov 1994 08:49:37 GMT" },
      { "if-modified-since": "Sat, 05 Nov 1994 08:49:37 GMT" },
    ] as const)
      assert.equal((await ask({ headers: condition })).status, 200, JSON.stringify(condition));
  });

  test("a client whose condition holds after revalidation gets 304, not the whole", async () => {
    const { ask, clock } = caching();
    await ask({}, answer);
    clock.advance(61_000);
    const second = await ask({ headers: { "if-none-match": '"1"' } }, { status: 304, body: "" });
    assert.equal(second.status, 304);
  });

  test("a 304 to the client's own condition on a miss is the client's", async () => {
    const { ask } = caching();
    const got = await ask(
      { headers: { "if-none-match": '"x"' } },
      { status: 304, body: "", headers: { "cache-control": "max-age=60" } },
    );
    assert.equal(got.status, 304);
    assert.equal((await ask({}, fresh)).isFromStore, false);
  });
});

describe("stale", () => {
  test("stands in for a backend that fails or answers 5xx, where that is allowed", async () => {
    for (const [config, control, isServed] of [
      [{}, "max-age=60, stale-if-error=100", true],
      [{ "stale-if-error": "100s" }, "max-age=60", true],
      [{ "stale-if-error": "5s" }, "max-age=60", false],
      [{ "stale-if-error": "100s" }, "max-age=60, must-revalidate", false],
      [{}, "max-age=60", false],
    ] as const) {
      for (const failure of ["fails", { status: 503 }] as const) {
        const { ask, clock } = caching(config);
        await ask({}, { headers: { "cache-control": control, etag: '"1"' } });
        clock.advance(70_000);
        const got = await ask({}, failure);
        assert.equal(got.body === "answer 1", isServed, `${control} ${JSON.stringify(config)}`);
        if (isServed) assert.match(got.headers.get("cache-status") ?? "", /stale-if-error/);
      }
    }
  });

  test("is answered while the backend is asked beside the call, once", async () => {
    const { ask, clock, step } = caching({ "stale-while-revalidate": "30s" });
    await ask({}, fresh);
    clock.advance(70_000);
    const asked: ((
      reply: { status: number; headers: ReturnType<typeof plainHeaders>; body: Uint8Array } | null,
    ) => void)[] = [];
    const stale = async () => {
      const x = testExchange({ path: "/books" });
      x.besideAsker = (_x, _bounds, then) => asked.push(then);
      return step(x);
    };
    const [first, second] = [await stale(), await stale()];
    assert.equal(Buffer.from(first?.body as Uint8Array).toString(), "answer 1");
    assert.match(new Map(first?.headers).get("cache-status") ?? "", /^portico; hit; ttl=-10$/);
    assert.equal(second?.status, 200);
    assert.equal(asked.length, 1);
    const headers = plainHeaders([["cache-control", "max-age=60"]]);
    asked[0]?.({ status: 200, headers, body: Buffer.from("newer") });
    assert.equal((await ask()).body, "newer");
  });
});

describe("invalidation", () => {
  test("an unsafe method that succeeds, also by Location of the same host", async () => {
    for (const [path, headers, isGone] of [
      ["/books", {}, true],
      ["/orders", { location: "/books" }, true],
      ["/orders", { "content-location": "http://api.example.test/books" }, true],
      ["/orders", { location: "http://other.test/books" }, false],
      ["/orders", {}, false],
    ] as const) {
      const { ask } = caching({ ttl: 60 });
      await ask();
      await ask({ method: "POST", path }, { status: 201, headers });
      assert.equal((await ask()).isFromStore, !isGone, `${path} ${JSON.stringify(headers)}`);
    }
    const { ask } = caching({ ttl: 60 });
    await ask();
    await ask({ method: "DELETE" }, { status: 404 });
    assert.equal((await ask()).isFromStore, true);
  });

  test("purging a tag", async () => {
    const { ask, store, clock } = caching({ ttl: 60, tags: ["all"] });
    await ask({}, { headers: { "cache-tag": "books, shop" } });
    clock.advance(1);
    for (const tag of ["shop", "all"]) {
      store.purge(tag, clock.nowMs());
      clock.advance(1);
      assert.equal((await ask({}, { headers: { "cache-tag": "books, shop" } })).isFromStore, false, tag);
      clock.advance(1);
      assert.equal((await ask()).isFromStore, true, tag);
    }
  });
});

describe("ranges", () => {
  test("one range of a stored reply is answered from it, with a strong If-Range only", async () => {
    const { ask } = caching();
    await ask({}, { ...fresh, body: "0123456789", headers: { ...fresh.headers, etag: '"1"' } });
    const part = async (headers: Fields) => {
      const got = await ask({ headers });
      return [got.status, got.body, got.headers.get("content-range")];
    };
    assert.deepEqual(await part({ range: "bytes=2-4" }), [206, "234", "bytes 2-4/10"]);
    assert.deepEqual(await part({ range: "bytes=-3" }), [206, "789", "bytes 7-9/10"]);
    assert.deepEqual(await part({ range: "bytes=8-" }), [206, "89", "bytes 8-9/10"]);
    assert.deepEqual(await part({ range: "bytes=2-4", "if-range": '"1"' }), [206, "234", "bytes 2-4/10"]);
    for (const headers of [
      { range: "bytes=2-4", "if-range": '"2"' },
      { range: "bytes=2-4", "if-range": 'W/"1"' },
      { range: "bytes=0-1,3-4" },
      { range: "bytes=20-" },
      { range: "items=1-2" },
    ])
      assert.deepEqual(await part(headers), [200, "0123456789", undefined], JSON.stringify(headers));
  });
});

describe("collapsing", () => {
  test("of calls that miss at once one goes to the backend, the others get its reply", async () => {
    const { step } = caching({ ttl: 60 });
    const leader = testExchange({ path: "/books" });
    assert.equal(await step(leader), undefined);
    const followers = [1, 2, 3].map(() => step(testExchange({ path: "/books" })));
    leader.setReply({ status: 200, headers: [], body: "once" });
    await leader.runReplySteps();
    for (const reply of await Promise.all(followers))
      assert.equal(Buffer.from(reply?.body as Uint8Array).toString(), "once");
  });

  test("when the first brings nothing that may be kept, or breaks off, the others go themselves", async () => {
    for (const end of ["private", "aborted"] as const) {
      const { step } = caching({ ttl: 60 });
      const leader = testExchange({ path: "/books" });
      await step(leader);
      const follower = step(testExchange({ path: "/books" }));
      if (end === "private") {
        leader.setReply({ status: 200, headers: [["cache-control", "private"]], body: "mine" });
        await leader.runReplySteps();
      } else leader.finish({ isAborted: true });
      assert.equal(await follower, undefined);
    }
  });
});

test("mistakes are named with their path", () => {
  const table: readonly (readonly [unknown, RegExp])[] = [
    [{ ttl: "soon" }, /^\.ttl/],
    [{ override: true }, /^\.ttl `override` needs/],
    [{ key: "=nope" }, /^\.key\[0\] expression/],
    [{ "max-size": 0 }, /^\.max-size/],
  ];
  for (const [config, message] of table) {
    const [first] = mistakesOf(cache, config);
    assert.match(`${first?.path} ${first?.message}`, message, JSON.stringify(config));
  }
});
