/** Names whose values are not for logs and records, wherever they come from. */
const secretName = /authorization|cookie|passw|secret|token|api[-_]?key|credential|signature|private[-_]?key|^key$/i;
/** Text that is a credential whatever it is called: bearer and basic credentials, our keys, JWTs. */
const secretText =
  /\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}|\bptk_[0-9A-Za-z]{8,}|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*/gi;

/** What stands where a secret stood. */
export const redacted = "[redacted]";

/** True for a name that speaks of a secret: `authorization`, `api-key`, `password`, ... */
export const isSecretName = (name: string): boolean => secretName.test(name);

/** The text without what looks like a bearer or basic credential, a JWT or one of our keys. */
export const withoutCredentials = (text: string): string => text.replace(secretText, redacted);
