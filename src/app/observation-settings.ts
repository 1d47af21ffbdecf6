import { usageFailure } from "./cli/failure.ts";
import type { Settings } from "./settings.ts";

/** Which calls a gateway records without being asked, and where it exports traces and metrics. */
export interface ObservationSettings {
  /** Share of all calls whose explanation is kept. */
  readonly explainSample: number;
  /** Failed calls per minute whose outcome is kept. */
  readonly explainFailures: number;
  readonly otlp?: OtlpSettings;
}

/** An OpenTelemetry collector that speaks OTLP over HTTP. */
export interface OtlpSettings {
  /** `/v1/traces` and `/v1/metrics` are below it. */
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Share of the calls that come without a trace of their own which are traced. */
  readonly sample: number;
  readonly metricsMs: number;
}

const failuresDefault = 30;
const traceShareDefault = 0.1;
const metricsSecondsDefault = 60;

/** The settings that `portico up` and `portico gateway` share. OpenTelemetry's own environment variables count where ours are absent. */
export const observationOf = (
  settings: Settings,
  env: Readonly<Record<string, string | undefined>>,
): ObservationSettings => {
  const endpoint = settings.text("otlp-endpoint") ?? env.OTEL_EXPORTER_OTLP_ENDPOINT;
  const headers = settings.text("otlp-headers") ?? env.OTEL_EXPORTER_OTLP_HEADERS;
  return {
    explainSample: settings.share("explain-sample") ?? 0,
    explainFailures: settings.integer("explain-failures", 0, 10_000) ?? failuresDefault,
    ...(endpoint === undefined || endpoint === ""
      ? {}
      : {
          otlp: {
            endpoint: endpointOf(endpoint),
            headers: headersOf(headers ?? ""),
            sample: settings.share("otlp-sample") ?? traceShareDefault,
            metricsMs: (settings.integer("otlp-metrics-seconds", 1, 3600) ?? metricsSecondsDefault) * 1000,
          },
        }),
  };
};

const endpointOf = (text: string): string => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return text.replace(/\/+$/, "");
  throw usageFailure(
    `The OTLP endpoint '${text}' is no URL of HTTP.`,
    "Give the collector's address, for example http://127.0.0.1:4318.",
  );
};

/** `name=value,name=value`, values percent-encoded (OpenTelemetry's notation of OTEL_EXPORTER_OTLP_HEADERS). */
const headersOf = (text: string): Readonly<Record<string, string>> => {
  const headers: Record<string, string> = {};
  for (const part of text.split(",")) {
    if (part.trim() === "") continue;
    const equals = part.indexOf("=");
    const name = part.slice(0, Math.max(equals, 0)).trim();
    // The text may hold a credential, so it is not shown.
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name))
      throw usageFailure("The OTLP headers are not valid.", "Write name=value, separated by commas.");
    headers[name.toLowerCase()] = decoded(part.slice(equals + 1).trim());
  }
  return headers;
};

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not percent-encoded: it stands for itself.
    return text;
  }
};
