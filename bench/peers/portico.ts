import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { publicKeyPem } from "../call.ts";
import { isTls, type Peer } from "../peer.ts";
import { freePort } from "../process.ts";

const main = fileURLToPath(new URL("../../src/app/main.ts", import.meta.url));

const answer = { responses: { 200: { description: "One item." } } };
const line = {
  type: "object",
  required: ["id", "title"],
  additionalProperties: false,
  properties: {
    id: { type: "integer", minimum: 0 },
    title: { type: "string", minLength: 1, maxLength: 200 },
    count: { type: "integer", minimum: 1 },
    price: { type: "number", minimum: 0 },
  },
};
const order = {
  type: "object",
  required: ["customer", "lines"],
  additionalProperties: false,
  properties: { customer: { type: "string" }, lines: { type: "array", items: line, maxItems: 100 } },
};

const documentOf = (operations: number): string =>
  JSON.stringify({
    openapi: "3.1.0",
    info: { title: "Bench", version: "1" },
    paths: {
      "/item": {
        get: { operationId: "getItem", ...answer },
        post: {
          operationId: "postItem",
          requestBody: { required: true, content: { "application/json": { schema: order } } },
          ...answer,
        },
      },
      ...Object.fromEntries(
        Array.from({ length: operations }, (_, n) => [
          `/things${n}/{id}`,
          {
            get: {
              operationId: `getThing${n}`,
              parameters: [{ name: "id", in: "path", required: true, schema: { type: "string" } }],
              ...answer,
            },
          },
        ]),
      ),
    },
  });

const fullPolicy = `inbound:
  - cors: { allowed-origins: ["https://app.example"], allowed-methods: [GET, POST] }
  - validate-jwt:
      issuer-signing-keys: ${JSON.stringify(publicKeyPem)}
      audiences: bench
  - base
  - set-header: { name: x-consumer, value: "=caller.subscription" }
  - set-header: { name: x-forwarded-api, value: bench }
  - validate-request: {}
`;

/** Portico's gateway, one thread, from a bundle: no control plane, no database. */
export const portico: Peer = {
  name: "portico",
  cases: ["pass-through", "key-limit", "full", "many-apis", "tls", "http2"],
  missing: () => undefined,
  command: async (start) => {
    const bundle = join(start.directory, "bundle");
    const write = async (path: string, text: string): Promise<void> => {
      await mkdir(join(bundle, path, ".."), { recursive: true });
      await writeFile(join(bundle, path), text);
    };
    const isProtected = start.case === "key-limit" || start.case === "full";
    await write("apis/bench/openapi.json", documentOf(0));
    if (start.case === "full") await write("apis/bench/policy.yaml", fullPolicy);
    const others = start.case === "many-apis" ? 2_000 : 0;
    for (let n = 0; n < others; n++) {
      await write(`apis/other-${n}/openapi.json`, documentOf(8));
      await write(
        `apis/other-${n}/api.yaml`,
        `path: /other/${n}\nbackend: http://127.0.0.1:${start.originPort}\nprotect: none\n`,
      );
    }
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
        ...(isTls(start.case)
          ? [
              ...["--port", String(await freePort()), "--https-port", String(start.port)],
              ...["--tls-cert", start.certificateFile, "--tls-key", start.certificateKeyFile],
            ]
          : ["--port", String(start.port)]),
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
