import { Fault } from "../base/fault.ts";

/** The management API as this process uses it: JSON in, JSON out, refusals as faults. */
export interface ManagementAccess {
  get(path: string): Promise<Readonly<Record<string, unknown>> | undefined>;
  post(path: string, body: unknown): Promise<Readonly<Record<string, unknown>>>;
  patch(path: string, body: unknown): Promise<Readonly<Record<string, unknown>>>;
}

const timeoutMs = 30_000;

/** Calls the management API at `url` with a token. `get` answers undefined for 404. */
export const managementAccess = (url: string, token: string): ManagementAccess => {
  const call = async (method: string, path: string, body?: unknown): Promise<Response> => {
    const response = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined
          ? {}
          : { "content-type": method === "PATCH" ? "application/merge-patch+json" : "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (response.ok || response.status === 404) return response;
    throw new Fault("management.refused", {
      public: `The management API answered ${response.status} to ${method} ${path}: ${(await response.text()).slice(0, 2000)}`,
    });
  };
  const objectOf = async (response: Response): Promise<Readonly<Record<string, unknown>>> => {
    const value: unknown = await response.json();
    return value !== null && typeof value === "object" ? { ...value } : {};
  };
  return {
    get: async (path) => {
      const response = await call("GET", path);
      if (response.status !== 404) return objectOf(response);
      await response.arrayBuffer();
      return undefined;
    },
    post: async (path, body) => objectOf(await call("POST", path, body)),
    patch: async (path, body) => objectOf(await call("PATCH", path, body)),
  };
};
