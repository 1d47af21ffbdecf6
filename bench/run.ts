import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { testCertificate } from "../src/base/testing-certificates.ts";
import { newApiKey } from "../src/model/api-key.ts";
import { callOf } from "./call.ts";
import { type Load, loadMissing, runLoad } from "./load.ts";
import { startOrigin } from "./origin.ts";
import { type Case, cases, caseTitles, isTls, type Peer } from "./peer.ts";
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
// Memory, not speed: no peers and no load.
if (named[0] === "idle") {
  const { measureIdle } = await import("./idle.ts");
  await measureIdle();
  process.exit(0);
}
const unknown = named.filter((name) => !isCase(name));
if (unknown.length > 0 || !(seconds >= 1)) {
  console.error(`Unknown: ${unknown.join(", ")}. The cases are ${cases.join(", ")}, idle; --seconds N is at least 1.`);
  process.exit(2);
}
const measure = async (peer: Peer, what: Case, originPort: number, root: string): Promise<Figures> => {
  const directory = await mkdtemp(join(root, `${peer.name.replace(/\W/g, "-")}-`));
  const port = await freePort();
  const key = newApiKey();
  const certificateFile = join(root, "certificate.pem");
  const certificateKeyFile = join(root, "key.pem");
  const { program, args: programArgs } = await peer.command({
    case: what,
    port,
    originPort,
    directory,
    key,
    certificateFile,
    certificateKeyFile,
  });
  const started = startPinned(gatewayCore, program, programArgs);
  try {
    await waitForPort(port, started);
    const url = `${isTls(what) ? "https" : "http"}://127.0.0.1:${port}/bench/item`;
    const call = callOf(what, key);
    // Over TLS the load's own failures tell: this certificate is nobody's.
    const first = isTls(what)
      ? undefined
      : await fetch(url, {
          method: call.method,
          headers: { ...call.headers },
          ...(call.body === "" ? {} : { body: call.body }),
        });
    if (first !== undefined && first.status !== 200)
      throw new Error(`${peer.name} answers ${first.status}: ${await first.text()}\n${started.output()}`);
    await runLoad(what, url, call, Math.max(2, Math.round(seconds / 2)), directory);
    const family = familyOf(started.child.pid ?? 0);
    const before = cpuMicros(family);
    const load: Load = await runLoad(what, url, call, seconds, directory);
    const micros = cpuMicros(family) - before;
    return { peer: peer.name, ...load, cpuMicrosPerRequest: micros / load.requests, residentMiB: residentMiB(family) };
  } finally {
    await started.stop();
  }
};

const root = await mkdtemp(join(tmpdir(), "portico-bench-"));
const certified = await testCertificate("localhost");
await writeFile(join(root, "certificate.pem"), certified.certificate);
await writeFile(join(root, "key.pem"), certified.key, { mode: 0o600 });
const originPort = await freePort();
const origin = await startOrigin(root, originPort);
try {
  for (const what of named.length > 0 ? named.filter(isCase) : cases) {
    console.log(`\n${what}: ${caseTitles[what]}`);
    const missingLoad = loadMissing(what);
    if (missingLoad !== undefined) {
      console.log(`  not measured: the load needs what is not installed: ${missingLoad}`);
      continue;
    }
    // The first target is a ratio to plain nginx, so it stands beside every case.
    const taking = peers.filter((peer) => peer.cases.includes(what) || peer === nginx);
    const able = taking.filter((peer) => peer.missing() === undefined);
    for (const peer of taking)
      if (peer.missing()) console.log(`  ${peer.name}: not measured, missing ${peer.missing()}`);
    const figures: Figures[] = [];
    for (const peer of [...able, ...able.toReversed()]) {
      const each = await measure(peer, what, originPort, root);
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
