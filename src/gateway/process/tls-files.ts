import { X509Certificate } from "node:crypto";
import { unwatchFile, watchFile } from "node:fs";
import { readFile } from "node:fs/promises";
import { contentHash } from "../../base/canonical-json.ts";
import { Fault, systemCodeOf } from "../../base/fault.ts";
import type { TlsCertificate, TlsVersion } from "../../model/tls.ts";

/** A certificate in plain files beside the gateway. */
export interface TlsFiles {
  readonly certificate: string;
  readonly key: string;
  readonly clientCa?: string;
  readonly clientAuth: TlsCertificate["clientAuth"];
  readonly minVersion: TlsVersion;
}

/** How often the files are looked at; what they point to may be exchanged behind a symbolic link, which nobody announces. */
const lookEveryMs = 1_000;

/** Reads the files. Rejects with a Fault that names the file, never what is in it. */
export const readTlsFiles = async (files: TlsFiles): Promise<TlsCertificate> => {
  const certificate = await textOf(files.certificate, "certificate");
  const rest = {
    name: "files",
    hosts: hostsOf(certificate),
    isDefault: true,
    certificate,
    key: await textOf(files.key, "private key"),
    clientAuth: files.clientAuth,
    clientCa: files.clientCa === undefined ? "" : await textOf(files.clientCa, "authorities of clients"),
    clientCrl: "",
    minVersion: files.minVersion,
    ciphers: "",
  };
  return { ...rest, hash: contentHash(rest) };
};

/** Calls `changed` whenever one of the files is another; answers how to stop. */
export const watchTlsFiles = (files: TlsFiles, changed: () => void): (() => void) => {
  const paths = [files.certificate, files.key, ...(files.clientCa === undefined ? [] : [files.clientCa])];
  const look = (): void => changed();
  for (const path of paths) watchFile(path, { interval: lookEveryMs, persistent: false }, look);
  return () => {
    for (const path of paths) unwatchFile(path, look);
  };
};

const textOf = async (path: string, what: string): Promise<string> => {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new Fault("gateway.tls_file_unreadable", {
      public: `The ${what} ${path} cannot be read (${systemCodeOf(cause) ?? "unknown"}).`,
      cause,
    });
  }
};

/** The names that a certificate is for; none where it cannot be read, which is told when it is used. */
const hostsOf = (pem: string): readonly string[] => {
  try {
    const names = new X509Certificate(pem).subjectAltName ?? "";
    return [...names.matchAll(/(?:^|, )DNS:([^,"]+)/g)].map(([, name = ""]) => name.toLowerCase());
  } catch {
    return [];
  }
};
