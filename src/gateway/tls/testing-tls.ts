import { contentHash } from "../../base/canonical-json.ts";
import type { CertifiedKey } from "../../base/certificates.ts";
import type { TlsCertificate, TlsState } from "../../model/tls.ts";

/** A certificate as control would send it. */
export const tlsCertificate = (
  name: string,
  { certificate, key }: CertifiedKey,
  more: Partial<Omit<TlsCertificate, "hash" | "name">> = {},
): TlsCertificate => {
  const whole = {
    name,
    hosts: [name],
    isDefault: false,
    certificate,
    key,
    clientAuth: "none" as const,
    clientCa: "",
    clientCrl: "",
    minVersion: "1.2" as const,
    ciphers: "",
    ...more,
  };
  return { ...whole, hash: contentHash(whole) };
};

/** A state of these certificates. */
export const tlsStateOf = (certificates: readonly TlsCertificate[], more: Partial<TlsState> = {}): TlsState => {
  const rest = { certificates, redirect: false, redirectPort: 0, hsts: "", ...more };
  return {
    ...rest,
    hash: contentHash([...certificates.map((one) => one.hash), rest.redirect, rest.redirectPort, rest.hsts]),
  };
};
