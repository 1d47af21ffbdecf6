import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { globSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Fault, systemCodeOf } from "../base/fault.ts";

const webSources = fileURLToPath(new URL("../../web/", import.meta.url));
const lockFile = fileURLToPath(new URL("../../package-lock.json", import.meta.url));
const pageTypes = fileURLToPath(new URL("./", import.meta.url));

/** Builds that are kept beside the newest, for processes that still serve them. */
const buildsKept = 2;
const buildTimeoutMs = 120_000;
const draftMsMax = 10 * buildTimeoutMs;

/**
 * The directory of the built web applications, for `createPortalApp` and `createStudioApp`. Builds them when their sources are
 * not those of a build that is there; a build appears whole or not at all, also when two processes make it at once.
 */
export const ensureWebBuilt = async (): Promise<string> => {
  const dist = join(webSources, "dist");
  const target = join(dist, await sourcesHash());
  if (await isThere(target)) return target;
  const draft = join(dist, `.building-${process.pid}-${Date.now()}`);
  await mkdir(draft, { recursive: true });
  try {
    await build(draft);
    await rename(draft, target);
  } catch (thrown) {
    await rm(draft, { recursive: true, force: true });
    // Somebody else's build of the same sources came first: it is as good as ours.
    const isTaken = ["ENOTEMPTY", "EEXIST", "EPERM"].includes(systemCodeOf(thrown) ?? "");
    if (!isTaken || !(await isThere(target))) throw thrown;
  }
  await forgetOldBuilds(dist, target);
  return target;
};

/** The content hash of everything that a build is made from. */
const sourcesHash = async (): Promise<string> => {
  const hash = createHash("sha256");
  const files = globSync("**/*.{ts,tsx,css,html,svg,json}", {
    cwd: webSources,
    exclude: (name) => name === "node_modules" || name === "dist" || /\.test\.tsx?$/.test(name),
  }).sort();
  for (const file of files) hash.update(`${file}\0`).update(await readFile(join(webSources, file)));
  // Pages are rendered with rules of this room; versions of libraries are in the lock file.
  for (const file of ["protections.ts", "tag-slug.ts"]) hash.update(await readFile(join(pageTypes, file)));
  hash.update(await readFile(lockFile).catch(() => ""));
  return hash.digest("hex").slice(0, 16);
};

const build = (outDir: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(webSources, "build.ts"), outDir], {
      cwd: webSources,
      stdio: ["ignore", "pipe", "pipe"],
      timeout: buildTimeoutMs,
      env: { ...process.env, NODE_ENV: "production" },
    });
    let output = "";
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-8000);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) return resolve();
      reject(
        new Fault("web.build_failed", {
          public: "The web applications could not be built. Run `node web/build.ts` to see why.",
          internal: output,
        }),
      );
    });
  });

const forgetOldBuilds = async (dist: string, newest: string): Promise<void> => {
  const names = await readdir(dist);
  // Drafts of builds that were cut off; a running one is younger.
  const abandoned = names.filter((name) => Date.now() - Number(/^\.building-\d+-(\d+)$/.exec(name)?.[1]) > draftMsMax);
  await Promise.all(abandoned.map((name) => rm(join(dist, name), { recursive: true, force: true })));
  const builds = await Promise.all(
    names
      .filter((name) => /^[0-9a-f]{16}$/.test(name) && join(dist, name) !== newest)
      .map(async (name) => ({ path: join(dist, name), time: (await stat(join(dist, name))).mtimeMs })),
  );
  const old = builds.sort((a, b) => b.time - a.time).slice(buildsKept);
  await Promise.all(old.map(({ path }) => rm(path, { recursive: true, force: true })));
};

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
