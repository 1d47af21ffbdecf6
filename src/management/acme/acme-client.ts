import type { KeyObject } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { calculateJwkThumbprint, exportJWK, FlattenedSign, type JWK } from "jose";
import { requestCertificate } from "../../base/certificates.ts";

/** What is wanted of an authority that speaks ACME (RFC 8555). */
export interface AcmeOrder {
  readonly directory: string;
  readonly email?: string | undefined;
  readonly hosts: readonly string[];
  /** ECDSA P-256: the account. */
  readonly accountKey: KeyObject;
  /** Makes the answers of HTTP-01 challenges, by token, be served under every host; settles when they are. */
  present(answers: Readonly<Record<string, string>>): Promise<void>;
  readonly signal: AbortSignal;
  readonly pollMs?: number;
}

/** What an authority refused, in its own words. */
class AcmeProblem extends Error {
  readonly type: string;
  constructor(type: string, detail: string) {
    super(detail);
    this.type = type;
  }
}

const bodyBytesMax = 1024 * 1024;
const requestMsMax = 30_000;
const nonceTriesMax = 3;
const pollsMax = 120;
const pollMsDefault = 2_000;

/** Obtains a certificate with a new key: account, order, challenges, request. Rejects with what went wrong; leaves nothing running. */
export const obtainCertificate = async (
  wanted: AcmeOrder,
): Promise<{ readonly certificate: string; readonly key: string }> => {
  const session = await openSession(wanted);
  const identifiers = wanted.hosts.map((value) => ({ type: "dns", value }));
  const ordered = await session.post(session.urls.newOrder, { identifiers });
  const orderUrl = ordered.location;
  const order = record(ordered.body);
  await proveHosts(session, wanted, texts(order.authorizations));
  const { request, key } = await requestCertificate(wanted.hosts);
  await session.post(text(order.finalize), { csr: Buffer.from(request).toString("base64url") });
  const finished = await session.until(orderUrl, ["valid"]);
  const { raw } = await session.post(text(finished.certificate), null);
  if (!raw.includes("-----BEGIN CERTIFICATE-----"))
    throw new AcmeProblem("certificate", "The authority sent no certificate.");
  return { certificate: raw, key };
};

/** Proves that all hosts are ours, all challenges at once. */
const proveHosts = async (session: Session, wanted: AcmeOrder, authorizations: readonly string[]): Promise<void> => {
  const answers: Record<string, string> = {};
  const open: { readonly url: string; readonly challenge: string }[] = [];
  for (const url of authorizations) {
    const authorization = record((await session.post(url, null)).body);
    if (authorization.status === "valid") continue;
    const challenges = Array.isArray(authorization.challenges) ? authorization.challenges.map(record) : [];
    const challenge = challenges.find((one) => one.type === "http-01");
    if (challenge === undefined) throw new AcmeProblem("challenge", "The authority offers no HTTP-01 challenge.");
    const token = text(challenge.token);
    // RFC 8555 section 8.3: base64url. It becomes a part of a path.
    if (!/^[A-Za-z0-9_-]{1,200}$/.test(token))
      throw new AcmeProblem("challenge", "The authority sent a malformed token.");
    answers[token] = `${token}.${session.thumbprint}`;
    open.push({ url, challenge: text(challenge.url) });
  }
  if (open.length === 0) return;
  await wanted.present(answers);
  for (const { challenge } of open) await session.post(challenge, {});
  for (const { url } of open) await session.until(url, ["valid"]);
};

interface Posted {
  readonly body: unknown;
  readonly raw: string;
  readonly location: string;
}

interface Session {
  readonly urls: { readonly newOrder: string };
  readonly thumbprint: string;
  /** A signed request; null: POST-as-GET. */
  post(url: string, payload: object | null): Promise<Posted>;
  /** Asks until the thing's status is one of these; rejects with its problem where it became invalid. */
  until(url: string, states: readonly string[]): Promise<Readonly<Record<string, unknown>>>;
}

