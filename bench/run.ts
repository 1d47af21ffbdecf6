import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { newApiKey } from "../src/model/api-key.ts";
import { type Load, loadMissing, runLoad } from "./load.ts";
import { startOrigin } from "./origin.ts";
import { type Case, cases, caseTitles, type Peer } from "./peer.ts";
import { caddy } from "./peers/caddy.ts";
import { fastifyReplyFrom } from "./peers/fastify.ts";
import { haproxy } from "./peers/haproxy.ts";
import { nginx, nginxLua } from "./peers/nginx.ts";
import { portico } from "./peers/portico.ts";
import { cpuMicros, familyOf, freePort, gatewayCore, residentMiB, startPinned, waitForPort } from "./process.ts";
import { type Figures, report } from "./report.ts";

// `npm run bench`: every gateway as a fresh process on one core, in order and again in reverse, load and origin on the other.
// `npm run bench -- CASE` runs one case; `--seconds N` sets the length of one run (default 5).
const peers: readonly Peer[] = [nginx, nginxLua, haproxy, caddy, fastifyReplyFrom, portico];

const isCase = (text: string): text is Case => cases.some((name) => name === text);

const args = process.argv.slice(2);
const secondsAt = args.indexOf("--seconds");
const seconds = secondsAt < 0 ? 5 : Number(args[secondsAt + 1]);
const named = args.filter((arg, i) => !arg.startsWith("--") && i !== secondsAt + (secondsAt < 0 ? -1 : 1));
const unknown = named.filter((name) => !isCase(name));
if (unknown.length > 0 || !(seconds >= 1)) {
  console.error(`Unknown: ${unknown.join(", ")}. The cases are ${cases.join(", ")}; --seconds N is at least 1.`);
  process.exit(2);
}
const missingLoad = loadMissing();
if (missingLoad) {
  console.error(`The load comes from wrk, which is not installed: ${missingLoad}.`);
  process.exit(1);
}

const measure = async (peer: Peer, what: Case, originPort: number, root: string): Promise<Figures> => {
  const directory = await mkdtemp(join(root, `${peer.name.replace(/\W/g, "-")}-`));
  const port = await freePort();
  const key = newApiKey();
  const { program, args: programArgs } = await peer.command({ case: what, port, originPort, directory, key });
  const started = startPinned(gatewayCore, program, programArgs);
  try {
    await waitForPort(port, started);
    const url = `http://127.0.0.1:${port}/bench/item`;
    const first = await fetch(url, { headers: { "x-api-key": key } });
    if (first.status !== 200)
      throw new Error(`${peer.name} answers ${first.status}: ${await first.text()}\n${started.output()}`);
    await runLoad(url, key, Math.max(2, Math.round(seconds / 2)));
    const family = familyOf(started.child.pid ?? 0);
    const before = cpuMicros(family);
    const load: Load = await runLoad(url, key, seconds);
    const micros = cpuMicros(family) - before;
    return { peer: peer.name, ...load, cpuMicrosPerRequest: micros / load.requests, residentMiB: residentMiB(family) };
  } finally {
    await started.stop();
  }
};

const root = await mkdtemp(join(tmpdir(), "portico-bench-"));
const originPort = await freePort();
const origin = await startOrigin(root, originPort);
try {
  for (const what of named.length > 0 ? named.filter(isCase) : cases) {
    console.log(`\n${what}: ${caseTitles[what]}`);
    // The first target is a ratio to plain nginx, so it stands beside every case.
    const taking = peers.filter((peer) => peer.cases.includes(what) || peer === nginx);
    const able = taking.filter((peer) => peer.missing() === undefined);
    for (const peer of taking)
      if (peer.missing()) console.log(`  ${peer.name}: not measured, missing ${peer.missing()}`);
    const figures: Figures[] = [];
    for (const peer of [...able, ...able.toReversed()]) {
      const each = await measure(peer, peer.cases.includes(what) ? what : "pass-through", originPort, root);
      process.stdout.write(`  ${peer.name.padEnd(20)} ${each.cpuMicrosPerRequest.toFixed(1)} us/request\n`);
      figures.push(each);
    }
    const result = report(what, figures);
    console.log(result.text);
    const folder = fileURLToPath(new URL("./results/", import.meta.url));
    await mkdir(folder, { recursive: true });
    await writeFile(
      join(folder, `${what}.json`),
      `${JSON.stringify({ case: what, node: process.version, cpu: cpus()[0]?.model, seconds, runs: figures, ratios: result.ratios }, null, 2)}\n`,
    );
  }
} finally {
  await origin.stop();
  await rm(root, { recursive: true, force: true });
}
