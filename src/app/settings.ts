import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { type LogLevel, logLevels } from "../base/log.ts";
import type { ProcessSettings } from "../model/settings.ts";
import { usageFailure } from "./cli/failure.ts";

/** A setting of the program: one row says everything about it. */
export interface SettingRow {
  readonly flag: string;
  readonly env: string;
  readonly defaultText: string;
  readonly description: string;
  /** False for what must not stand in a file, such as credentials. */
  readonly isInFile: boolean;
}

/** Every setting, by its name as a flag and in `portico.yaml` under `settings:`. Flags go before environment, environment before file. */
export const settingRows = {
  host: row("--host <address>", "127.0.0.1", "address that every port binds to"),
  "port-base": row(
    "--port-base <n>",
    "none",
    "moves all ports: gateway n, portal n+1, studio n+2, operations n+3, HTTPS n+4, the sample's service n+5",
  ),
  "gateway-port": row("--gateway-port <n>", "8080", "gateway, HTTP"),
  "portal-port": row("--portal-port <n>", "8081", "developer portal"),
  "studio-port": row("--studio-port <n>", "8082", "studio and management API"),
  "ops-port": row("--ops-port <n>", "8083", "health, metrics and revision of the gateway"),
  "https-port": row("--https-port <n>", "8443", "gateway, HTTPS: as soon as there is a certificate"),
  "tls-cert": row(
    "--tls-cert <file>",
    "none",
    "certificate of the gateway (PEM, the leaf first); read again when it changes",
  ),
  "tls-key": row("--tls-key <file>", "none", "private key of --tls-cert (PEM)"),
  "tls-client-ca": row("--tls-client-ca <file>", "none", "authorities of client certificates for --tls-cert (PEM)"),
  "tls-client-auth": row(
    "--tls-client-auth <mode>",
    "required where --tls-client-ca is given",
    "whether clients show a certificate: required, optional",
  ),
  "tls-min-version": row("--tls-min-version <version>", "1.2", "least version for --tls-cert: 1.2, 1.3"),
  https: row("--https", "false", "HTTPS with a self-signed certificate for this machine, kept in the data directory"),
  "sample-port": row("--sample-port <n>", "8085", "the sample's microservice, where the port is free"),
  data: row("--data <dir>", ".portico", "data directory"),
  empty: row("--empty", "false", "start without the sample"),
  threads: row("--threads <n>", "one per core", "worker threads of the gateway"),
  labels: row("--labels <list>", "none", "labels of the gateway, separated by commas"),
  "log-level": row("--log-level <level>", "info", `least level that is logged: ${logLevels.join(", ")}`),
  "access-log": row(
    "--access-log <where>",
    "file for up, stdout for gateway",
    "one JSON line per call: off, stdout, file",
  ),
  "explain-sample": row("--explain-sample <share>", "0", "share of all calls whose explanation is kept, 0 to 1"),
  "explain-failures": row(
    "--explain-failures <n>",
    "30",
    "failed calls per minute whose outcome is kept for `explain`",
  ),
  "otlp-endpoint": row(
    "--otlp-endpoint <url>",
    "none",
    "OpenTelemetry collector (OTLP over HTTP) for traces and metrics; OTEL_EXPORTER_OTLP_ENDPOINT counts too",
  ),
  "otlp-sample": row(
    "--otlp-sample <share>",
    "0.1",
    "share of the calls without a trace of their own that are traced, 0 to 1",
  ),
  "otlp-metrics-seconds": row("--otlp-metrics-seconds <n>", "60", "how often metrics are exported"),
  "otlp-headers": {
    flag: "",
    env: "PORTICO_OTLP_HEADERS",
    defaultText: "none",
    description:
      "header fields for the collector, name=value separated by commas; OTEL_EXPORTER_OTLP_HEADERS counts too",
    isInFile: true,
  },
  "database-url": {
    flag: "",
    env: "DATABASE_URL",
    defaultText: "embedded PostgreSQL in the data directory",
    description: "PostgreSQL to use instead of the embedded one",
    isInFile: false,
  },
  url: row("--url <url>", "http://127.0.0.1:8082", "studio and management API that commands talk to"),
  "gateway-url": row(
    "--gateway-url <url>",
    "http://127.0.0.1:8080",
    "gateway that `try` calls, and that the portals show",
  ),
} as const satisfies Readonly<Record<string, SettingRow>>;

export type SettingName = keyof typeof settingRows;

/** Where settings come from. */
export interface SettingSources {
  /** The value of a flag, undefined where it was not given. */
  flag(name: SettingName): string | boolean | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `settings:` of portico.yaml. */
  readonly file: Readonly<Record<string, unknown>>;
}

/** Reads settings with their precedence; a value that cannot be one is refused with the name of where it came from. */
export interface Settings {
  text(name: SettingName): string | undefined;
  integer(name: SettingName, min: number, max: number): number | undefined;
  /** A number from 0 to 1. */
  share(name: SettingName): number | undefined;
  isOn(name: SettingName): boolean;
  list(name: SettingName): readonly string[];
}

