import { createHash, type X509Certificate } from "node:crypto";

/** The certificate that a client has shown in its TLS handshake. Everything but `isVerified` is read when somebody asks. */
export interface ClientCertificate {
  /**
   * True where the chain leads to one of the host's `client-certificates.ca`, is in its time and not on its revocation list. A host that
   * requires certificates lets nobody else in; one that takes them optionally leaves the decision to policies.
   */
  readonly isVerified: boolean;
  /** Why it is not verified: a code of OpenSSL such as `CERT_HAS_EXPIRED`; else empty. */
  readonly verifyError: string;
  /** `CN=orders, O=Acme`, in the order of the certificate. */
  readonly subject: string;
  readonly commonName: string;
  readonly issuer: string;
  /** Upper-case hex digits. */
  readonly serialNumber: string;
  /** SHA-1 of the certificate, upper-case hex digits: the name by which people look certificates up, not a protection. */
  readonly thumbprint: string;
  /** SHA-256, upper-case hex digits. */
  readonly thumbprintSha256: string;
  /** Names of the subject alternative name by their kind: `DNS:a.example`, `URI:spiffe://...`, `IP Address:...`, `email:...`. */
  readonly alternativeNames: readonly string[];
  readonly dnsNames: readonly string[];
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly pem: string;
  /** The certificate itself. */
  readonly der: Uint8Array;
  /** SHA-1 of the issuer's certificate where the host names it among its `ca`; else empty. */
  readonly issuerThumbprint: string;
}

/** What a handshake left. */
export interface ShownCertificate {
  readonly certificate: X509Certificate;
  /** The code of the verification's failure, empty where it succeeded. */
  readonly verifyError: string;
  /** Certificates that may be the issuer. */
  readonly authorities: readonly X509Certificate[];
}

/** Reads a shown certificate; costs nothing until a field is asked for. */
export const clientCertificateOf = ({
  certificate,
  verifyError,
  authorities,
}: ShownCertificate): ClientCertificate => ({
  isVerified: verifyError === "",
  verifyError,
  get subject() {
    return oneLine(certificate.subject);
  },
  get commonName() {
    return /^CN=(.*)$/m.exec(certificate.subject ?? "")?.[1] ?? "";
  },
  get issuer() {
    return oneLine(certificate.issuer);
  },
  get serialNumber() {
    return certificate.serialNumber;
  },
  get thumbprint() {
    return thumbprintOf(certificate, "sha1");
  },
  get thumbprintSha256() {
    return thumbprintOf(certificate, "sha256");
  },
  get alternativeNames() {
    return alternativeNamesOf(certificate);
  },
  get dnsNames() {
    return dnsNamesOf(certificate);
  },
  get notBeforeMs() {
    return Date.parse(certificate.validFrom);
  },
  get notAfterMs() {
    return Date.parse(certificate.validTo);
  },
  get pem() {
    return certificate.toString();
  },
  get der() {
    return certificate.raw;
  },
  get issuerThumbprint() {
    const issuer = authorities.find((authority) => certificate.checkIssued(authority));
    return issuer === undefined ? "" : thumbprintOf(issuer, "sha1");
  },
});

/** The digest of a certificate, upper-case hex digits. */
export const thumbprintOf = (certificate: X509Certificate, algorithm: "sha1" | "sha256"): string =>
  createHash(algorithm).update(certificate.raw).digest("hex").toUpperCase();

const dnsNamesOf = (certificate: X509Certificate): readonly string[] =>
  alternativeNamesOf(certificate).flatMap((name) => (name.startsWith("DNS:") ? [name.slice(4)] : []));

/** Node quotes a name that holds a comma or a quote as a JSON string, so that names cannot be forged by their text. */
const alternativeNamesOf = (certificate: X509Certificate): readonly string[] =>
  [...(certificate.subjectAltName ?? "").matchAll(/(?:^|, )([A-Za-z ]+:)("(?:[^"\\]|\\.)*"|[^,]*)/g)].map(
    ([, kind = "", name = ""]) => kind + (name.startsWith('"') ? unquoted(name) : name),
  );

const unquoted = (text: string): string => {
  const read: unknown = JSON.parse(text);
  return typeof read === "string" ? read : text;
};

/** Node writes one attribute per line. */
const oneLine = (name: string | undefined): string => (name ?? "").split("\n").join(", ");
