import { randomBytes, X509Certificate } from "node:crypto";
import { open, readFile, rename } from "node:fs/promises";
import { contentHash } from "../../base/canonical-json.ts";
import { messageOf } from "../../base/fault.ts";
import type { Log } from "../../base/log.ts";
import { noTls, type TlsCertificate, type TlsState } from "../../model/tls.ts";
import { reasonAgainst, type TlsProblem } from "../tls/tls-profiles.ts";

/** A certificate as operators see it: nothing of its key. */
export interface CertificateFacts {
  readonly name: string;
  readonly hosts: readonly string[];
  readonly notAfterMs: number;
}

/** What the process holds of TLS: what control or the bundle sent, the certificate of files, and the secret of session tickets. */
export interface HeldTls {
  /** Only usable certificates. */
  readonly state: TlsState;
  readonly ticketSecret: Uint8Array;
  readonly problems: readonly TlsProblem[];
  certificates(): readonly CertificateFacts[];
  /** Answers whether anything has changed. A certificate that cannot be used leaves the last good one of its name in its place. */
  use(state: TlsState): boolean;
  /** The certificate of the command line; goes before those of the configuration as the default. */
  takeFiles(certificate: TlsCertificate | null): boolean;
  rotate(): void;
  save(): Promise<void>;
}

/** Begins with what the last run saved in `file` (mode 0600: it holds private keys); `null` keeps nothing. */
export const createHeldTls = async (file: string | null, log: Log): Promise<HeldTls> => {
  let wanted: TlsState = (file === null ? undefined : await load(file, log)) ?? noTls;
  let files: TlsCertificate | null = null;
  let state = noTls;
  let ticketSecret: Uint8Array = randomBytes(48);
  let problems: TlsProblem[] = [];

  const settle = (): boolean => {
    problems = [];
    const certificates: TlsCertificate[] = [];
    const all =
      files === null
        ? wanted.certificates
        : [files, ...wanted.certificates.map((one) => ({ ...one, isDefault: false }))];
    for (const certificate of all) {
      const reason = reasonAgainst(certificate);
      if (reason === "") {
        certificates.push(certificate);
        continue;
      }
      problems.push({ certificate: certificate.name, message: reason });
      const old = state.certificates.find((one) => one.name === certificate.name);
      log.error(`a certificate cannot be used${old === undefined ? "" : "; the one before serves on"}`, {
        certificate: certificate.name,
        reason,
      });
      if (old !== undefined) certificates.push(old);
    }
    const hash = contentHash([certificates.map((one) => [one.hash, one.isDefault]), { ...wanted, certificates: [] }]);
    if (hash === state.hash) return false;
    state = { ...wanted, certificates, hash };
    return true;
  };
  settle();

  return {
    get state() {
      return state;
    },
    get ticketSecret() {
      return ticketSecret;
    },
    get problems() {
      return problems;
    },
    certificates: () =>
      state.certificates.map((one) => ({
        name: one.name,
        hosts: one.hosts,
        notAfterMs: Date.parse(new X509Certificate(one.certificate).validTo),
      })),
    use: (next) => {
      wanted = next;
      return settle();
    },
    takeFiles: (certificate) => {
      files = certificate;
      return settle();
    },
    rotate: () => {
      ticketSecret = randomBytes(48);
    },
    save: async () => {
      if (file === null) return;
      try {
        // What serves, not what was sent: a start must not be worse off than the run before it.
        const kept = { ...state, certificates: state.certificates.filter((one) => one.name !== files?.name) };
        const handle = await open(`${file}.new`, "w", 0o600);
        try {
          await handle.writeFile(JSON.stringify(kept));
          await handle.sync();
        } finally {
          await handle.close();
        }
        await rename(`${file}.new`, file);
      } catch (thrown) {
        log.error("the certificates could not be saved", { reason: messageOf(thrown) });
      }
    },
  };
};

const load = async (file: string, log: Log): Promise<TlsState | undefined> => {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch {
    // The usual case: no certificate was ever sent.
    return undefined;
  }
  try {
    // Our own file, whole or absent because it was renamed into place.
    return JSON.parse(text) as TlsState;
  } catch {
    log.error("the saved certificates cannot be read; there is no HTTPS until control sends them", { file });
    return undefined;
  }
};
