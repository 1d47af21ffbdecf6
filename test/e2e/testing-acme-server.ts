import { createPrivateKey, randomBytes, webcrypto } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import {
  Pkcs10CertificateRequest,
  SubjectAlternativeNameExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { calculateJwkThumbprint, flattenedVerify, importJWK, type JWK } from "jose";
import type { CertifiedKey } from "../../src/base/certificates.ts";

/** An authority that speaks RFC 8555: verifies signatures, nonces and URLs, and fetches the answers of HTTP-01 challenges. */
export interface TestAcmeServer {
  readonly directory: string;
  readonly orders: number;
  readonly accounts: number;
  /** Refuses this many requests with `badNonce`. */
  badNonces: number;
  validDays: number;
  close(): Promise<void>;
}

interface Order {
  readonly hosts: readonly string[];
  status: string;
  certificate: string;
}

interface Proof {
  readonly host: string;
  readonly token: string;
  status: string;
  error: { type: string; detail: string } | undefined;
}

/** `httpPort` is where HTTP-01 is asked for, on this machine, whatever the host. */
export const startAcmeServer = async (authority: CertifiedKey, httpPort: () => number): Promise<TestAcmeServer> => {
  const nonces = new Set<string>();
  const accounts = new Map<string, JWK>();
  const orders: Order[] = [];
  const proofs: Proof[] = [];
  let base = "";
  const url = (path: string): string => `${base}${path}`;
  const nonceOf = (): string => {
    const nonce = randomBytes(16).toString("base64url");
    nonces.add(nonce);
    return nonce;
  };

  const problem = (type: string, detail: string, status = 400) => ({
    status,
    body: { type: `urn:ietf:params:acme:error:${type}`, detail },
    headers: {},
  });

  const fetchProof = async (proof: Proof, thumbprint: string): Promise<void> => {
    const response = await fetch(`http://127.0.0.1:${httpPort()}/.well-known/acme-challenge/${proof.token}`, {
      headers: { host: proof.host },
      redirect: "manual",
    });
    const isRight = response.status === 200 && (await response.text()) === `${proof.token}.${thumbprint}`;
    proof.status = isRight ? "valid" : "invalid";
    if (!isRight)
      proof.error = {
        type: "urn:ietf:params:acme:error:unauthorized",
        detail: `${proof.host} answered ${response.status}`,
      };
  };

  const sign = async (csr: Pkcs10CertificateRequest, hosts: readonly string[]): Promise<string> => {
    const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
    const signingKey = await webcrypto.subtle.importKey(
      "pkcs8",
      new Uint8Array(createPrivateKey(authority.key).export({ format: "der", type: "pkcs8" })),
      algorithm,
      false,
      ["sign"],
    );
    const certificate = await X509CertificateGenerator.create(
      {
        serialNumber: `40${randomBytes(8).toString("hex")}`,
        subject: `CN=${hosts[0]}`,
        issuer: new X509Certificate(authority.certificate).subject,
        notBefore: new Date(Date.now() - 60_000),
        notAfter: new Date(Date.now() + server.validDays * 86_400_000),
        signingAlgorithm: algorithm,
        publicKey: csr.publicKey,
        signingKey,
        extensions: [new SubjectAlternativeNameExtension(hosts.map((value) => ({ type: "dns" as const, value })))],
      },
      webcrypto,
    );
    return `${certificate.toString("pem")}\n${authority.certificate}`;
  };

  const orderView = (id: number, order: Order) => ({
    status: order.status,
    authorizations: proofs.flatMap((proof, index) =>
      order.hosts.includes(proof.host) && Math.floor(index / 100) === id ? [url(`/authz/${index}`)] : [],
    ),
    finalize: url(`/finalize/${id}`),
    ...(order.certificate === "" ? {} : { certificate: url(`/cert/${id}`) }),
  });
  const proofView = (index: number, proof: Proof) => ({
    status: proof.status,
    identifier: { type: "dns", value: proof.host },
    challenges: [
      { type: "dns-01", url: url("/none"), token: proof.token, status: "pending" },
      {
        type: "http-01",
        url: url(`/challenge/${index}`),
        token: proof.token,
        status: proof.status,
        ...(proof.error ? { error: proof.error } : {}),
      },
    ],
  });

  const serve = async (path: string, kid: string, jwk: JWK, payload: string) => {
    const [, kind = "", idText = ""] = path.split("/");
    const id = Number(idText);
    if (kind === "new-account") {
      const thumbprint = await calculateJwkThumbprint(jwk);
      accounts.set(url(`/account/${thumbprint}`), jwk);
      return { status: 201, body: { status: "valid" }, headers: { location: url(`/account/${thumbprint}`) } };
    }
    if (!accounts.has(kid)) return problem("accountDoesNotExist", "no such account");
    if (kind === "new-order") {
      const hosts = (JSON.parse(payload) as { identifiers: { value: string }[] }).identifiers.map(({ value }) => value);
      const at = orders.push({ hosts, status: "pending", certificate: "" }) - 1;
      hosts.forEach((host, index) => {
        proofs[at * 100 + index] = {
          host,
          token: randomBytes(16).toString("base64url"),
          status: "pending",
          error: undefined,
        };
      });
      const order = orders[at];
      return { status: 201, body: order ? orderView(at, order) : {}, headers: { location: url(`/order/${at}`) } };
    }
    const proof = proofs[id];
    if (kind === "authz" && proof) return { status: 200, body: proofView(id, proof), headers: {} };
    if (kind === "challenge" && proof) {
      proof.status = "processing";
      void fetchProof(proof, await calculateJwkThumbprint(jwk)).catch(() => {
        proof.status = "invalid";
      });
      return { status: 200, body: {}, headers: {} };
    }
    const order = orders[id];
    if (order === undefined) return problem("malformed", "unknown", 404);
    if (kind === "order") return { status: 200, body: orderView(id, order), headers: {} };
    if (kind === "cert") return { status: 200, body: order.certificate, headers: {} };
    if (kind === "finalize") {
      const isProven = order.hosts.every((_, index) => proofs[id * 100 + index]?.status === "valid");
      if (!isProven) return problem("orderNotReady", "not proven", 403);
      const csr = new Pkcs10CertificateRequest(
        new Uint8Array(Buffer.from((JSON.parse(payload) as { csr: string }).csr, "base64url")),
      );
      if (!(await csr.verify(webcrypto))) return problem("badCSR", "bad signature");
      order.certificate = await sign(csr, order.hosts);
      order.status = "valid";
      return { status: 200, body: orderView(id, order), headers: {} };
    }
    return problem("malformed", "unknown", 404);
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = request.url ?? "/";
    const reply = (status: number, body: unknown, headers: Record<string, string> = {}): void => {
      const isText = typeof body === "string";
      response.writeHead(status, {
        "replay-nonce": nonceOf(),
        "content-type": isText
          ? "application/pem-certificate-chain"
          : status >= 400
            ? "application/problem+json"
            : "application/json",
        ...headers,
      });
      response.end(isText ? body : JSON.stringify(body));
    };
    if (path === "/directory") {
      reply(200, { newNonce: url("/new-nonce"), newAccount: url("/new-account"), newOrder: url("/new-order") });
      return;
    }
    if (path === "/new-nonce") {
      reply(200, {});
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const jws = JSON.parse(Buffer.concat(chunks).toString());
    const header = JSON.parse(Buffer.from(jws.protected, "base64url").toString());
    const jwk: JWK | undefined = header.kid === undefined ? header.jwk : accounts.get(header.kid);
    let refused = header.url !== url(path) ? problem("unauthorized", "wrong url") : undefined;
    if (server.badNonces > 0 || !nonces.delete(header.nonce)) {
      server.badNonces = Math.max(0, server.badNonces - 1);
      refused = problem("badNonce", "nonce");
    }
    if (jwk === undefined) refused ??= problem("accountDoesNotExist", "no such account");
    if (refused !== undefined || jwk === undefined) {
      reply(refused?.status ?? 400, refused?.body);
      return;
    }
    const { payload } = await flattenedVerify(jws, await importJWK(jwk, "ES256"));
    const made = await serve(path, header.kid ?? "", jwk, Buffer.from(payload).toString());
    reply(made.status, made.body, made.headers);
  };

  const http = createServer((request, response) => {
    answer(request, response).catch((thrown: unknown) => {
      response.writeHead(500).end(String(thrown));
    });
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const server: TestAcmeServer = {
    directory: `${base}/directory`,
    get orders() {
      return orders.length;
    },
    get accounts() {
      return accounts.size;
    },
    badNonces: 0,
    validDays: 90,
    close: async () => {
      http.closeAllConnections();
      await new Promise<void>((resolve) => http.close(() => resolve()));
    },
  };
  return server;
};