/** The settings of one command line. */
export const settingsFrom = (sources: SettingSources): Settings => {
  const find = (name: SettingName): { readonly value: unknown; readonly from: string } | undefined => {
    const { env, isInFile } = settingRows[name];
    const flag = sources.flag(name);
    if (flag !== undefined && flag !== false) return { value: flag, from: `--${name}` };
    const inEnvironment = sources.env[env];
    if (inEnvironment !== undefined && inEnvironment !== "") return { value: inEnvironment, from: env };
    const inFile = isInFile && Object.hasOwn(sources.file, name) ? sources.file[name] : undefined;
    return inFile === undefined ? undefined : { value: inFile, from: `portico.yaml settings.${name}` };
  };
  const wrong = (from: string, value: unknown, wanted: string): never => {
    throw usageFailure(`${from} is '${String(value)}', which is not ${wanted}.`, `Give ${wanted}.`);
  };
  return {
    text: (name) => {
      const found = find(name);
      return found === undefined ? undefined : String(found.value);
    },
    integer: (name, min, max) => {
      const found = find(name);
      if (found === undefined) return undefined;
      const number = /^\d+$/.test(String(found.value)) ? Number(found.value) : Number.NaN;
      return number >= min && number <= max
        ? number
        : wrong(found.from, found.value, `a whole number from ${min} to ${max}`);
    },
    share: (name) => {
      const found = find(name);
      if (found === undefined) return undefined;
      const number = /^\d*\.?\d+$/.test(String(found.value)) ? Number(found.value) : Number.NaN;
      return number >= 0 && number <= 1 ? number : wrong(found.from, found.value, "a number from 0 to 1");
    },
    isOn: (name) => {
      const found = find(name);
      if (found === undefined) return false;
      if (found.value === true || found.value === "true" || found.value === "1") return true;
      if (found.value === false || found.value === "false" || found.value === "0") return false;
      return wrong(found.from, found.value, "true or false");
    },
    list: (name) => {
      const found = find(name);
      if (found === undefined) return [];
      const items = Array.isArray(found.value) ? found.value.map(String) : String(found.value).split(",");
      return items.map((item) => item.trim()).filter((item) => item !== "");
    },
  };
};

/** The ports of `portico up`. */
export interface Ports {
  readonly gatewayPort: number;
  readonly portalPort: number;
  readonly studioPort: number;
  readonly opsPort: number;
  readonly samplePort: number;
  readonly httpsPort: number;
}

/** The ports that settings ask for: each by its own setting, else by `port-base`, else the usual one. Two alike are refused. */
export const portsOf = (settings: Settings): Ports => {
  // The highest port that is counted from the base must still be one.
  const base = settings.integer("port-base", 1, portMax - 5);
  const port = (name: SettingName, offset: number): number =>
    settings.integer(name, 1, portMax) ?? (base ?? 8080) + offset;
  const ports = {
    gatewayPort: port("gateway-port", 0),
    portalPort: port("portal-port", 1),
    studioPort: port("studio-port", 2),
    opsPort: port("ops-port", 3),
    samplePort: port("sample-port", 5),
    // 8443 beside 8080; counted from the base where there is one.
    httpsPort: settings.integer("https-port", 1, portMax) ?? (base === undefined ? 8443 : base + 4),
  };
  const numbers = Object.values(ports);
  const twice = numbers.find((number, index) => numbers.indexOf(number) !== index);
  if (twice !== undefined)
    throw usageFailure(`Port ${twice} is wanted twice.`, "Give each part a port of its own, or only --port-base.");
  return ports;
};

/** The level of the log. */
export const logLevelOf = (settings: Settings): LogLevel => {
  const text = settings.text("log-level") ?? "info";
  const level = logLevels.find((known) => known === text);
  if (level === undefined)
    throw usageFailure(`The log level '${text}' is unknown.`, `Give one of ${logLevels.join(", ")}.`);
  return level;
};

/** Where the access log goes. */
export const accessLogOf = (settings: Settings, usual: AccessLog): AccessLog => {
  const text = settings.text("access-log") ?? usual;
  const place = accessLogs.find((known) => known === text);
  if (place === undefined)
    throw usageFailure(`The access log cannot go to '${text}'.`, `Give one of ${accessLogs.join(", ")}.`);
  return place;
};

const accessLogs = ["off", "stdout", "file"] as const;
export type AccessLog = (typeof accessLogs)[number];

/** `settings:` of the portico.yaml in a directory; empty where there is none. A file with mistakes is refused with all of them. */
export const settingsFile = async (directory: string): Promise<Readonly<Record<string, unknown>>> => {
  const path = resolve(directory, "portico.yaml");
  if (!existsSync(path)) return {};
  // Loaded only where there is a file: most commands run without one and start faster so.
  const { readBundle } = await import("../bundle/read-bundle.ts");
  const { resources, findings } = readBundle(new Map([["portico.yaml", readFileSync(path)]]), {
    isElsewhere: () => true,
  });
  const errors = findings.filter((finding) => finding.severity === "error");
  if (errors.length > 0) {
    const { CommandFailure } = await import("./cli/failure.ts");
    throw new CommandFailure({
      code: "settings.invalid",
      message: `${path} has mistakes.`,
      next: "Correct them; `portico lint` checks a whole directory.",
      findings: errors,
    });
  }
  const [settings] = resources;
  return settings?.kind === "settings" ? flat(settings.body.settings ?? {}) : {};
};

/** Groups of settings become names with a hyphen: `otlp: { endpoint: ... }` is `otlp-endpoint`. */
const flat = ({ otlp = {}, explain = {}, ...others }: ProcessSettings): Readonly<Record<string, unknown>> => {
  const { headers, ...rest } = otlp;
  const all: Record<string, unknown> = { ...others };
  for (const [name, value] of Object.entries(rest)) all[`otlp-${name}`] = value;
  for (const [name, value] of Object.entries(explain)) all[`explain-${name}`] = value;
  if (headers !== undefined)
    all["otlp-headers"] = Object.entries(headers)
      .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
      .join(",");
  return all;
};

const portMax = 65_535;

function row(flag: string, defaultText: string, description: string): SettingRow {
  const name = flag.slice(2).split(" ")[0] ?? "";
  return { flag, env: `PORTICO_${name.toUpperCase().replaceAll("-", "_")}`, defaultText, description, isInFile: true };
}
