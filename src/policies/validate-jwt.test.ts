import assert from "node:assert/strict";
import { createHmac, generateKeyPairSync, type KeyObject } from "node:crypto";
import { describe, test } from "node:test";
import { CompactEncrypt, SignJWT, UnsecuredJWT } from "jose";
import { callerOf } from "../exchange/exchange.ts";
import type { FetchedReply } from "../exchange/policy.ts";
import type { Reply } from "../exchange/reply.ts";
import { type TestExchange, testExchange } from "../exchange/testing-exchange.ts";
import { buildPolicy, mistakesOf, type TestTools, testTools } from "../exchange/testing-tools.ts";
import { validateJwt } from "./validate-jwt.ts";

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const otherRsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const ed = generateKeyPairSync("ed25519");
const secret = Buffer.alloc(32, 7);
const pem = (key: KeyObject): string => String(key.export({ type: "spki", format: "pem" }));
const jwkOf = (key: KeyObject, kid: string, more = {}) => ({
  ...key.export({ format: "jwk" }),
  kid,
  use: "sig",
  ...more,
});

const clockStart = 1_750_000_000;
interface Make {
  readonly claims?: Record<string, unknown>;
  readonly header?: Record<string, unknown>;
  readonly key?: KeyObject | Uint8Array;
  readonly expires?: number | null;
}
const token = ({
  claims = {},
  header = {},
  key = rsa.privateKey,
  expires = clockStart + 300,
}: Make = {}): Promise<string> => {
  const jwt = new SignJWT({ sub: "u1", iss: "https://issuer", aud: "orders", ...claims }).setProtectedHeader({
    alg: "RS256",
    ...header,
  });
  if (expires !== null) jwt.setExpirationTime(expires);
  return jwt.sign(key);
};

const inline = { "issuer-signing-keys": pem(rsa.publicKey) };
const run = async (
  config: unknown,
  bearer: string | undefined,
  tools: TestTools = testTools(),
): Promise<{ x: TestExchange; reply: Reply | undefined }> => {
  const x = testExchange({ headers: bearer === undefined ? {} : { authorization: bearer } });
  const reply = await buildPolicy(validateJwt, config, tools).step(x);
  return { x, reply: reply ?? undefined };
};
const codeOf = async (config: unknown, jwt: string, tools?: TestTools): Promise<string | undefined> =>
  (await run(config, `Bearer ${jwt}`, tools)).reply?.problem?.code;
const challengeOf = (reply: Reply | undefined): string | undefined =>
  reply?.headers.find(([name]) => name === "WWW-Authenticate")?.[1];

/** An issuer whose key set can be changed and made to fail, with a count of the fetches. */
const issuer = (keys: readonly unknown[], more: Record<string, unknown> = {}) => {
  const state = { keys, fails: false, fetches: [] as string[], issuer: "https://issuer" };
  const reply = (value: unknown): FetchedReply => ({
    status: 200,
    headers: new Map(),
    body: new TextEncoder().encode(JSON.stringify(value)),
  });
  const tools = testTools({
    fetch: async (url) => {
      state.fetches.push(url);
      if (state.fails) throw new Error("connect ECONNREFUSED");
      return url.endsWith("openid")
        ? reply({ issuer: state.issuer, jwks_uri: "https://issuer/keys", ...more })
        : reply({ keys: state.keys });
    },
  });
  return { state, tools };
};

