import { z } from "zod";
import { clientAuthModes, serverNamePattern, tlsVersions } from "./tls.ts";

/** A text that only names a named value: `{{shop-key}}`. */
const referencePattern = /^\{\{\s*[A-Za-z0-9._-]+\s*\}\}$/;

// Who pastes a file with both must not find the key in a revision.
const withoutKey = (text: string): boolean => !text.includes("PRIVATE KEY");
const noKey = "holds a private key, which belongs into `key` of the management API or into a secret";

const pem = z.string().min(1).max(200_000).refine(withoutKey, noKey);

/**
 * What `certificates/NAME.yaml` says. A private key never stands in it: `key` names a secret, or the key is given to the management API
 * once, which keeps it encrypted; with `acme` the platform obtains both itself.
 */
export const certificateSchema = z
  .strictObject({
    /** Server names it is shown for; the names in the certificate where absent. */
    hosts: z
      .array(z.string().max(253).regex(serverNamePattern, "a host name in lower case, *. for one label in front"))
      .min(1)
      .max(100)
      .optional(),
    /** Shown to clients that name no host, or an unknown one. */
    default: z.boolean().optional(),
    /** The chain in PEM, the leaf first, or the named value that holds it. */
    certificate: pem.optional(),
    key: z
      .string()
      .max(300)
      .regex(referencePattern, "a private key does not belong in a file: name a secret, {{name}}")
      .optional(),
    acme: z
      .strictObject({
        directory: z.url({ protocol: /^https?$/ }),
        email: z.email().optional(),
        /** The authority's terms are agreed to. */
        "terms-agreed": z.literal(true),
      })
      .optional(),
    "client-certificates": z
      .strictObject({
        mode: z.enum(clientAuthModes),
        /** Authorities in PEM, or the named value that holds them. */
        ca: pem,
        /** Revocation lists of all of these authorities, in PEM; where present, an authority without one lets nobody in. */
        crl: z.string().min(1).max(2_000_000).optional(),
      })
      .optional(),
    "min-version": z.enum(tlsVersions).optional(),
    ciphers: z
      .string()
      .min(1)
      .max(2000)
      .regex(/^[A-Za-z0-9_!+:@=.-]+$/)
      .optional(),
    description: z.string().max(2000).optional(),
  })
  .refine((one) => one.acme === undefined || (one.certificate === undefined && one.key === undefined), {
    message: "with `acme` the certificate and its key are not given",
    path: ["acme"],
  })
  .refine((one) => one.acme === undefined || (one.hosts?.every((host) => !host.startsWith("*.")) ?? false), {
    message: "`acme` needs `hosts`, without wildcards: those are proven by DNS only",
    path: ["hosts"],
  })
  .refine((one) => one.acme !== undefined || one.certificate !== undefined, {
    message: "either `certificate` or `acme`",
    path: ["certificate"],
  });
export type Certificate = z.infer<typeof certificateSchema>;

/** Under which name the platform keeps what belongs to a certificate and no file may hold: as JSON, `key` and with ACME `certificate`. */
export const certificateSecretName = (name: string): string => `certificate/${name}`;
