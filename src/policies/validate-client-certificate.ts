import { X509Certificate } from "node:crypto";
import { z } from "zod";
import { type ClientCertificate, thumbprintOf } from "../exchange/client-certificate.ts";
import { definePolicy, type Policy } from "../exchange/policy.ts";
import { oneOrMany } from "../exchange/policy-schema.ts";
import { refuse } from "../exchange/refuse.ts";

const text = z.string().min(1).max(2000);

const identity = z.strictObject({
  thumbprint: text.optional(),
  "serial-number": text.optional(),
  "common-name": text.optional(),
  subject: text.optional(),
  "dns-name": text.optional(),
  "issuer-subject": text.optional(),
  "issuer-thumbprint": text.optional(),
  "issuer-certificate-id": z.string().min(1).max(100_000).optional(),
});

const schema = z.strictObject({
  "validate-revocation": z.boolean().optional(),
  "validate-trust": z.boolean().optional(),
  "validate-not-before": z.boolean().optional(),
  "validate-not-after": z.boolean().optional(),
  "ignore-error": z.boolean().optional(),
  identities: oneOrMany(identity, 1000).optional(),
  forward: z.boolean().optional(),
});

/** Lets only callers pass whose client certificate is valid and one of those named; see docs. */
export const validateClientCertificate: Policy = definePolicy({
  name: "validate-client-certificate",
  group: "authentication",
  summary: "Checks the certificate that the client has shown in its TLS handshake.",
  docs: `| attribute | default | meaning |
| --- | --- | --- |
| \`validate-trust\` | true | the chain leads to one of the host's \`client-certificates.ca\`, and the handshake found nothing else wrong |
| \`validate-revocation\` | true | it is not on the host's revocation list; checked where \`client-certificates.crl\` is given |
| \`validate-not-before\`, \`validate-not-after\` | true | it is in its time, also now that the connection is older than the handshake |
| \`identities\` | any | certificates that may pass: within one, all attributes must be as said; of several, one suffices |
| \`ignore-error\` | false | goes on nevertheless; policies behind it see \`request.certificate\` |
| \`forward\` | false | hands the certificate to the backend as \`Client-Cert\` (RFC 9440); what the client sent under that name is dropped in any case |

An identity has \`thumbprint\` (SHA-1, or SHA-256 by its length), \`serial-number\`, \`common-name\`, \`subject\`, \`dns-name\`, \`issuer-subject\`, \`issuer-thumbprint\`, and
\`issuer-certificate-id\`: the issuer's certificate in PEM, usually a named value. Hex digits count without regard to case, spaces and colons; names as they stand in
the certificate, \`CN=orders, O=Acme\`.

The host must ask for certificates: \`client-certificates\` in \`certificates/NAME.yaml\`. Refusals are 403 \`caller.certificate_missing\` and 403
\`caller.certificate_refused\`; why is told in the explanation of a call, not to the caller.`,
  sections: ["inbound"],
  schema,
  examples: [
    { title: "Any certificate of the host's authorities", config: {} },
    {
      title: "Two services",
      config: {
        identities: [
          { "common-name": "orders", "issuer-subject": "CN=Acme Services" },
          { "dns-name": "billing.acme.example" },
        ],
      },
    },
  ],
  build: (config, tools) => {
    const rules: Rules = {
      trust: config["validate-trust"] ?? true,
      revocation: config["validate-revocation"] ?? true,
      notBefore: config["validate-not-before"] ?? true,
      notAfter: config["validate-not-after"] ?? true,
    };
    const identities = (config.identities ?? []).map((one, index) => {
      if (Object.keys(one).length === 0) tools.mistake(`.identities[${index}]`, "names nothing that must match");
      return matcherOf(one, (path, message) => tools.mistake(`.identities[${index}]${path}`, message));
    });
    if (config.identities?.length === 0)
      tools.mistake(".identities", "an empty list would let nobody pass: leave it out");
    const goesOn = config["ignore-error"] ?? false;
    const forwards = config.forward ?? false;
    const missing = refuse("caller.certificate_missing");
    const refused = refuse("caller.certificate_refused");
    return (x) => {
      const certificate = x.request.clientCertificate;
      if (forwards) x.request.headers.delete("Client-Cert");
      if (certificate === null) {
        x.record?.note("certificate", "none");
        return goesOn ? undefined : missing;
      }
      const wrong = wrongWith(certificate, rules, tools.clock.nowMs(), identities);
      x.record?.note("certificate", wrong === "" ? certificate.thumbprintSha256 : wrong);
      if (wrong !== "" && !goesOn) return refused;
      // RFC 9440 section 2.1: a byte sequence of structured fields, the DER in base64 between colons.
      if (forwards && wrong === "")
        x.request.headers.set("Client-Cert", `:${Buffer.from(certificate.der).toString("base64")}:`);
      return undefined;
    };
  },
});

