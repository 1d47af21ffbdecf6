import { type CertificateClaims, type CertifiedKey, issueCertificate } from "./certificates.ts";

const dayMs = 86_400_000;

/** A certificate for a test: valid from yesterday until in a month, unless it says otherwise. */
export const testCertificate = (
  commonName: string,
  claims: Partial<CertificateClaims> & { readonly validDays?: number } = {},
): Promise<CertifiedKey> => {
  const { validDays = 30, ...rest } = claims;
  return issueCertificate({
    commonName,
    names: rest.isAuthority === true ? [] : [commonName],
    notBefore: new Date(Date.now() - 10 * dayMs),
    notAfter: new Date(Date.now() + validDays * dayMs),
    ...rest,
  });
};

/** An authority that issues others. */
export const testAuthority = (commonName: string): Promise<CertifiedKey> =>
  testCertificate(commonName, { isAuthority: true });
