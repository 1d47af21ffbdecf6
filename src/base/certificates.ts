// The X.509 library finds its parts by decorators, which need this.
import "reflect-metadata";
import { createPrivateKey, randomBytes, webcrypto } from "node:crypto";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";

/** A certificate with its private key, both in PEM. */
export interface CertifiedKey {
  readonly certificate: string;
  readonly key: string;
}

/** What a certificate says. */
export interface CertificateClaims {
  readonly commonName: string;
  readonly organization?: string;
  /** Host names and addresses. */
  readonly names?: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** May issue others. */
  readonly isAuthority?: boolean;
  /** Signs itself where absent. */
  readonly issuer?: CertifiedKey;
  /** DER of `id-pe-acmeIdentifier` (RFC 8737): the digest of a key authorization. */
  readonly acmeDigest?: Uint8Array;
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** Makes an ECDSA P-256 key and a certificate for it. */
export const issueCertificate = async (claims: CertificateClaims): Promise<CertifiedKey> => {
  const keys = await newKeys();
  const { issuer, isAuthority = false } = claims;
  const subject = nameOf(claims);
  const issuerCertificate = issuer === undefined ? undefined : new X509Certificate(issuer.certificate);
  const certificate = await X509CertificateGenerator.create(
    {
      serialNumber: serialNumber(),
      subject,
      issuer: issuerCertificate?.subject ?? subject,
      notBefore: claims.notBefore,
      notAfter: claims.notAfter,
      signingAlgorithm: algorithm,
      publicKey: keys.publicKey,
      signingKey: issuer === undefined ? keys.privateKey : await importKey(issuer.key),
      extensions: [
        new BasicConstraintsExtension(isAuthority, undefined, true),
        new KeyUsagesExtension(
          isAuthority ? KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign : KeyUsageFlags.digitalSignature,
          true,
        ),
        ...(isAuthority
          ? []
          : [new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth])]),
        ...(claims.names === undefined || claims.names.length === 0
          ? []
          : [new SubjectAlternativeNameExtension(claims.names.map(alternativeName))]),
        await SubjectKeyIdentifierExtension.create(keys.publicKey, false),
        ...(issuerCertificate === undefined
          ? []
          : [await AuthorityKeyIdentifierExtension.create(await issuerCertificate.publicKey.export(), false)]),
        ...(claims.acmeDigest === undefined
          ? []
          : [new Extension("1.3.6.1.5.5.7.1.31", true, Buffer.concat([Buffer.of(4, 32), claims.acmeDigest]))]),
      ],
    },
    webcrypto,
  );
  return { certificate: `${certificate.toString("pem")}\n`, key: await keyText(keys.privateKey) };
};

/** A new key and a certificate request (PKCS #10, DER) for these host names. */
export const requestCertificate = async (
  hosts: readonly string[],
): Promise<{ readonly request: Uint8Array; readonly key: string }> => {
  const keys = await newKeys();
  const made = await Pkcs10CertificateRequestGenerator.create(
    {
      keys,
      signingAlgorithm: algorithm,
      extensions: [new SubjectAlternativeNameExtension(hosts.map(alternativeName))],
    },
    webcrypto,
  );
  return { request: new Uint8Array(made.rawData), key: await keyText(keys.privateKey) };
};

const newKeys = async (): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);

const keyText = async (key: webcrypto.CryptoKey): Promise<string> =>
  createPrivateKey({ key: Buffer.from(await webcrypto.subtle.exportKey("pkcs8", key)), format: "der", type: "pkcs8" })
    .export({ format: "pem", type: "pkcs8" })
    .toString();

const importKey = async (pem: string): Promise<webcrypto.CryptoKey> =>
  webcrypto.subtle.importKey(
    "pkcs8",
    new Uint8Array(createPrivateKey(pem).export({ format: "der", type: "pkcs8" })),
    algorithm,
    false,
    ["sign"],
  );

/** Positive and of 16 bytes (RFC 5280 section 4.1.2.2). */
const serialNumber = (): string => {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString("hex");
};

const nameOf = ({ commonName, organization }: CertificateClaims): { readonly [attribute: string]: string[] }[] => [
  { CN: [commonName] },
  ...(organization === undefined ? [] : [{ O: [organization] }]),
];

const alternativeName = (name: string): { readonly type: "ip" | "dns"; readonly value: string } =>
  /^[\d.]+$|:/.test(name) ? { type: "ip", value: name } : { type: "dns", value: name };
