import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Peer } from "../peer.ts";
import { freePort } from "../process.ts";

const main = fileURLToPath(new URL("../../src/app/main.ts", import.meta.url));

const document = JSON.stringify({
  openapi: "3.1.0",
  info: { title: "Bench", version: "1" },
  paths: { "/item": { get: { operationId: "getItem", responses: { 200: { description: "One item." } } } } },
});

/** Portico's gateway, one thread, from a bundle: no control plane, no database. */
export const portico: Peer = {
  name: "portico",
  cases: ["pass-through", "key-limit"],
  missing: () => undefined,
  command: async (start) => {
    const bundle = join(start.directory, "bundle");
    const write = async (path: string, text: string): Promise<void> => {
      await mkdir(join(bundle, path, ".."), { recursive: true });
      await writeFile(join(bundle, path), text);
    };
    const isProtected = start.case === "key-limit";
    await write("apis/bench/openapi.json", document);
    await write(
      "apis/bench/api.yaml",
      `path: /bench\nbackend: http://127.0.0.1:${start.originPort}\nprotect: ${isProtected ? "key" : "none"}\n`,
    );
    if (isProtected) {
      await write(
        "products/bench.yaml",
        "apis: [bench]\nplans:\n  bench:\n    rate-limit: { calls: 1000000000, window: 60s }\n",
      );
      const digest = createHash("sha256").update(start.key).digest("hex");
      await write(
        "portico.yaml",
        `keys:\n  - { digest: "sha256:${digest}", subscription: subscription-1, product: bench, plan: bench }\n`,
      );
    }
    return {
      program: process.execPath,
      args: [
        main,
        "gateway",
        "--port",
        String(start.port),
        "--ops-port",
        String(await freePort()),
        "--config",
        bundle,
        "--data",
        join(start.directory, "data"),
        "--threads",
        "1",
      ],
    };
  },
};
