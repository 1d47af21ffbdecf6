import { createPrivateKey, X509Certificate } from "node:crypto";
import { contentHash } from "../base/canonical-json.ts";
import { certificateSecretName } from "../model/certificate.ts";
import type { Resource, ResourceOf } from "../model/resource.ts";
import { hstsText, type TlsCertificate, type TlsState } from "../model/tls.ts";
import { filePathOf } from "./bundle-paths.ts";
import { mentionsOf } from "./mentions.ts";
import { indexResources, type UnitProblem, type UnitSources, type ValueSources } from "./unit-sources.ts";
import { namedValuesOf } from "./unit-uses.ts";

/** The certificates that can be used, and why others cannot. */
export interface TlsMade {
  readonly state: TlsState;
  readonly problems: readonly (UnitProblem & { readonly certificate: string })[];
}

/** Where the values come from; a secret for which `isStandIn` is true will be set later, and is not looked into. */
export interface TlsSources extends ValueSources {
  isStandIn?(value: string): boolean;
}

/** Makes what gateways need to speak TLS. Pure but for reading `values`; no message holds any part of a key. */
export const makeTls = (resources: readonly Resource[], values: TlsSources): TlsMade => {
  const sources = indexResources(resources, values);
  const certificates: TlsCertificate[] = [];
  const problems: (UnitProblem & { readonly certificate: string })[] = [];
  const all = resources.filter((one): one is Extract<Resource, { kind: "certificate" }> => one.kind === "certificate");
  for (const resource of all.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const found: UnitProblem[] = [];
    const made = certificateOf(resource, sources, values, found);
    if (made !== undefined && found.length === 0) certificates.push(made);
    problems.push(...found.map((problem) => ({ ...problem, certificate: resource.name })));
  }
  const tls = sources.settings?.body.tls;
  const redirect = tls?.redirect ?? false;
  const rest = {
    certificates,
    redirect: redirect !== false,
    redirectPort: typeof redirect === "object" ? redirect.port : 0,
    hsts: hstsText(tls),
  };
  return {
    state: {
      ...rest,
      hash: contentHash([certificates.map((one) => one.hash), rest.redirect, rest.redirectPort, rest.hsts]),
    },
    problems,
  };
};

const certificateOf = (
  { name, body }: ResourceOf<"certificate">,
  sources: UnitSources,
  values: TlsSources,
  problems: UnitProblem[],
): TlsCertificate | undefined => {
  const file = filePathOf("certificate", name);
  const problem = (path: string, message: string): undefined => {
    problems.push({ file, path, message });
    return undefined;
  };
  const used = new Map(
    mentionsOf({ kind: "certificate", name, body }).map((mention) => [
      mention.name,
      { file, path: mention.path.map(String).join(".") },
    ]),
  );
  const named = namedValuesOf(used, sources, problems);
  const filled = (text: string): string =>
    text.replace(/\{\{\s*([^{}]*?)\s*\}\}/g, (_, key: string) => named[key]?.value ?? "");
  const own = ownSecret(values.secretOf(certificateSecretName(name)), values);
  if (problems.length > 0) return undefined;
  if (own === "stand-in") return undefined;
  const chain = body.acme === undefined ? filled(body.certificate ?? "") : (own.certificate ?? "");
  const key = body.key === undefined ? (own.key ?? "") : filled(body.key);
  if (body.acme !== undefined && chain === "") return problem("acme", "The certificate has not been obtained yet.");
  if (key === "") return problem("key", `The private key is not set: PUT /api/v1/certificates/${name} takes it.`);
  const isLater = (text: string): boolean => values.isStandIn?.(text) === true;
  if (isLater(chain) || isLater(key)) return undefined;
  const leaf = leafOf(chain);
  if (leaf === undefined) return problem("certificate", "The certificate is not readable PEM.");
  const why = keyProblem(leaf, key);
  if (why !== "") return problem("key", why);
  const hosts = body.hosts ?? namesOf(leaf);
  if (hosts.length === 0) return problem("hosts", "The certificate names no host: list them under `hosts`.");
  const clients = body["client-certificates"];
  const clientCa = clients === undefined ? "" : filled(clients.ca);
  if (clients !== undefined && !isLater(clientCa) && leafOf(clientCa) === undefined)
    return problem("client-certificates.ca", "The authorities are not readable PEM.");
  const tls = sources.settings?.body.tls;
  const made = {
    name,
    hosts,
    isDefault: body.default ?? false,
    certificate: chain,
    key,
    clientAuth: clients?.mode ?? ("none" as const),
    clientCa,
    clientCrl: clients?.crl === undefined ? "" : filled(clients.crl),
    minVersion: body["min-version"] ?? tls?.["min-version"] ?? ("1.2" as const),
    ciphers: body.ciphers ?? tls?.ciphers ?? "",
  };
  return { ...made, hash: contentHash(made) };
};

interface OwnSecret {
  readonly certificate?: string;
  readonly key?: string;
}

const ownSecret = (text: string | undefined, values: TlsSources): OwnSecret | "stand-in" => {
  if (text === undefined) return {};
  if (values.isStandIn?.(text) === true) return "stand-in";
  // Written by the management API, encrypted.
  return JSON.parse(text) as OwnSecret;
};

/** The first certificate of a chain; undefined where it is none. */
export const leafOf = (pem: string): X509Certificate | undefined => {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
};

/** Why a key does not fit; empty where it does. */
export const keyProblem = (leaf: X509Certificate, key: string): string => {
  if (/ENCRYPTED/.test(key)) return "The private key is encrypted with a passphrase: give it without.";
  try {
    return leaf.checkPrivateKey(createPrivateKey(key)) ? "" : "The private key does not belong to the certificate.";
  } catch {
    // What OpenSSL says of it helps nobody.
    return "The private key is not readable PEM.";
  }
};

/** DNS names of a certificate. */
export const namesOf = (leaf: X509Certificate): readonly string[] =>
  [...(leaf.subjectAltName ?? "").matchAll(/(?:^|, )DNS:([^,"]+)/g)].map(([, name = ""]) => name.toLowerCase());