describe("401", () => {
  test("no token, another scheme and an empty one are missing; the challenge says Bearer", async () => {
    for (const bearer of [undefined, "Basic dTpw", "", "Bearer"]) {
      const { reply } = await run(inline, bearer);
      assert.deepEqual(
        [reply?.status, reply?.problem?.code, challengeOf(reply)],
        [401, "token.missing", "Bearer"],
        String(bearer),
      );
    }
  });

  test("what is no signed token is refused with a reason, never with the token", async () => {
    const good = await token();
    const [head = "", body = "", signature = ""] = good.split(".");
    const table: readonly (readonly [string, RegExp])[] = [
      ["x", /not a JSON Web Token/],
      ["a.b.c", /not a JSON Web Token/],
      [`${head}.${body}`, /not a JSON Web Token/],
      [`${head}.${body}.`, /signature|checked/],
      [`${head}.${body}.${signature.slice(0, -4)}AAAA`, /signature is wrong/],
      [`${head}.${Buffer.from('{"sub":"root"}').toString("base64url")}.${signature}`, /signature is wrong/],
      [await token({ key: otherRsa.privateKey }), /signature is wrong/],
      ["a".repeat(20_000), /too long/],
      [`${Buffer.from("[]").toString("base64url")}.${body}.${signature}`, /names no algorithm/],
    ];
    for (const [jwt, reason] of table) {
      const { reply } = await run(inline, `Bearer ${jwt}`);
      assert.equal(reply?.problem?.code, "token.invalid", jwt.slice(0, 50));
      assert.match(reply?.problem?.detail ?? "", reason);
      assert.match(challengeOf(reply) ?? "", /^Bearer error="invalid_token", error_description="[^"]*"$/);
      assert.ok(!JSON.stringify(reply).includes(signature));
    }
  });

  test("time: expired, not yet valid, without end; the skew forgives", async () => {
    assert.match(
      (await run(inline, `Bearer ${await token({ expires: clockStart - 1 })}`)).reply?.problem?.detail ?? "",
      /expired/,
    );
    const early = await token({ claims: { nbf: clockStart + 20 } });
    assert.match((await run(inline, `Bearer ${early}`)).reply?.problem?.detail ?? "", /not valid yet/);
    assert.equal(await codeOf({ ...inline, "clock-skew": 30 }, early), undefined);
    assert.equal(await codeOf({ ...inline, "clock-skew": 30 }, await token({ expires: clockStart - 20 })), undefined);
    const endless = await token({ expires: null });
    assert.equal(await codeOf(inline, endless), "token.invalid");
    assert.equal(await codeOf({ ...inline, "require-expiration-time": false }, endless), undefined);
  });

  test("issuer and audience must be among the accepted", async () => {
    const jwt = await token();
    assert.equal(await codeOf({ ...inline, issuers: ["https://other"] }, jwt), "token.invalid");
    assert.equal(await codeOf({ ...inline, audiences: { audience: ["other"] } }, jwt), "token.invalid");
    assert.equal(
      await codeOf({ ...inline, issuers: { issuer: "https://issuer" }, audiences: ["x", "orders"] }, jwt),
      undefined,
    );
    assert.equal(
      await codeOf({ ...inline, audiences: "orders" }, await token({ claims: { aud: ["a", "orders"] } })),
      undefined,
    );
    assert.equal(
      await codeOf({ ...inline, audiences: "orders" }, await token({ claims: { aud: undefined } })),
      "token.invalid",
    );
  });

  test("status and text are the configured ones", async () => {
    const config = { ...inline, "failed-validation-httpcode": 418, "failed-validation-error-message": "No." };
    for (const bearer of [undefined, "Bearer x"]) {
      const { reply } = await run(config, bearer);
      assert.deepEqual([reply?.status, reply?.problem?.detail], [418, "No."]);
    }
  });
});

