import { createHash, hkdfSync, X509Certificate } from "node:crypto";
import { createSecureContext, createServer, type Server, type TLSSocket } from "node:tls";
import { messageOf } from "../../base/fault.ts";
import type { TlsCertificate, TlsState, TlsVersion } from "../../model/tls.ts";

/** How connections to some server names are opened: a certificate with its rules, ready to shake hands. */
export interface TlsProfile {
  readonly name: string;
  readonly hash: string;
  readonly clientAuth: TlsCertificate["clientAuth"];
  readonly authorities: readonly X509Certificate[];
  /** Equal keys let in the same clients: on a connection of one, requests for hosts of the other may come. */
  readonly rulesKey: string;
  readonly notAfterMs: number;
  /** Never listens: accepted sockets are given to it. */
  readonly server: Server;
}

/** The profiles of one state. Immutable: a change makes others, and handshakes under way end on those they began with. */
export interface TlsProfiles {
  readonly isEmpty: boolean;
  readonly all: readonly TlsProfile[];
  /** The profile for a server name in lower case; the default for none and for unknown ones; null where there is no profile at all. */
  find(serverName: string): TlsProfile | null;
}

/** What a profile is made with beside its certificate. */
export interface ProfileTools {
  /** Shared by all threads: sessions of one are resumed by the others. */
  readonly ticketSecret: Uint8Array;
  readonly alpn: readonly string[];
  readonly handshakeTimeoutMs: number;
  readonly secured: (socket: TLSSocket, profile: TlsProfile) => void;
}

/** Why a certificate is not used. Never holds any of its text. */
export interface TlsProblem {
  readonly certificate: string;
  readonly message: string;
}

/** Without a certificate nobody is let in. */
export const noProfiles: TlsProfiles = { isEmpty: true, all: [], find: () => null };

/**
 * Makes the profiles of a state; those of `before` that did not change are used on. A certificate that cannot be used is a problem, and
 * what served under its name serves on.
 */
export const makeProfiles = (
  state: TlsState,
  before: TlsProfiles,
  tools: ProfileTools,
): { readonly profiles: TlsProfiles; readonly problems: readonly TlsProblem[] } => {
  const problems: TlsProblem[] = [];
  const exact = new Map<string, TlsProfile>();
  const wildcards = new Map<string, TlsProfile>();
  const all: TlsProfile[] = [];
  let fallback: TlsProfile | null = null;
  for (const certificate of state.certificates) {
    const old = before.all.find((one) => one.name === certificate.name);
    let profile = old?.hash === certificate.hash ? old : undefined;
    try {
      profile ??= profileOf(certificate, tools);
    } catch (thrown) {
      problems.push({ certificate: certificate.name, message: reasonOf(thrown) });
      profile = old;
    }
    if (profile === undefined) continue;
    all.push(profile);
    if (fallback === null || certificate.isDefault) fallback = profile;
    for (const host of certificate.hosts) {
      if (!host.startsWith("*.")) exact.set(host, exact.get(host) ?? profile);
      else wildcards.set(host.slice(1), wildcards.get(host.slice(1)) ?? profile);
    }
  }
  const find = (serverName: string): TlsProfile | null => {
    const known = exact.get(serverName);
    if (known !== undefined) return known;
    const dot = serverName.indexOf(".");
    return (dot > 0 ? wildcards.get(serverName.slice(dot)) : undefined) ?? fallback;
  };
  return { profiles: { isEmpty: all.length === 0, all, find }, problems };
};

/** Why a certificate cannot be used: its chain, its key, or that they do not belong together; empty where it can. */
export const reasonAgainst = (certificate: TlsCertificate): string => {
  try {
    contextOf(certificate);
    return "";
  } catch (thrown) {
    return reasonOf(thrown);
  }
};

/** The suites that a TLS 1.2 client may choose from; all have forward secrecy and authenticate what they encrypt. */
const defaultCiphers = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
].join(":");

const versions: Readonly<Record<TlsVersion, "TLSv1.2" | "TLSv1.3">> = { "1.2": "TLSv1.2", "1.3": "TLSv1.3" };

const contextOptions = (certificate: TlsCertificate) => ({
  cert: certificate.certificate,
  key: certificate.key,
  minVersion: versions[certificate.minVersion],
  maxVersion: "TLSv1.3" as const,
  ciphers: certificate.ciphers === "" ? defaultCiphers : certificate.ciphers,
  honorCipherOrder: true,
  // SSL_OP_NO_RENEGOTIATION: a client that asks for it under TLS 1.2 is told no.
  secureOptions: 1 << 30,
  ...(certificate.clientAuth === "none" || certificate.clientCa === "" ? {} : { ca: certificate.clientCa }),
  ...(certificate.clientCrl === "" ? {} : { crl: certificate.clientCrl }),
});

const contextOf = (certificate: TlsCertificate): void => {
  createSecureContext(contextOptions(certificate));
};

const profileOf = (certificate: TlsCertificate, tools: ProfileTools): TlsProfile => {
  const { clientAuth } = certificate;
  contextOf(certificate);
  const authorities = clientAuth === "none" ? [] : certificatesIn(certificate.clientCa);
  const rulesKey = createHash("sha256")
    .update(JSON.stringify([clientAuth, certificate.clientCa, certificate.clientCrl, certificate.minVersion]))
    .digest("base64");
  // Tickets are bound to the rules: what was agreed where no certificate is asked for opens nothing where one is. They outlive a renewal.
  const ticketKeys = Buffer.from(hkdfSync("sha256", tools.ticketSecret, "", `portico tls tickets ${rulesKey}`, 48));
  const server = createServer({
    ...contextOptions(certificate),
    ticketKeys,
    sessionIdContext: rulesKey.slice(0, 32),
    ALPNProtocols: [...tools.alpn],
    requestCert: clientAuth !== "none",
    rejectUnauthorized: clientAuth === "required",
    handshakeTimeout: tools.handshakeTimeoutMs,
    allowHalfOpen: true,
    noDelay: true,
  });
  const profile: TlsProfile = {
    name: certificate.name,
    hash: certificate.hash,
    clientAuth,
    authorities,
    rulesKey,
    notAfterMs: Date.parse(new X509Certificate(certificate.certificate).validTo),
    server,
  };
  server.on("secureConnection", (socket) => tools.secured(socket, profile));
  // A client that fails the handshake has nothing to be told; its socket closes, which is how the door hears of it.
  server.on("tlsClientError", () => {});
  return profile;
};

/** All certificates of a PEM text. */
const certificatesIn = (pem: string): readonly X509Certificate[] =>
  (pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? []).map(
    (text) => new X509Certificate(text),
  );

/** OpenSSL's own words hold no key material, but nobody understands them. */
const reasonOf = (thrown: unknown): string => {
  const text = messageOf(thrown);
  if (/key values mismatch/i.test(text)) return "The private key does not belong to the certificate.";
  if (/no start line|asn1|PEM|DECODER|unsupported/i.test(text))
    return "The certificate or its private key is not readable PEM.";
  if (/cipher/i.test(text)) return "No cipher of the list is known.";
  if (/crl/i.test(text)) return "The revocation list is not readable PEM.";
  return "The certificate cannot be used.";
};
