import { lookup as systemLookup } from "node:dns/promises";
import { open, realpath, stat } from "node:fs/promises";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { BlockList, isIP } from "node:net";
import { sep } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath, pathToFileURL } from "node:url";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { Fault, systemCodeOf } from "../base/fault.ts";
import type { FetchedFile, FetchFile } from "./external-references.ts";

/** An address that a name resolves to. */
export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

/** How URLs are fetched. */
export interface UrlFetcherOptions {
  /** Also private, loopback and link-local addresses. Off unless an operator says so. */
  readonly allowPrivate?: boolean;
  /** Networks that are allowed although they are private, in CIDR notation: `10.20.0.0/16`, `fd00:1::/32`. */
  readonly allowedNetworks?: readonly string[];
  readonly redirectsMax?: number;
  /** For one request, from connecting to the last byte. */
  readonly timeoutMs?: number;
  /** How names are resolved; the system's way unless a test says otherwise. */
  readonly resolve?: (host: string) => Promise<readonly ResolvedAddress[]>;
}

const redirectsMaxDefault = 5;
const timeoutMsDefault = 15_000;

/**
 * Fetches documents over http and https. Refuses credentials in URLs, other schemes, and addresses that are not public: they
 * are checked when the connection is made, for every redirect anew, so that a name cannot change its mind in between.
 */
export const urlFetcher = (options: UrlFetcherOptions = {}): FetchFile => {
  const redirectsMax = options.redirectsMax ?? redirectsMaxDefault;
  const networks = networkList(options.allowedNetworks ?? []);
  const isAllowed = (address: string): boolean =>
    options.allowPrivate === true ||
    isPublicAddress(address) ||
    networks.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
  return async (uri, bounds) => {
    const signal = AbortSignal.any([bounds.signal, AbortSignal.timeout(options.timeoutMs ?? timeoutMsDefault)]);
    let url = checkedUrl(uri);
    for (let redirects = 0; redirects <= redirectsMax; redirects++) {
      const response = await get(url, options, isAllowed, signal);
      const location = response.headers.location;
      const status = response.statusCode ?? 0;
      if (status >= 300 && status < 400 && status !== 304 && location !== undefined) {
        response.destroy();
        if (!URL.canParse(location, url)) throw refusal("url_refused", "redirects to something that is no URL");
        const next = checkedUrl(new URL(location, url).href);
        if (url.protocol === "https:" && next.protocol === "http:") {
          throw refusal("url_refused", "redirects from https to http");
        }
        url = next;
        continue;
      }
      if (status !== 200) {
        response.destroy();
        throw refusal("fetch_failed", `the server answered ${status}`);
      }
      return { bytes: await readBody(response, bounds.bytesMax, signal), uri: url.href };
    }
    throw refusal("fetch_failed", `more than ${redirectsMax} redirects`);
  };
};

/** Reads files below one directory; whatever leads out of it, also through symbolic links, is refused. */
export const directoryFetcher =
  (directory: string): FetchFile =>
  async (uri, bounds) => {
    const root = await realpath(directory);
    let path: string;
    try {
      path = await realpath(fileURLToPath(uri));
    } catch (thrown) {
      throw refusal("fetch_failed", `the file cannot be found (${systemCodeOf(thrown) ?? "not a file URL"})`, thrown);
    }
    if (!path.startsWith(root.endsWith(sep) ? root : root + sep)) {
      throw refusal("url_refused", "the file lies outside the document's directory");
    }
    return { bytes: await readFileBounded(path, bounds.bytesMax), uri: pathToFileURL(path).href };
  };

/** One fetcher out of two: files below a directory, everything else over the network. Without a directory, no files. */
export const documentFetcher = (options: UrlFetcherOptions & { readonly directory?: string } = {}): FetchFile => {
  const overNetwork = urlFetcher(options);
  const fromDisk = options.directory === undefined ? undefined : directoryFetcher(options.directory);
  return async (uri, bounds): Promise<FetchedFile> => {
    if (!uri.startsWith("file:")) return overNetwork(uri, bounds);
    if (fromDisk === undefined) throw refusal("url_refused", "files are not read here");
    return fromDisk(uri, bounds);
  };
};

/** Whether an address is one that the public internet routes. Everything special-purpose is not (RFC 6890 and its registries). */
export const isPublicAddress = (address: string): boolean => {
  // A zone index (`fe80::1%eth0`) only occurs with link-local addresses.
  const family = isIP(address);
  if (family === 4) return !special4.check(address, "ipv4");
  if (family !== 6 || address.includes("%")) return false;
  return global6.check(address, "ipv6") && !special6.check(address, "ipv6");
};

const blockList = (family: "ipv4" | "ipv6", ranges: readonly (readonly [string, number])[]): BlockList => {
  const list = new BlockList();
  for (const [network, prefix] of ranges) list.addSubnet(network, prefix, family);
  return list;
};

const special4 = blockList("ipv4", [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
]);

// Only global unicast is public; IPv4-mapped, unique-local, link-local and multicast addresses lie outside it.
const global6 = blockList("ipv6", [["2000::", 3]]);

// Within it: protocol assignments with Teredo, documentation, and 6to4, which carries an IPv4 address of anybody's choice.
const special6 = blockList("ipv6", [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
]);

const checkedUrl = (uri: string): URL => {
  if (!URL.canParse(uri)) throw refusal("url_refused", "this is no URL");
  const url = new URL(uri);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw refusal("url_refused", `only http and https are fetched, not ${url.protocol.slice(0, -1)}`);
  }
  if (url.username !== "" || url.password !== "") {
    throw refusal("url_refused", "credentials in a URL would be stored with it");
  }
  url.hash = "";
  return url;
};