describe("attacks (RFC 8725)", () => {
  test("`none` in any spelling is refused", async () => {
    const unsecured = new UnsecuredJWT({ sub: "root" }).setExpirationTime(clockStart + 60).encode();
    assert.equal(await codeOf(inline, unsecured), "token.invalid");
    for (const alg of ["None", "NONE", "nOnE", ""]) {
      const head = Buffer.from(JSON.stringify({ alg })).toString("base64url");
      assert.equal(await codeOf(inline, `${head}.${unsecured.split(".")[1]}.`), "token.invalid", alg);
    }
    assert.equal(await codeOf({ "require-signed-tokens": false }, unsecured), undefined);
    // Even then a token that says it is signed must be.
    assert.equal(
      await codeOf({ ...inline, "require-signed-tokens": false }, await token({ key: otherRsa.privateKey })),
      "token.invalid",
    );
  });

  test("a public key is never taken for a secret", async () => {
    const head = Buffer.from('{"alg":"HS256","typ":"JWT"}').toString("base64url");
    const body = Buffer.from(`{"sub":"root","exp":${clockStart + 60}}`).toString("base64url");
    for (const key of [
      pem(rsa.publicKey),
      pem(rsa.publicKey).trim(),
      rsa.publicKey.export({ type: "spki", format: "der" }),
    ]) {
      const signature = createHmac("sha256", key).update(`${head}.${body}`).digest("base64url");
      assert.equal(await codeOf(inline, `${head}.${body}.${signature}`), "token.invalid");
      assert.equal(
        await codeOf({ ...inline, algorithms: ["RS256", "HS256"] }, `${head}.${body}.${signature}`),
        "token.invalid",
      );
    }
  });

  test("a key that the token brings along, or points to, counts for nothing", async () => {
    const jwk = otherRsa.publicKey.export({ format: "jwk" });
    for (const header of [
      { jwk },
      { jku: "https://evil/keys" },
      { x5u: "https://evil/cert" },
      { kid: "../../dev/null" },
    ])
      assert.equal(
        await codeOf(inline, await token({ header, key: otherRsa.privateKey })),
        "token.invalid",
        JSON.stringify(header).slice(0, 40),
      );
  });

  test("critical extensions, unencoded payloads and encryption are refused", async () => {
    const head = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
    assert.equal(await codeOf(inline, `${head({ alg: "RS256", crit: ["exp"], exp: 1 })}.e30.AAAA`), "token.invalid");
    assert.equal(await codeOf(inline, `${head({ alg: "RS256", b64: false })}.e30.AAAA`), "token.invalid");
    const jwe = await new CompactEncrypt(new TextEncoder().encode("{}"))
      .setProtectedHeader({ alg: "dir", enc: "A256GCM" })
      .encrypt(secret);
    const { reply } = await run(inline, `Bearer ${jwe}`);
    assert.match(reply?.problem?.detail ?? "", /encrypted/);
  });

  test("only accepted algorithms, and each only with a key of its kind", async () => {
    const ps = await token({ header: { alg: "PS256" } });
    assert.equal(await codeOf(inline, ps), undefined);
    assert.equal(await codeOf({ ...inline, algorithms: ["RS256"] }, ps), "token.invalid");
    assert.equal(await codeOf(inline, await token({ header: { alg: "ES256" }, key: ec.privateKey })), "token.invalid");
  });

  test("a key vouches only for its own issuer", async () => {
    const reply = (value: unknown): FetchedReply => ({
      status: 200,
      headers: new Map(),
      body: new TextEncoder().encode(JSON.stringify(value)),
    });
    const make = () =>
      testTools({
        fetch: async (url) => {
          const name = new URL(url).host;
          if (url.endsWith("/openid")) return reply({ issuer: `https://${name}`, jwks_uri: `https://${name}/keys` });
          return reply({ keys: [jwkOf(name === "a" ? rsa.publicKey : otherRsa.publicKey, `key-${name}`)] });
        },
      });
    const config = { "openid-config": ["https://a/openid", "https://b/openid"] };
    const of = (iss: string, key: KeyObject, kid: string) => token({ claims: { iss }, key, header: { kid } });
    for (const more of [{}, { issuers: ["https://a", "https://b"] }]) {
      assert.equal(
        await codeOf({ ...config, ...more }, await of("https://a", rsa.privateKey, "key-a"), make()),
        undefined,
      );
      assert.equal(
        await codeOf({ ...config, ...more }, await of("https://b", rsa.privateKey, "key-a"), make()),
        "token.invalid",
      );
      assert.equal(
        await codeOf({ ...config, ...more }, await of("https://c", rsa.privateKey, "key-a"), make()),
        "token.invalid",
      );
    }
  });

  test("a key set cannot bring secrets, and a private key in it is used as a public one only", async () => {
    const jwt = await token({ header: { alg: "HS256", kid: "s" }, key: secret });
    const { tools } = issuer([{ kty: "oct", k: secret.toString("base64url"), kid: "s" }, jwkOf(rsa.publicKey, "r")]);
    assert.equal(await codeOf({ "jwks-url": "https://issuer/keys" }, jwt, tools), "token.invalid");
    const withPrivate = issuer([jwkOf(rsa.privateKey, "r")]);
    assert.equal(
      await codeOf({ "jwks-url": "https://issuer/keys" }, await token({ header: { kid: "r" } }), withPrivate.tools),
      undefined,
    );
  });
});

