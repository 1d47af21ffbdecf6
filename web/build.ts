import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import tailwind from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { build, type InlineConfig, type Rolldown } from "vite";

// Builds both web applications into a directory: `node web/build.ts OUT`. Nothing else in the repository reads these sources at run time.
const root = fileURLToPath(new URL("./", import.meta.url));
const outDir = resolve(process.argv[2] ?? join(root, "dist", "manual"));

/** Browsers of the last two years: what they know need not be written in longer words. */
const target = ["chrome123", "edge123", "firefox120", "safari17.5"];

const shared = {
  configFile: false,
  root,
  logLevel: "warn",
  mode: "production",
  define: { "process.env.NODE_ENV": '"production"' },
} satisfies InlineConfig;

const outputsOf = (result: Awaited<ReturnType<typeof build>>): Rolldown.RolldownOutput["output"] => {
  const single = Array.isArray(result) ? result[0] : result;
  if (single === undefined || !("output" in single)) throw new Error("the build gave no output");
  return single.output;
};

/** What pages of the portal load: one small script, its later chunk, one style sheet. */
const buildPortalAssets = async (): Promise<void> => {
  const output = outputsOf(
    await build({
      ...shared,
      plugins: [tailwind()],
      build: {
        outDir: join(outDir, "portal"),
        emptyOutDir: false,
        target,
        cssTarget: target,
        modulePreload: false,
        assetsInlineLimit: 0,
        rolldownOptions: {
          input: { island: join(root, "portal/island.ts"), portal: join(root, "portal/portal.css") },
        },
      },
    }),
  );
  const script = output.find((file) => file.type === "chunk" && file.isEntry && file.name === "island")?.fileName;
  const style = output.find((file) => file.type === "asset" && file.fileName.endsWith(".css"))?.fileName;
  if (script === undefined || style === undefined) throw new Error("the portal's script or style sheet is missing");
  const assets = { script: `/${script}`, style: `/${style}` };
  await writeFile(join(outDir, "portal", "assets.json"), JSON.stringify(assets));
};

/** The portal's pages as a module for the server, libraries included. */
const buildPortalServer = (): Promise<unknown> =>
  build({
    ...shared,
    plugins: [react()],
    build: {
      outDir: join(outDir, "portal"),
      emptyOutDir: false,
      target: "node24",
      minify: false,
      ssr: join(root, "portal/server.tsx"),
      rolldownOptions: { output: { entryFileNames: "server.js" } },
    },
    ssr: { noExternal: true, target: "node" },
  });

const buildStudio = (): Promise<unknown> =>
  build({
    ...shared,
    root: join(root, "studio"),
    plugins: [react(), tailwind()],
    build: {
      outDir: join(outDir, "studio"),
      emptyOutDir: false,
      target,
      cssTarget: target,
      modulePreload: { polyfill: false },
      // Inlined fonts and pictures would need `data:` sources that the policy of the page does not allow.
      assetsInlineLimit: 0,
      reportCompressedSize: false,
    },
  });

await mkdir(join(outDir, "portal"), { recursive: true });
await Promise.all([buildPortalAssets(), buildPortalServer(), buildStudio()]);
