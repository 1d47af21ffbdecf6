import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { clientAuthModes, tlsVersions } from "../model/tls.ts";
import { usageFailure } from "./cli/failure.ts";
import type { GatewayRoleSettings } from "./gateway-role.ts";
import type { Settings } from "./settings.ts";

type TlsFiles = NonNullable<GatewayRoleSettings["tlsFiles"]>;

/**
 * The certificate that the command line or portico.yaml names, or, with `--https`, the self-signed one of the data directory, which is
 * made where it is missing or about to end; undefined where neither is wanted. Paths are relative to `cwd`.
 */
export const tlsFilesOf = async (settings: Settings, cwd: string, dataDir: string): Promise<TlsFiles | undefined> => {
  const named = namedFiles(settings, cwd);
  if (named !== undefined && settings.isOn("https"))
    throw usageFailure("--https and --tls-cert are both given.", "Give one of them.");
  if (named !== undefined) return named;
  if (!settings.isOn("https")) return undefined;
  return selfSignedFiles(join(dataDir, "tls"), settings.text("host") ?? "127.0.0.1");
};

const namedFiles = (settings: Settings, cwd: string): TlsFiles | undefined => {
  const certificate = settings.text("tls-cert");
  const key = settings.text("tls-key");
  const clientCa = settings.text("tls-client-ca");
  if ((certificate === undefined) !== (key === undefined))
    throw usageFailure("A certificate needs its private key.", "Give --tls-cert FILE and --tls-key FILE together.");
  if (certificate === undefined || key === undefined) {
    if (clientCa !== undefined)
      throw usageFailure("--tls-client-ca needs a certificate.", "Give --tls-cert FILE and --tls-key FILE as well.");
    return undefined;
  }
  const mode = settings.text("tls-client-auth") ?? (clientCa === undefined ? "none" : "required");
  const clientAuth = mode === "none" ? mode : clientAuthModes.find((known) => known === mode);
  if (clientAuth === undefined || (clientAuth === "none") !== (clientCa === undefined))
    throw usageFailure(
      `--tls-client-auth '${mode}' does not fit.`,
      "Give required or optional, with --tls-client-ca FILE.",
    );
  const version = settings.text("tls-min-version") ?? "1.2";
  const minVersion = tlsVersions.find((known) => known === version);
  if (minVersion === undefined)
    throw usageFailure(`The TLS version '${version}' is unknown.`, `Give one of ${tlsVersions.join(", ")}.`);
  return {
    certificate: resolve(cwd, certificate),
    key: resolve(cwd, key),
    ...(clientCa === undefined ? {} : { clientCa: resolve(cwd, clientCa) }),
    clientAuth,
    minVersion,
  };
};

const dayMs = 86_400_000;
const selfSignedDays = 365;
const renewBeforeDays = 30;

/** A certificate for this machine's own names. No client trusts it unless it is told to. */
const selfSignedFiles = async (directory: string, host: string): Promise<TlsFiles> => {
  const files: TlsFiles = {
    certificate: join(directory, "self-signed.pem"),
    key: join(directory, "self-signed-key.pem"),
    clientAuth: "none",
    minVersion: "1.2",
  };
  const isThere = existsSync(files.certificate) && existsSync(files.key);
  if (isThere && !(await endsSoon(files.certificate))) return files;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  // The library is loaded only where a certificate is made.
  const { issueCertificate } = await import("../base/certificates.ts");
  const names = [...new Set(["localhost", "127.0.0.1", "::1", ...(host === "0.0.0.0" || host === "::" ? [] : [host])])];
  const { certificate, key } = await issueCertificate({
    commonName: "localhost",
    organization: "Portico, self-signed",
    names,
    notBefore: new Date(Date.now() - dayMs),
    notAfter: new Date(Date.now() + selfSignedDays * dayMs),
  });
  await writeFile(files.key, key, { mode: 0o600 });
  await writeFile(files.certificate, certificate, { mode: 0o644 });
  return files;
};

const endsSoon = async (path: string): Promise<boolean> => {
  const { X509Certificate } = await import("node:crypto");
  try {
    const { validTo } = new X509Certificate(await readFile(path));
    return Date.parse(validTo) < Date.now() + renewBeforeDays * dayMs;
  } catch {
    // Damaged: made anew.
    return true;
  }
};