describe("403", () => {
  test("required claims: all, any, lists in a text, absent", async () => {
    const jwt = await token({ claims: { scp: "read write", roles: ["a", "b"], level: 3, flag: true } });
    const table: readonly (readonly [unknown, boolean])[] = [
      [{ name: "roles", value: ["a", "b"] }, true],
      [{ name: "roles", value: ["a", "c"] }, false],
      [{ name: "roles", match: "any", value: ["c", "b"] }, true],
      [{ name: "roles", match: "any", value: ["c"] }, false],
      [{ name: "scp", value: "read write" }, true],
      [{ name: "scp", value: "read" }, false],
      [{ name: "scp", separator: " ", value: "read" }, true],
      [{ name: "level", value: 3 }, true],
      [{ name: "flag", value: "true" }, true],
      [{ name: "level" }, true],
      [{ name: "nope" }, false],
      [{ name: "constructor" }, false],
      [{ claim: [{ name: "level" }, { name: "nope" }] }, false],
    ];
    for (const [claims, passes] of table) {
      const { reply } = await run({ ...inline, "required-claims": claims }, `Bearer ${jwt}`);
      assert.equal(reply?.problem?.code, passes ? undefined : "token.claims_insufficient", JSON.stringify(claims));
      if (!passes) assert.equal(reply?.status, 403);
      if (!passes) assert.match(challengeOf(reply) ?? "", /insufficient_scope/);
    }
  });
  test("a configured status stands for claims too", async () => {
    const config = { ...inline, "required-claims": { name: "nope" }, "failed-validation-httpcode": 401 };
    assert.equal((await run(config, `Bearer ${await token()}`)).reply?.status, 401);
  });
});

