import { writeFileSync } from "node:fs";
import { join } from "node:path";

// A child for the supervisor's tests: leaves a file when it has been prepared, and says when it was told to start.
let wasPrepared = false;
process.on("message", (message: { readonly type: string }) => {
  if (message.type === "prepare") {
    wasPrepared = true;
    writeFileSync(join(process.env.PREPARED_DIR ?? "", String(process.pid)), "");
  } else process.send?.({ type: "ready", facts: { pid: process.pid, wasPrepared } });
});
