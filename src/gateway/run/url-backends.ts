import { boundedMap } from "../../base/bounded-map.ts";
import { type Log, silentLog } from "../../base/log.ts";
import type { BackendKind, BuiltBackend, UpstreamTarget } from "../../exchange/backend.ts";

/** Backends that a policy names by URL at run time (`set-backend-service`). */
export interface UrlBackends {
  /** The backend at a URL, or null where it is no usable http(s) URL. */
  of(url: string): BuiltBackend | null;
  dispose(): void;
}

const urlsMax = 1000;

/** A bounded set of such backends, made by the kind `http` with its defaults: another backend's credentials never go along. */
export const createUrlBackends = (tools: {
  readonly kinds: readonly BackendKind[];
  readonly log?: Log;
  upstream(target: UpstreamTarget): BuiltBackend;
}): UrlBackends => {
  const log = tools.log ?? silentLog;
  const built = boundedMap<string, BuiltBackend>(urlsMax, (_url, backend) => backend.dispose());
  const kind = tools.kinds.find((one) => one.kind === "http");
  return {
    of: (url) => {
      const known = built.get(url);
      if (known !== undefined) return known;
      if (kind === undefined || url.length > 2000) return null;
      const config = { kind: "http", url };
      if (!kind.schema.safeParse(config).success) return null;
      let hasMistake = false;
      const backend = kind.build(config, {
        at: "set-backend-service",
        mistake: (_path, message) => {
          hasMistake = true;
          log.warn("a backend URL of a policy is not usable", { reason: message });
        },
        upstream: (target) => tools.upstream(target),
        cluster: () => {
          throw new RangeError("a URL has no rules");
        },
        value: () => {
          throw new RangeError("a URL has no expressions");
        },
        mocksOf: () => [],
      });
      if (hasMistake) {
        backend.dispose();
        return null;
      }
      built.set(url, backend);
      return backend;
    },
    dispose: () => {
      for (const [, backend] of built.entries()) backend.dispose();
      built.clear();
    },
  };
};
