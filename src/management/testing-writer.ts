import { randomBytes } from "node:crypto";
import { systemClock } from "../base/clock.ts";
import { silentLog } from "../base/log.ts";
import { openDatabase } from "../store/database.ts";
import type { Tables } from "../store/schema.ts";
import { openManagement } from "./management.ts";
import { secretBox } from "./secret-box.ts";

// A control process that writes without a pause and says each acknowledged write, until it is killed.
const [url = "", key = "", token = ""] = process.argv.slice(2);
const management = await openManagement({
  db: openDatabase<Tables>({ url, log: silentLog }).db,
  databaseUrl: url,
  clock: systemClock,
  log: silentLog,
  box: secretBox(Buffer.from(key, "hex")),
  checkUnits: () => [],
  ownerToken: token,
  gatewayToken: randomBytes(16).toString("hex"),
  environment: {},
  mayFetchPrivate: false,
  scratchDir: process.argv[5] ?? "",
});
for (let i = 0; ; i += 1) {
  const response = await management.fetch(
    new Request(`http://control.test/api/v1/fragments/crash-${i}`, {
      method: "PUT",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ steps: [], description: `write ${i}` }),
    }),
  );
  process.stdout.write(`${i} ${response.status} ${response.headers.get("portico-revision")}\n`);
}
