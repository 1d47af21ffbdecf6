import { generateKeyPairSync, sign } from "node:crypto";
import type { Case } from "./peer.ts";

/** What is sent again and again in a case. */
export interface BenchCall {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });

/** The public key that the case `full` verifies tokens with. */
export const publicKeyPem: string = String(pair.publicKey.export({ type: "spki", format: "pem" }));

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A token of one hour by RS256 (RFC 7519). */
const token = (): string => {
  const text = `${part({ alg: "RS256", typ: "JWT" })}.${part({ sub: "bench", aud: "bench", exp: Math.floor(Date.now() / 1000) + 3600 })}`;
  return `${text}.${sign("sha256", Buffer.from(text), pair.privateKey).toString("base64url")}`;
};

/** 1 KB of JSON that the schema of the case `full` allows. */
const body: string = JSON.stringify({
  customer: "a customer of the bench",
  lines: Array.from({ length: 14 }, (_, n) => ({
    id: n,
    title: `a thing of the bench, number ${n}`,
    count: 3,
    price: 12.5,
  })),
}).padEnd(1024, " ");

/** The call of a case; all carry the key, which only some peers look at. */
export const callOf = (what: Case, key: string): BenchCall =>
  what === "full"
    ? {
        method: "POST",
        headers: {
          "x-api-key": key,
          authorization: `Bearer ${token()}`,
          origin: "https://app.example",
          "content-type": "application/json",
        },
        body,
      }
    : { method: "GET", headers: { "x-api-key": key }, body: "" };