interface Rules {
  readonly trust: boolean;
  readonly revocation: boolean;
  readonly notBefore: boolean;
  readonly notAfter: boolean;
}

type Matcher = (certificate: ClientCertificate) => boolean;

/** What is wrong with a certificate; empty: nothing. */
const wrongWith = (
  certificate: ClientCertificate,
  rules: Rules,
  nowMs: number,
  identities: readonly Matcher[],
): string => {
  const { isVerified, verifyError } = certificate;
  if (rules.trust && !isVerified) return `not trusted: ${verifyError}`;
  if (rules.revocation && /REVOKED|CRL/.test(verifyError)) return `revoked or not known not to be: ${verifyError}`;
  // Not "unless later": an unreadable date must not pass.
  if (rules.notBefore && !(nowMs >= certificate.notBeforeMs)) return "not yet valid";
  if (rules.notAfter && !(nowMs <= certificate.notAfterMs)) return "expired";
  if (identities.length > 0 && !identities.some((matches) => matches(certificate))) return "none of the identities";
  return "";
};

const hex = (digits: string): string => digits.replace(/[\s:]/g, "").toUpperCase();

/** `CN=a,O=b` and `CN=a, O=b` are one name. */
const nameText = (name: string): string => name.replace(/\s*,\s*/g, ", ").trim();

const matcherOf = (wanted: z.output<typeof identity>, mistake: (path: string, message: string) => void): Matcher => {
  const tests: Matcher[] = [];
  const thumbprint = digits(wanted.thumbprint, ".thumbprint", [40, 64], mistake);
  if (thumbprint !== undefined)
    tests.push((one) => (thumbprint.length === 40 ? one.thumbprint : one.thumbprintSha256) === thumbprint);
  const serial = wanted["serial-number"];
  if (serial !== undefined) {
    const plain = hex(serial).replace(/^0+/, "");
    tests.push((one) => one.serialNumber.toUpperCase().replace(/^0+/, "") === plain);
  }
  const commonName = wanted["common-name"];
  if (commonName !== undefined) tests.push((one) => one.commonName === commonName);
  const { subject } = wanted;
  if (subject !== undefined) tests.push((one) => one.subject === nameText(subject));
  const dnsName = wanted["dns-name"]?.toLowerCase();
  if (dnsName !== undefined) tests.push((one) => one.dnsNames.some((name) => name.toLowerCase() === dnsName));
  const issuer = wanted["issuer-subject"];
  if (issuer !== undefined) tests.push((one) => one.issuer === nameText(issuer));
  const issuerThumbprint = digits(wanted["issuer-thumbprint"], ".issuer-thumbprint", [40], mistake);
  if (issuerThumbprint !== undefined) tests.push((one) => one.issuerThumbprint === issuerThumbprint);
  const issuerPem = wanted["issuer-certificate-id"];
  if (issuerPem !== undefined) {
    const thumb = thumbprintIn(issuerPem);
    if (thumb === undefined)
      mistake(".issuer-certificate-id", "the issuer's certificate in PEM, for example {{issuer-certificate}}");
    tests.push((one) => thumb !== undefined && one.issuerThumbprint === thumb);
  }
  return (one) => tests.length > 0 && tests.every((matches) => matches(one));
};

const digits = (
  given: string | undefined,
  path: string,
  lengths: readonly number[],
  mistake: (path: string, message: string) => void,
): string | undefined => {
  if (given === undefined) return undefined;
  const plain = hex(given);
  if (!/^[0-9A-F]+$/.test(plain) || !lengths.includes(plain.length))
    mistake(path, `${lengths.join(" or ")} hex digits`);
  return plain;
};

const thumbprintIn = (pem: string): string | undefined => {
  try {
    return thumbprintOf(new X509Certificate(pem), "sha1");
  } catch {
    return undefined;
  }
};