const openSession = async (wanted: AcmeOrder): Promise<Session> => {
  const jwk = publicPart(await exportJWK(wanted.accountKey));
  const directory = record(JSON.parse((await ask(wanted, wanted.directory, { method: "GET" })).text));
  const newNonceUrl = text(directory.newNonce);
  let account = "";
  let nonce = "";

  const send = async (url: string, payload: object | null, triesLeft: number): Promise<Posted> => {
    if (nonce === "") nonce = (await ask(wanted, newNonceUrl, { method: "HEAD" })).headers.get("replay-nonce") ?? "";
    const header = { alg: "ES256", nonce, url, ...(account === "" ? { jwk } : { kid: account }) };
    nonce = "";
    const bytes = new TextEncoder().encode(payload === null ? "" : JSON.stringify(payload));
    const signed = await new FlattenedSign(bytes).setProtectedHeader(header).sign(wanted.accountKey);
    const answer = await ask(wanted, url, {
      method: "POST",
      headers: {
        "content-type": "application/jose+json",
        accept: "application/json, application/pem-certificate-chain",
      },
      body: JSON.stringify(signed),
    });
    nonce = answer.headers.get("replay-nonce") ?? "";
    const isJson = /json/.test(answer.headers.get("content-type") ?? "");
    const body: unknown = isJson && answer.text !== "" ? JSON.parse(answer.text) : undefined;
    if (answer.status < 400) return { body, raw: answer.text, location: answer.headers.get("location") ?? "" };
    const problem = problemOf(body, answer.status);
    // RFC 8555 section 6.5: the answer brought a fresh one.
    if (problem.type.endsWith(":badNonce") && triesLeft > 1) return send(url, payload, triesLeft - 1);
    throw problem;
  };
  const post = (url: string, payload: object | null): Promise<Posted> => send(url, payload, nonceTriesMax);

  const contact = wanted.email === undefined ? {} : { contact: [`mailto:${wanted.email}`] };
  account = (await post(text(directory.newAccount), { termsOfServiceAgreed: true, ...contact })).location;
  return {
    urls: { newOrder: text(directory.newOrder) },
    thumbprint: await calculateJwkThumbprint(jwk),
    post,
    until: async (url, states) => {
      for (let poll = 0; poll < pollsMax; poll++) {
        const thing = record((await post(url, null)).body);
        if (states.includes(String(thing.status))) return thing;
        if (thing.status === "invalid") throw invalidProblem(thing);
        await wait(wanted.pollMs ?? pollMsDefault, undefined, { signal: wanted.signal });
      }
      throw new AcmeProblem("timeout", "The authority did not decide in time.");
    },
  };
};

const publicPart = ({ kty, crv, x, y }: JWK): JWK => ({
  ...(kty === undefined ? {} : { kty }),
  ...(crv === undefined ? {} : { crv }),
  ...(x === undefined ? {} : { x }),
  ...(y === undefined ? {} : { y }),
});

/** The reason of a refused order lies in its challenges or in itself. */
const invalidProblem = (thing: Readonly<Record<string, unknown>>): AcmeProblem => {
  const challenges = Array.isArray(thing.challenges) ? thing.challenges.map(record) : [];
  const error = challenges.find((one) => one.error !== undefined)?.error ?? thing.error;
  return problemOf(error, 0);
};

const problemOf = (body: unknown, status: number): AcmeProblem => {
  const { type = "", detail = `The authority answered ${status}.` } = record(body);
  return new AcmeProblem(String(type), String(detail).slice(0, 1000));
};

const ask = async (
  { signal }: AcmeOrder,
  url: string,
  init: RequestInit,
): Promise<{ readonly status: number; readonly headers: Headers; readonly text: string }> => {
  const response = await fetch(url, {
    ...init,
    redirect: "error",
    signal: AbortSignal.any([signal, AbortSignal.timeout(requestMsMax)]),
  });
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.byteLength;
    if (length > bodyBytesMax) throw new AcmeProblem("answer", "The authority's answer is too long.");
    chunks.push(chunk);
  }
  return { status: response.status, headers: response.headers, text: Buffer.concat(chunks).toString("utf8") };
};

const record = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? { ...value } : {};

const text = (value: unknown): string => {
  if (typeof value === "string" && value !== "") return value;
  throw new AcmeProblem("answer", "The authority's answer lacks a field.");
};

const texts = (value: unknown): readonly string[] => (Array.isArray(value) ? value.map(text) : []);
