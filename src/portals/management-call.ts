import type { z } from "zod";
import { Fault } from "../base/fault.ts";

/** The management API in this process, with an identity that may only read. */
export type Management = (request: Request) => Promise<Response>;

// The host names nobody: the request never leaves the process.
const origin = "http://management.internal/api/v1";

/** Reads below `/api/v1`. Undefined for 404; any other answer than 2xx is an outage of ours, not the visitor's fault. */
export const readManagement = async (management: Management, path: string): Promise<Response | undefined> => {
  const response = await management(new Request(`${origin}${path}`));
  if (response.ok) return response;
  const text = (await response.text()).slice(0, 2000);
  if (response.status === 404) return undefined;
  throw new Fault("portal.management_unavailable", {
    public: "The portal could not read its data. Try again in a moment.",
    internal: `${path} answered ${response.status}: ${text}`,
    status: 503,
  });
};

/** Reads an answer's JSON as the shape that we expect; anything else is a fault of ours, told briefly. */
export const shapeOf = async <T extends z.ZodType>(schema: T, response: Response): Promise<z.infer<T>> => {
  const parsed = schema.safeParse(await response.json());
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.slice(0, 3).map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  throw new Fault("portal.fault", {
    public: "The portal could not read its data.",
    internal: `an answer of the management API has another shape: ${issues.join("; ")}`,
  });
};
