import { randomBytes } from "node:crypto";
import { Fault } from "../base/fault.ts";
import { claimInstallationFact } from "../store/repositories/secrets.ts";
import { readOrCreateFile } from "./private-file.ts";
import { type SecretBox, secretBox } from "./secret-box.ts";

/** The fact of an installation that says which key its secrets are encrypted with. */
export const secretKeyFact = "secret-key-fingerprint";

/** The box of an installation: its key comes from `PORTICO_SECRET_KEY` (base64 of 32 bytes), else from a file that is made at the first start. */
export const openSecretBox = async (settings: {
  readonly file: string;
  readonly fromEnvironment: string | undefined;
}): Promise<SecretBox> => {
  const text =
    settings.fromEnvironment ?? (await readOrCreateFile(settings.file, () => randomBytes(32).toString("base64")));
  const key = Buffer.from(text.trim(), "base64");
  if (key.length !== 32) {
    const name = settings.fromEnvironment === undefined ? settings.file : "PORTICO_SECRET_KEY";
    throw new Fault("secret_key.wrong", { public: `${name} does not hold 32 bytes in base64.`, status: 503 });
  }
  return secretBox(key);
};

/** Refuses to go on with a key other than the one that the database's secrets were encrypted with. */
export const refuseForeignKey = async (
  db: Parameters<typeof claimInstallationFact>[0],
  box: SecretBox,
): Promise<void> => {
  if ((await claimInstallationFact(db, secretKeyFact, box.fingerprint)) === box.fingerprint) return;
  throw new Fault("secret_key.wrong", {
    public:
      "The database's secrets were encrypted with another key. Give the secret.key of the data directory, or the PORTICO_SECRET_KEY, that was used before.",
    status: 503,
  });
};