describe("keys behind URLs", () => {
  const config = { "openid-config": "https://issuer/openid", audiences: "orders" };
  test("are fetched with the first token, shared, and refreshed after an hour without waiting", async () => {
    const { state, tools } = issuer([jwkOf(rsa.publicKey, "k1")]);
    const jwt = await token({ header: { kid: "k1" }, expires: clockStart + 100_000 });
    assert.equal(await codeOf(config, jwt, tools), undefined);
    assert.equal(await codeOf({ ...config, "clock-skew": 1 }, jwt, tools), undefined);
    assert.deepEqual(state.fetches, ["https://issuer/openid", "https://issuer/keys"]);
    tools.clock.advance(3_599_000);
    assert.equal(await codeOf(config, jwt, tools), undefined);
    assert.equal(state.fetches.length, 2);
    tools.clock.advance(1_000);
    assert.equal(await codeOf(config, jwt, tools), undefined);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(state.fetches.length, 4);
  });

  test("a rotated key is found at once, but callers cannot make us fetch more than once in five minutes", async () => {
    const { state, tools } = issuer([jwkOf(rsa.publicKey, "k1")]);
    assert.equal(await codeOf(config, await token({ header: { kid: "k1" } }), tools), undefined);
    tools.clock.advance(20_000);
    state.keys = [jwkOf(ec.publicKey, "k2")];
    const fresh = await token({ header: { kid: "k2", alg: "ES256" }, key: ec.privateKey });
    assert.equal(await codeOf(config, fresh, tools), undefined);
    const fetches = state.fetches.length;
    for (let i = 0; i < 5; i++) {
      assert.equal(await codeOf(config, await token({ header: { kid: `unknown-${i}` } }), tools), "token.invalid");
      tools.clock.advance(30_000);
    }
    assert.equal(state.fetches.length, fetches);
    tools.clock.advance(300_000);
    assert.equal(
      await codeOf(config, await token({ header: { kid: "unknown" }, expires: clockStart + 9999 }), tools),
      "token.invalid",
    );
    assert.equal(state.fetches.length, fetches + 2);
  });

  test("a token verified with a key that was withdrawn is refused, although it was remembered", async () => {
    const { state, tools } = issuer([jwkOf(rsa.publicKey, "k1")]);
    const jwt = await token({ header: { kid: "k1" }, expires: clockStart + 100_000 });
    assert.equal(await codeOf(config, jwt, tools), undefined);
    state.keys = [jwkOf(otherRsa.publicKey, "k2")];
    tools.clock.advance(3_600_000);
    await run(config, `Bearer ${jwt}`, tools);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(await codeOf(config, jwt, tools), "token.invalid");
  });

  test("503 while there are no keys at all; old ones serve a day when they cannot be refreshed", async () => {
    const { state, tools } = issuer([jwkOf(rsa.publicKey, "k1")]);
    state.fails = true;
    const jwt = await token({ header: { kid: "k1" }, expires: clockStart + 1_000_000 });
    const { reply } = await run(config, `Bearer ${jwt}`, tools);
    assert.deepEqual([reply?.status, reply?.problem?.code], [503, "token.keys_unavailable"]);
    assert.match(JSON.stringify(tools.lines), /could not be fetched/);
    // Failures are not repeated for every call.
    await run(config, `Bearer ${jwt}`, tools);
    assert.equal(state.fetches.length, 1);
    state.fails = false;
    tools.clock.advance(10_000);
    assert.equal(await codeOf(config, jwt, tools), undefined);
    state.fails = true;
    for (let hours = 0; hours < 23; hours++) {
      tools.clock.advance(3_600_000);
      assert.equal(await codeOf(config, jwt, tools), undefined, String(hours));
      await new Promise((resolve) => setImmediate(resolve));
    }
    tools.clock.advance(3_600_000);
    assert.equal(await codeOf(config, jwt, tools), "token.keys_unavailable");
  });

  test("documents that are wrong, or lead from TLS to none, give no keys", async () => {
    const jwt = await token({ header: { kid: "k1" } });
    const keys = [jwkOf(rsa.publicKey, "k1")];
    for (const more of [
      { jwks_uri: "http://issuer/keys" },
      { jwks_uri: "file:///etc/passwd" },
      { jwks_uri: 7 },
      { issuer: undefined },
    ])
      assert.equal(await codeOf(config, jwt, issuer(keys, more).tools), "token.keys_unavailable", JSON.stringify(more));
    for (const bad of [[], ["x"], [{ kty: "RSA" }], [jwkOf(rsa.publicKey, "k1", { use: "enc" })]])
      assert.equal(
        await codeOf(config, jwt, issuer(bad).tools),
        "token.keys_unavailable",
        JSON.stringify(bad).slice(0, 60),
      );
    // One bad key does not spoil the others.
    assert.equal(await codeOf(config, jwt, issuer([{ kty: "odd" }, ...keys]).tools), undefined);
  });
});

