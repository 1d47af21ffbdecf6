import { createReadStream, createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { z } from "zod";
import { uuidv7 } from "../../base/ids.ts";
import { backup } from "../../store/backup.ts";
import { migrationSteps } from "../../store/migrations/steps.ts";
import { currentRevision } from "../../store/repositories/revisions.ts";
import { restoreOver } from "../../store/restore-over.ts";
import { defineOperation, type Operation } from "../operation.ts";
import { refuse } from "../refuse.ts";
import { secretKeyFact } from "../secret-key.ts";

const mediaType = "application/octet-stream";
const backupBytesMax = 16 * 1024 * 1024 * 1024;

/** Everything the platform keeps, as one file at one moment. */
export const getBackup: Operation = defineOperation({
  id: "getBackup",
  method: "GET",
  path: "/backup",
  tag: "Recovery",
  summary: "Read a backup of everything the platform keeps",
  description:
    "Secrets are in it as they are stored, encrypted; the key they are encrypted with is not. Keep both, apart.",
  access: "recovery.write",
  answers: { 200: { description: "The backup.", mediaTypes: [mediaType] } },
  run: async ({ tools }) => {
    const file = join(tools.scratchDir, `backup-${uuidv7()}`);
    try {
      await backup({ url: tools.databaseUrl, file, steps: migrationSteps, log: tools.log, clock: tools.clock });
      const source = createReadStream(file);
      // On Unix the bytes stay for as long as the file is open, and are gone whatever happens to this process.
      await new Promise((resolve, reject) => source.once("open", resolve).once("error", reject));
      const name = `portico-${new Date(tools.clock.nowMs()).toISOString().slice(0, 10)}.backup`;
      const content = Readable.toWeb(source) as ReadableStream<Uint8Array>;
      return {
        status: 200,
        stream: { mediaType, content },
        headers: { "Content-Disposition": `attachment; filename="${name}"` },
      };
    } finally {
      await rm(file, { force: true });
    }
  },
});

/** Replaces everything the platform keeps by a backup: all of it or nothing. */
export const postRestore: Operation = defineOperation({
  id: "postRestore",
  method: "POST",
  path: "/restore",
  tag: "Recovery",
  summary: "Replace everything the platform keeps by a backup",
  description:
    "The backup is checked and loaded beside the platform first; then it takes its place at once. Users, tokens and sessions are those of the backup. Other control processes of the same database must be stopped before.",
  access: "recovery.write",
  isRead: true,
  bytesBody: { mediaTypes: [mediaType], description: "What `GET /backup` gave.", isStreamed: true },
  bodyBytesMax: backupBytesMax,
  answers: {
    200: {
      description: "Restored.",
      schema: z.object({ revision: z.int(), createdAt: z.string(), rows: z.record(z.string(), z.int()) }),
    },
  },
  refusals: [409, 413, 415, 422],
  run: async ({ tools, stream, actor, requestId }) => {
    if (stream === undefined) throw refuse("body.missing", "Send the backup as the body.");
    const file = join(tools.scratchDir, `restore-${uuidv7()}`);
    try {
      await receive(stream, file);
      const summary = await tools.writes.run(() =>
        restoreOver({
          url: tools.databaseUrl,
          file,
          steps: migrationSteps,
          log: tools.log,
          accept: async (fact) => {
            const fingerprint = await fact(secretKeyFact);
            if (fingerprint === undefined || fingerprint === tools.box.fingerprint) return;
            throw refuse(
              "state.conflict",
              "The backup's secrets are encrypted with another key. Start this platform with the secret.key (or PORTICO_SECRET_KEY) of the one that made the backup, then restore.",
            );
          },
        }),
      );
      tools.forget();
      const revision = await currentRevision(tools.db);
      tools.announce(revision);
      tools.log.warn("the platform was restored from a backup", { actor: actor.name, requestId, revision });
      const { createdAt, rows } = summary;
      return { status: 200, json: { revision, createdAt, rows }, headers: { "Portico-Revision": String(revision) } };
    } finally {
      await rm(file, { force: true });
    }
  },
});

const receive = async (stream: ReadableStream<Uint8Array>, file: string): Promise<void> => {
  let length = 0;
  const counted = new Transform({
    transform: (chunk: Uint8Array, _encoding, done) => {
      length += chunk.length;
      if (length > backupBytesMax) done(refuse("body.too_large", `A backup may have ${backupBytesMax} bytes.`));
      else done(null, chunk);
    },
  });
  await pipeline(Readable.from(stream), counted, createWriteStream(file, { flags: "wx", mode: 0o600 }));
};
