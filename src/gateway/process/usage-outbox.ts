import { randomUUID } from "node:crypto";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { Fault, messageOf } from "../../base/fault.ts";
import type { Log } from "../../base/log.ts";
import type { UsageRow } from "../../model/snapshot.ts";

/** A batch keeps its id over every attempt, so that control counts it once. */
export interface UsageBatch {
  readonly id: string;
  readonly rows: readonly UsageRow[];
}

/** Usage on its way to control: kept until control has it, also over a restart, up to a bound. */
export interface UsageOutbox {
  add(rows: readonly UsageRow[]): void;
  /** Sends what waits, oldest first, until one fails. */
  flush(send: (batch: UsageBatch) => Promise<void>): Promise<void>;
  readonly rowsLost: number;
  /** Keeps on disk what could not be sent. */
  save(): Promise<void>;
}

/** Rows kept while control is away: hours of many APIs; the oldest go first beyond. */
const rowsMax = 500_000;
const batchRowsMax = 5_000;

/** An outbox that begins with what the last run left in `file`. */
export const createUsageOutbox = async (file: string, log: Log): Promise<UsageOutbox> => {
  const batches: UsageBatch[] = [...(await load(file, log))];
  let rowsLost = 0;
  let isSending = false;
  const count = (): number => batches.reduce((sum, batch) => sum + batch.rows.length, 0);
  return {
    add: (rows) => {
      for (let from = 0; from < rows.length; from += batchRowsMax) {
        batches.push({ id: randomUUID(), rows: rows.slice(from, from + batchRowsMax) });
      }
      while (count() > rowsMax) rowsLost += batches.shift()?.rows.length ?? 0;
    },
    flush: async (send) => {
      if (isSending) return;
      isSending = true;
      try {
        for (let batch = batches[0]; batch !== undefined; batch = batches[0]) {
          try {
            await send(batch);
          } catch (thrown) {
            const isHopeless =
              thrown instanceof Fault && thrown.status >= 400 && thrown.status < 500 && thrown.status !== 401;
            if (!isHopeless) return;
            // Control will never take it; the batches behind it must not wait for it.
            log.error("control refuses a batch of usage", { rows: batch.rows.length, reason: messageOf(thrown) });
            rowsLost += batch.rows.length;
          }
          if (batches[0] === batch) batches.shift();
        }
      } finally {
        isSending = false;
      }
    },
    get rowsLost() {
      return rowsLost;
    },
    save: async () => {
      if (batches.length === 0) {
        await rm(file, { force: true });
        return;
      }
      await writeFile(`${file}.new`, JSON.stringify(batches), { mode: 0o600 });
      await rename(`${file}.new`, file);
    },
  };
};

const load = async (file: string, log: Log): Promise<readonly UsageBatch[]> => {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch {
    // The usual case: nothing was left.
    return [];
  }
  try {
    const batches: unknown = JSON.parse(text);
    // Our own file, whole or absent because it was renamed into place.
    return Array.isArray(batches) ? (batches as UsageBatch[]) : [];
  } catch (thrown) {
    log.error("usage that was left by the last run cannot be read", { file, reason: messageOf(thrown) });
    return [];
  }
};