describe("passes", () => {
  test("the caller is known by subject and claims; what a key said stays; the variable tells the rest", async () => {
    const tools = testTools();
    const policy = buildPolicy(validateJwt, { ...inline, "output-token-variable-name": "jwt" }, tools);
    const headers = { authorization: `bearer ${await token({ claims: { role: "x" } })}` };
    const x = testExchange({ headers, caller: callerOf({ kind: "key", subscription: "s1" }) });
    assert.equal(await policy.step(x), undefined);
    assert.deepEqual(
      [x.caller?.kind, x.caller?.subscription, x.caller?.subject, x.caller?.claims.role],
      ["key", "s1", "u1", "x"],
    );
    assert.deepEqual(x.variables.get("jwt"), {
      header: { alg: "RS256" },
      claims: { sub: "u1", iss: "https://issuer", aud: "orders", role: "x", exp: clockStart + 300 },
      subject: "u1",
      issuer: "https://issuer",
      audiences: ["orders"],
      expires: clockStart + 300,
    });
    assert.equal(x.request.headers.has("authorization"), true);
  });

  test("a token seen before is answered without waiting, until the second it expires", async () => {
    const tools = testTools();
    const { step } = buildPolicy(validateJwt, inline, tools);
    const headers = { authorization: `Bearer ${await token()}` };
    assert.ok(step(testExchange({ headers })) instanceof Promise);
    await step(testExchange({ headers }));
    assert.equal(step(testExchange({ headers })), undefined);
    tools.clock.advance(299_000);
    assert.equal(step(testExchange({ headers })), undefined);
    tools.clock.advance(1_000);
    const late = await step(testExchange({ headers }));
    assert.equal(late ? late.problem?.code : "", "token.invalid");
  });

  test("every kind of key, and every place of the token", async () => {
    const es = await token({ header: { alg: "ES256" }, key: ec.privateKey });
    const eddsa = await token({ header: { alg: "EdDSA" }, key: ed.privateKey });
    const hs = await token({ header: { alg: "HS256" }, key: secret });
    const { n, e } = rsa.publicKey.export({ format: "jwk" });
    assert.equal(await codeOf({ "issuer-signing-keys": pem(ec.publicKey) }, es), undefined);
    assert.equal(
      await codeOf({ "issuer-signing-keys": { key: { jwk: ed.publicKey.export({ format: "jwk" }) } } }, eddsa),
      undefined,
    );
    assert.equal(await codeOf({ "issuer-signing-keys": secret.toString("base64") }, hs), undefined);
    assert.equal(await codeOf({ "issuer-signing-keys": [{ n, e }, secret.toString("base64")] }, hs), undefined);
    assert.equal(
      await codeOf(
        { "issuer-signing-keys": { id: "k", key: pem(rsa.publicKey) } },
        await token({ header: { kid: "k" } }),
      ),
      undefined,
    );
    const rs = await token();
    const places: readonly (readonly [unknown, TestExchange])[] = [
      [{ "header-name": "x-token" }, testExchange({ headers: { "x-token": rs } })],
      [{ "header-name": "x-token" }, testExchange({ headers: { "x-token": `Bearer ${rs}` } })],
      [{ "query-parameter-name": "t" }, testExchange({ path: `/?t=${rs}` })],
      [{ "token-value": "=request.headers.a" }, testExchange({ headers: { a: rs } })],
      [{ "require-scheme": "DPoP" }, testExchange({ headers: { authorization: `dpop ${rs}` } })],
    ];
    for (const [config, x] of places)
      assert.equal(
        await buildPolicy(validateJwt, { ...inline, ...Object(config) }).step(x),
        undefined,
        JSON.stringify(config),
      );
  });
});

test("mistakes are named with their path, and keys are never shown", () => {
  const privatePem = String(rsa.privateKey.export({ type: "pkcs8", format: "pem" }));
  const shortRsa = pem(generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey);
  const table: readonly (readonly [unknown, RegExp])[] = [
    [{}, /^ give `openid-config`/],
    [{ ...inline, "openid-config": "nope" }, /^\.openid-config/],
    [{ ...inline, "jwks-url": "ftp://x" }, /^\.jwks-url/],
    [{ "issuer-signing-keys": "not base64!" }, /^\.issuer-signing-keys\[0\] neither PEM nor base64/],
    [{ "issuer-signing-keys": Buffer.alloc(31).toString("base64") }, /^\.issuer-signing-keys\[0\] too short/],
    [{ "issuer-signing-keys": [pem(rsa.publicKey), privatePem] }, /^\.issuer-signing-keys\[1\] a private key/],
    [{ "issuer-signing-keys": shortRsa }, /too short/],
    [{ "issuer-signing-keys": { "certificate-id": "c" } }, /not available/],
    [{ ...inline, "decryption-keys": [] }, /^\.decryption-keys .*not available/],
    [{ ...inline, algorithms: ["none"] }, /^\.algorithms\[0\] one of/],
    [{ ...inline, algorithms: ["RS257"] }, /^\.algorithms\[0\]/],
    [{ ...inline, "clock-skew": "11m" }, /^\.clock-skew/],
    [{ ...inline, "header-name": "a", "query-parameter-name": "b" }, /give one of/],
    [{ ...inline, "required-claims": { value: "x" } }, /^\.required-claims/],
  ];
  for (const [config, message] of table) {
    const [first] = mistakesOf(validateJwt, config);
    assert.match(`${first?.path} ${first?.message}`, message, JSON.stringify(config).slice(0, 80));
    assert.ok(!JSON.stringify(first).includes("MII"));
  }
});
