import { readFile } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { messageOf } from "../../base/fault.ts";
import type { Call } from "./command.ts";
import { CommandFailure } from "./failure.ts";
import type { Json } from "./management-client.ts";

const documentBytesMax = 32 * 1024 * 1024;

/**
 * The document that an argument names (a file, a URL, or `-`), as an import takes it, with the files that it refers to. A public URL
 * is left to the platform; what only this machine reaches is read here, with the rights of whoever runs the command.
 */
export const documentSource = async (call: Call): Promise<Json> => {
  const source = call.argument(0) ?? "-";
  const { signal } = call.terminal;
  // A document from elsewhere must not make this machine knock at doors of its network that only it can reach.
  const allowPrivate = call.isSet("allow-private");
  if (source === "-") {
    return whole(await call.terminal.readInput(documentBytesMax), "openapi", undefined, allowPrivate, signal);
  }
  if (!/^https?:\/\//i.test(source)) {
    const path = resolve(call.terminal.cwd, source);
    return whole(await fileBytes(path, source), basename(path), pathToFileURL(path).href, allowPrivate, signal);
  }
  const url = new URL(source);
  if (!isPrivateHost(url.hostname)) return { url: source };
  const { urlFetcher } = await import("../../openapi/fetch-document.ts");
  const { bytes, uri } = await urlFetcher({ allowPrivate: true })(source, { bytesMax: documentBytesMax, signal }).catch(
    (thrown: unknown) => {
      throw signal.aborted ? thrown : unreachable(source, thrown);
    },
  );
  return whole(bytes, basename(url.pathname) || "openapi", uri, true, signal);
};

const unreachable = (url: string, thrown: unknown): CommandFailure =>
  new CommandFailure(
    {
      code: "cli.document_unreachable",
      message: `${url} could not be fetched: ${messageOf(thrown)}.`,
      next: "Check the address, or fetch it another way and give the file, or - for standard input.",
    },
    thrown,
  );

const whole = async (
  bytes: Uint8Array,
  fileName: string,
  uri: string | undefined,
  allowPrivate: boolean,
  signal: AbortSignal,
): Promise<Json> => {
  const { readDocument } = await import("../../openapi/read-document.ts");
  const { externalSources, resolveExternal } = await import("../../openapi/external-references.ts");
  const { documentFetcher } = await import("../../openapi/fetch-document.ts");
  const { fileURLToPath } = await import("node:url");
  // A document on disk may refer to files beside it, not to any file of this machine.
  const directory = uri?.startsWith("file:") === true ? dirname(fileURLToPath(uri)) : undefined;
  const document = readDocument(bytes, { name: fileName, ...(uri === undefined ? {} : { uri }) });
  const fetcher = documentFetcher({ allowPrivate, ...(directory === undefined ? {} : { directory }) });
  const externals = externalSources(await resolveExternal(document, fetcher, undefined, signal));
  // Where a file lies on this machine is nobody's business; what it is called there is enough to find the others again.
  const place = directory === undefined ? uri : `document:///${encodeURIComponent(fileName)}`;
  return {
    fileName,
    contentBase64: Buffer.from(bytes).toString("base64"),
    ...(Object.keys(externals).length === 0 ? {} : { externals, ...(place === undefined ? {} : { place }) }),
  };
};

const fileBytes = async (path: string, shown: string): Promise<Uint8Array> => {
  try {
    return await readFile(path);
  } catch (thrown) {
    throw new CommandFailure(
      {
        code: "cli.file_unreadable",
        message: `${shown} cannot be read: ${messageOf(thrown)}.`,
        next: "Check the path, or give a URL or - for standard input.",
      },
      thrown,
    );
  }
};

const isPrivateHost = (host: string): boolean =>
  !/[.:]/.test(host) ||
  /\.(localhost|local|internal|test)$/i.test(host) ||
  /^(127|10)\.|^192\.168\.|^172\.(1[6-9]|2\d|3[01])\.|^169\.254\.|^\[(::1|f[cd][0-9a-f]{2}:.*|fe80:.*)\]$/i.test(host);
