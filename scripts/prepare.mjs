// Runs on any Node >= 20, before anything is installed: brings node_modules to the state of the lock file, then stops.
// What it installs brings its own Node 26 as `node_modules/.bin/node`, which the npm scripts find first.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stampFile = join(root, "node_modules", ".portico-lock");
const stamp = createHash("sha256")
  .update(readFileSync(join(root, "package-lock.json")))
  .digest("hex");

const [major = 0] = process.versions.node.split(".").map(Number);
if (major < 20) {
  console.error(`Portico needs Node 20 or later to install itself; this is ${process.version}.`);
  console.error("Install a current Node from your system's packages and run the same command again.");
  process.exit(1);
}

if (!existsSync(stampFile) || readFileSync(stampFile, "utf8") !== stamp) {
  console.error("Installing what Portico needs (npm ci), once ...");
  const npm = process.env.npm_execpath;
  const args = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
  const result = npm
    ? spawnSync(process.execPath, [npm, ...args], { cwd: root, stdio: ["ignore", "inherit", "inherit"] })
    : spawnSync("npm", args, {
        cwd: root,
        stdio: ["ignore", "inherit", "inherit"],
        shell: process.platform === "win32",
      });
  if (result.status !== 0) {
    console.error("npm ci failed; see its message above. Portico needs a reachable npm registry for the first start.");
    process.exit(result.status ?? 1);
  }
  writeFileSync(stampFile, stamp);
}

if (
  !existsSync(join(root, "node_modules", ".bin", "node")) &&
  !existsSync(join(root, "node_modules", ".bin", "node.cmd"))
) {
  if (major < 26) {
    console.error(
      `No Node 26 package exists for ${process.platform} ${process.arch}; install Node 26 or later and try again.`,
    );
    process.exit(1);
  }
}
