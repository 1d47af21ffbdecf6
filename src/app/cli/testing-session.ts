import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { type CliRun, type Route, runCli, type TestServer, testServer } from "./testing-cli.ts";

const root = await mkdtemp(join(tmpdir(), "portico-cli-"));
after(() => rm(root, { recursive: true }));
/** An address where nobody listens: the system has just given the port and taken it back. */
export const deadUrl = await (async (): Promise<string> => {
  const server = await testServer({});
  await server.close();
  return server.url;
})();
let count = 0;
/** A directory of its own with these files; it goes when the test file ends. */
export const freshDirectory = async (files: Readonly<Record<string, string>> = {}): Promise<string> => {
  const directory = join(root, String(count++));
  await mkdir(directory);
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(directory, path, ".."), { recursive: true });
    await writeFile(join(directory, path), text);
  }
  return directory;
};

/** What a test with a stand-in of a platform has. */
export interface Session {
  readonly directory: string;
  readonly server: TestServer;
  run(args: readonly string[], options?: Partial<Parameters<typeof runCli>[1]>): Promise<CliRun>;
}

/** A directory and a stand-in of a platform, for the time of one test. */
export const withPlatform = async (
  routes: Readonly<Record<string, Route>>,
  files: Readonly<Record<string, string>>,
  work: (session: Session) => Promise<void>,
): Promise<void> => {
  const server = await testServer(routes);
  const directory = await freshDirectory(files);
  try {
    await work({
      directory,
      server,
      run: (args, options) =>
        runCli(args, {
          cwd: directory,
          ...options,
          env: { PORTICO_URL: server.url, PORTICO_TOKEN: "ptt_test", ...options?.env },
        }),
    });
  } finally {
    await server.close();
  }
};

/** A small bundle in the folder `bundle`, and what a platform may say about it. */
export const bundle = {
  "bundle/portico.yaml": "workspace: shop\n",
  "bundle/apis/a/api.yaml": "path: /a\nprotect: none\n",
  "bundle/apis/a/openapi.json": JSON.stringify({
    openapi: "3.1.0",
    info: { title: "A", version: "1" },
    paths: { "/x": { get: { operationId: "getX", responses: { 200: { description: "ok" } } } } },
  }),
  "bundle/README.md": "not sent",
};
export const created = {
  action: "create",
  kind: "api",
  name: "a",
  file: "apis/a/api.yaml",
  fields: [],
  isTextOnly: false,
};
export const updated = {
  action: "update",
  kind: "product",
  name: "p",
  file: "products/p.yaml",
  fields: [{ path: "title", before: "Old", after: "New" }],
  isTextOnly: false,
};
export const deleted = { ...created, action: "delete", name: "b", file: "apis/b/api.yaml" };
