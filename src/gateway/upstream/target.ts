import { createHash } from "node:crypto";
import { isIP } from "node:net";
import { createSecureContext, type SecureContext } from "node:tls";
import type { UpstreamTarget } from "../../exchange/backend.ts";
import { assertField } from "../../exchange/headers.ts";

/** Where to connect: equal places share one pool of connections. */
export interface Place {
  readonly key: string;
  readonly isTls: boolean;
  readonly hostname: string;
  readonly port: number;
  readonly serverName: string;
  readonly ca: string | undefined;
  readonly verify: boolean;
  readonly minVersion: "1.2" | "1.3";
  /** How TLS is spoken to it, made once: PEM is not parsed for each connection. Undefined: over plain TCP. */
  readonly secureContext: SecureContext | undefined;
  readonly connectTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly connectionsMax: number;
  readonly pendingMax: number;
  readonly protocol: NonNullable<UpstreamTarget["protocol"]>;
}

/** A target with everything computed that does not depend on the request. */
export interface PreparedTarget {
  readonly place: Place;
  readonly origin: string;
  /** Path of the base URL without its last `/`. */
  readonly basePath: string;
  readonly hostLine: string;
  readonly preserveHost: boolean;
  readonly timeoutMs: number;
  /** A client of gRPC-Web is understood by a backend that speaks gRPC. */
  readonly translatesGrpcWeb: boolean;
  /** Lines with their CRLF, and their names in lower case: they replace what the client sent. */
  readonly headerLines: string;
  readonly headerNames: readonly string[];
  /** Encoded pairs, empty or `a=b&c=d`. */
  readonly query: string;
}

/** Prepares a target. Throws a RangeError for a URL or a field that cannot go on the wire. */
export const prepareTarget = (target: UpstreamTarget): PreparedTarget => {
  const url = URL.parse(target.url);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new RangeError("a backend's URL begins with http:// or https://");
  for (const [name, value] of target.headers) assertField(name, value);
  return {
    place: placeOf(url, target),
    origin: url.origin,
    basePath: url.pathname.replace(/\/$/, ""),
    hostLine: `Host: ${url.host}\r\n`,
    preserveHost: target.preserveHost,
    timeoutMs: target.timeoutMs,
    translatesGrpcWeb: target.translatesGrpcWeb ?? true,
    headerLines: target.headers.map(([name, value]) => `${name}: ${value}\r\n`).join(""),
    headerNames: target.headers.map(([name]) => name.toLowerCase()),
    query: target.query.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join("&"),
  };
};

/** `auto` asks by ALPN, which there is none of without TLS. Throws where a version cannot be spoken to such a URL. */
const protocolOf = (protocol: UpstreamTarget["protocol"] = "http/1.1", isTls: boolean): Place["protocol"] => {
  if (protocol === "h2" && !isTls) throw new RangeError("h2 is spoken over https; without TLS it is h2c");
  if (protocol === "h2c" && isTls) throw new RangeError("h2c is spoken over http; with TLS it is h2");
  return protocol === "auto" && !isTls ? "http/1.1" : protocol;
};

const placeOf = (url: URL, target: UpstreamTarget): Place => {
  const isTls = url.protocol === "https:";
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  const place = {
    isTls,
    hostname,
    port: url.port === "" ? (isTls ? 443 : 80) : Number(url.port),
    // RFC 6066 section 3: a server name is never an address.
    serverName: target.tls.serverName ?? (isIP(hostname) === 0 ? hostname : ""),
    ca: target.tls.ca,
    verify: target.tls.verify,
    minVersion: target.tls.minVersion ?? "1.2",
    connectTimeoutMs: target.connectTimeoutMs,
    idleTimeoutMs: target.idleTimeoutMs,
    connectionsMax: target.connectionsMax,
    pendingMax: target.pendingMax,
    protocol: protocolOf(target.protocol, isTls),
  };
  const { clientCertificate = "", clientKey = "" } = target.tls;
  // The key of a pool may be seen in logs: what the gateway shows there is in it as a digest only.
  const shown = createHash("sha256").update(`${clientCertificate}\n${clientKey}`).digest("base64");
  return {
    key: JSON.stringify(clientKey === "" ? place : { ...place, shown }),
    ...place,
    secureContext: isTls ? contextOf(target) : undefined,
  };
};

const versions = { "1.2": "TLSv1.2", "1.3": "TLSv1.3" } as const;

const contextOf = ({ tls }: UpstreamTarget): SecureContext => {
  try {
    return createSecureContext({
      ...(tls.ca === undefined ? {} : { ca: tls.ca }),
      ...(tls.clientCertificate === undefined ? {} : { cert: tls.clientCertificate, key: tls.clientKey ?? "" }),
      minVersion: versions[tls.minVersion ?? "1.2"],
    });
  } catch {
    // OpenSSL's words name no field, and may quote what they read.
    throw new RangeError("the `ca`, `client-certificate` or `client-key` of a backend's `tls` cannot be used");
  }
};
