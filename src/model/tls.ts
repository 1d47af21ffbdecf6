import { z } from "zod";

/** The versions that are spoken; what came before TLS 1.2 is not (RFC 8996). */
export const tlsVersions = ["1.2", "1.3"] as const;
export type TlsVersion = (typeof tlsVersions)[number];

/** Server names: a host, or `*.` for exactly one label in front (RFC 6125 section 6.4.3). */
export const serverNamePattern: RegExp =
  /^(?:\*\.)?[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;

/** `tls:` of portico.yaml: what holds for all listeners that speak TLS. */
export const tlsSettingsSchema = z.strictObject({
  "min-version": z.enum(tlsVersions).optional(),
  /** Suites of TLS 1.2 and 1.3 in OpenSSL's notation; the program's own list where absent. */
  ciphers: z
    .string()
    .min(1)
    .max(2000)
    .regex(/^[A-Za-z0-9_!+:@=.-]+$/)
    .optional(),
  /** Sends callers of the plain port to HTTPS with 308; to another port than the gateway's own where one is given. */
  redirect: z.union([z.boolean(), z.strictObject({ port: z.int().min(1).max(65_535) })]).optional(),
  /** `Strict-Transport-Security` (RFC 6797) on every reply over HTTPS. */
  hsts: z
    .strictObject({
      "max-age": z.int().min(0).max(100_000_000).describe("Seconds."),
      "include-subdomains": z.boolean().optional(),
      preload: z.boolean().optional(),
    })
    .optional(),
});
export type TlsSettings = z.infer<typeof tlsSettingsSchema>;

/** Whether clients show certificates. */
export const clientAuthModes = ["required", "optional"] as const;
export type ClientAuth = "none" | (typeof clientAuthModes)[number];

/** A certificate as gateways run it. Holds a private key: never to be logged. `hash` is the content hash of all other fields. */
export interface TlsCertificate {
  readonly hash: string;
  readonly name: string;
  /** Server names it is shown for. */
  readonly hosts: readonly string[];
  /** Shown to clients that name no host, or an unknown one. */
  readonly isDefault: boolean;
  /** The chain in PEM, the leaf first. */
  readonly certificate: string;
  /** PEM. */
  readonly key: string;
  readonly clientAuth: ClientAuth;
  /** Authorities of clients' certificates, and their revocation lists, in PEM; empty: none. */
  readonly clientCa: string;
  readonly clientCrl: string;
  readonly minVersion: TlsVersion;
  readonly ciphers: string;
}

/** Everything that gateways need to speak TLS. */
export interface TlsState {
  readonly hash: string;
  readonly certificates: readonly TlsCertificate[];
  readonly redirect: boolean;
  /** 0: the gateway's own. */
  readonly redirectPort: number;
  /** The value of `Strict-Transport-Security`; empty: not sent. */
  readonly hsts: string;
}

/** Without certificates. */
export const noTls: TlsState = { hash: "", certificates: [], redirect: false, redirectPort: 0, hsts: "" };

/** The value of `Strict-Transport-Security`; empty where it is not wanted. */
export const hstsText = (settings: TlsSettings | undefined): string => {
  const hsts = settings?.hsts;
  if (hsts === undefined) return "";
  const parts = [`max-age=${hsts["max-age"]}`];
  if (hsts["include-subdomains"] === true) parts.push("includeSubDomains");
  if (hsts.preload === true) parts.push("preload");
  return parts.join("; ");
};