type IsAllowed = (address: string) => boolean;

/** Refuses, when it is configured, whatever is no network. */
const networkList = (networks: readonly string[]): BlockList => {
  const list = new BlockList();
  for (const network of networks) {
    const [address = "", prefix = ""] = network.split("/");
    const family = isIP(address);
    if (family === 0 || !/^\d{1,3}$/.test(prefix) || Number(prefix) > (family === 4 ? 32 : 128)) {
      throw refusal("url_refused", `${network} is no network in CIDR notation`);
    }
    list.addSubnet(address, Number(prefix), family === 4 ? "ipv4" : "ipv6");
  }
  return list;
};

const get = async (
  url: URL,
  options: UrlFetcherOptions,
  isAllowed: IsAllowed,
  signal: AbortSignal,
): Promise<IncomingMessage> => {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const address = await checkedAddress(host, options, isAllowed, signal);
  const send = url.protocol === "https:" ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const sent = send(url, {
      // The address that was checked is the address that is connected to, whatever the name says a moment later.
      lookup: (_host, lookupOptions, done) => {
        if (lookupOptions.all === true) done(null, [{ address: address.address, family: address.family }]);
        else done(null, address.address, address.family);
      },
      headers: {
        accept: "application/json, application/yaml, application/openapi+json, application/openapi+yaml, */*;q=0.5",
        "accept-encoding": "gzip, br",
        "user-agent": "portico",
      },
      // A connection of its own: one from a pool might lead to an address that was never checked.
      agent: false,
      signal,
    });
    sent.on("response", resolve);
    sent.on("error", (thrown) => {
      reject(
        refusal(
          "fetch_failed",
          signal.aborted ? "it took too long" : `it cannot be reached (${systemCodeOf(thrown) ?? "error"})`,
          thrown,
        ),
      );
    });
    sent.end();
  });
};

const checkedAddress = async (
  host: string,
  options: UrlFetcherOptions,
  isAllowed: IsAllowed,
  signal: AbortSignal,
): Promise<ResolvedAddress> => {
  const addresses = isIP(host) > 0 ? [{ address: host, family: isIP(host) }] : await resolved(host, options, signal);
  const allowed = addresses.filter(({ address }) => isAllowed(address));
  const [first] = allowed;
  // One private address among public ones is refused as well: the name is not to be trusted.
  if (first === undefined || allowed.length < addresses.length) {
    throw refusal("address_refused", "its address is private, and private addresses are not fetched unless allowed");
  }
  return first;
};

const resolved = async (
  host: string,
  options: UrlFetcherOptions,
  signal: AbortSignal,
): Promise<readonly ResolvedAddress[]> => {
  const resolve = options.resolve ?? ((name: string) => systemLookup(name, { all: true }));
  const late = Promise.withResolvers<never>();
  const stop = (): void => late.reject(refusal("fetch_failed", "it took too long"));
  signal.addEventListener("abort", stop, { once: true });
  try {
    const addresses = await Promise.race([resolve(host), late.promise]);
    if (addresses.length === 0) throw refusal("fetch_failed", "its name has no address");
    return addresses;
  } catch (thrown) {
    if (thrown instanceof Fault) throw thrown;
    throw refusal("fetch_failed", `its name cannot be resolved (${systemCodeOf(thrown) ?? "error"})`, thrown);
  } finally {
    signal.removeEventListener("abort", stop);
  }
};

const readBody = async (response: IncomingMessage, bytesMax: number, signal: AbortSignal): Promise<Uint8Array> => {
  const declared = Number(response.headers["content-length"] ?? 0);
  if (declared > bytesMax) {
    response.destroy();
    throw tooLarge(bytesMax);
  }
  const body = decoded(response);
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body) {
      if (!Buffer.isBuffer(chunk)) continue;
      bytes += chunk.length;
      // Counted after decompression: a small body may unfold to a very large one.
      if (bytes > bytesMax) throw tooLarge(bytesMax);
      chunks.push(chunk);
    }
  } catch (thrown) {
    if (thrown instanceof Fault) throw thrown;
    throw refusal("fetch_failed", signal.aborted ? "it took too long" : "the answer broke off", thrown);
  } finally {
    response.destroy();
    body.destroy();
  }
  return Buffer.concat(chunks);
};

const decoded = (response: IncomingMessage): Readable => {
  const coding = (response.headers["content-encoding"] ?? "identity").toLowerCase();
  if (coding === "identity" || coding === "") return response;
  const decoder =
    coding === "gzip" || coding === "x-gzip"
      ? createGunzip()
      : coding === "br"
        ? createBrotliDecompress()
        : coding === "deflate"
          ? createInflate()
          : undefined;
  if (decoder === undefined) {
    response.destroy();
    throw refusal("fetch_failed", `the answer is encoded as ${coding}`);
  }
  response.on("error", (thrown) => decoder.destroy(thrown));
  return response.pipe(decoder);
};

const readFileBounded = async (path: string, bytesMax: number): Promise<Uint8Array> => {
  // Opening a pipe or a device could wait without end.
  if (!(await stat(path)).isFile()) throw refusal("url_refused", "this is no regular file");
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    if (size > bytesMax) throw tooLarge(bytesMax);
    return await file.readFile();
  } finally {
    await file.close();
  }
};

const tooLarge = (bytesMax: number): Fault =>
  new Fault("document.too_large", { public: `it has more than ${bytesMax} bytes`, status: 413 });

const refusal = (what: "url_refused" | "address_refused" | "fetch_failed", message: string, cause?: unknown): Fault =>
  new Fault(`document.${what}`, { public: message, status: 422, ...(cause === undefined ? {} : { cause }) });
