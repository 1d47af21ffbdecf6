import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { systemCodeOf } from "../base/fault.ts";
import type { Log } from "../base/log.ts";
import { readDirectory } from "../bundle/read-directory.ts";
import type { ManagementAccess } from "./management-access.ts";
import { type SupervisedChild, superviseChild } from "./supervised-child.ts";

const bundleDirectory = fileURLToPath(new URL("../../examples/bookshop", import.meta.url));
const serviceModule = fileURLToPath(new URL("../../examples/bookshop/service/main.ts", import.meta.url));

/** Names of what the sample makes; `portico up` finds them again by these. */
const names = {
  backend: "bookshop",
  product: "bookshop",
  plan: "free",
  organization: "sample",
  application: "my-first-app",
} as const;

/** The running sample: its service, and a key that may call it. */
export interface Sample {
  readonly service: SupervisedChild;
  /** Empty where the key was revoked or its file removed. */
  readonly key: string;
}

/** What the sample needs from `portico up`. */
export interface SampleTools {
  readonly management: ManagementAccess;
  readonly dataDir: string;
  readonly log: Log;
  readonly preferredPort: number;
  /** False with `--empty`: what an earlier start loaded still runs, nothing is loaded. */
  readonly mayLoad: boolean;
}

/**
 * Loads the bookshop on a platform that has no configuration yet, issues a key for it, and runs its microservice for as long as
 * the platform has the backend. An interrupted first start is completed by the next one. Answers undefined without the sample.
 */
export const runSample = async (tools: SampleTools): Promise<Sample | undefined> => {
  const { management, log } = tools;
  const isThere = (await management.get(`/backends/${names.backend}`)) !== undefined;
  if (!isThere && !(tools.mayLoad && (await isUntouched(management)))) return undefined;

  const service = superviseChild({
    name: "bookshop",
    modulePath: serviceModule,
    start: {},
    env: { PORT: String(tools.preferredPort) },
    log,
  });
  try {
    const { port } = await service.ready;
    const url = `http://127.0.0.1:${port}`;
    if (!isThere) await loadBundle(management, url);
    else await keepUrlInStep(management, url);
    return { service, key: await sampleKey(tools) };
  } catch (thrown) {
    await service.stop();
    throw thrown;
  }
};

const isUntouched = async (management: ManagementAccess): Promise<boolean> => {
  const revisions = (await management.get("/revisions?limit=1"))?.items;
  return Array.isArray(revisions) && revisions.length === 0;
};

const loadBundle = async (management: ManagementAccess, serviceUrl: string): Promise<void> => {
  const { files } = await readDirectory(bundleDirectory);
  await management.post("/bundle:apply?wait=applied&timeout=10s", {
    message: "The sample bookshop",
    files: [...files]
      // The service's sources lie beside the bundle, and are none of its files.
      .filter(([path]) => !path.startsWith("service/") && path !== "README.md")
      .map(([path, bytes]) => {
        const text =
          path === `backends/${names.backend}.yaml`
            ? Buffer.from(bytes)
                .toString()
                .replace(/^url: .*$/m, `url: ${serviceUrl}`)
            : bytes;
        return { path, contentBase64: Buffer.from(text).toString("base64") };
      }),
  });
};

/** The service's port may differ from start to start; only a loopback URL is ours to change. */
const keepUrlInStep = async (management: ManagementAccess, serviceUrl: string): Promise<void> => {
  const url = (await management.get(`/backends/${names.backend}`))?.url;
  if (typeof url !== "string" || url === serviceUrl || !/^http:\/\/127\.0\.0\.1:\d+$/.test(url)) return;
  await management.patch(`/backends/${names.backend}`, { url: serviceUrl });
};

const sampleKey = async ({ management, dataDir }: SampleTools): Promise<string> => {
  const file = join(dataDir, "sample-key");
  try {
    return (await readFile(file, "utf8")).trim();
  } catch (thrown) {
    if (systemCodeOf(thrown) !== "ENOENT") throw thrown;
  }
  if ((await management.get(`/products/${names.product}`)) === undefined) return "";
  const organization =
    (await management.get(`/organizations/${names.organization}`)) ??
    (await management.post("/organizations", { name: names.organization, title: "Sample organization" }));
  const application =
    (await management.get(`/applications/${names.application}`)) ??
    (await management.post("/applications", {
      name: names.application,
      title: "My first app",
      organizationId: organization.id,
    }));
  const subscription = await management.post("/subscriptions", {
    applicationId: application.id,
    product: names.product,
    plan: names.plan,
  });
  const { key } = await management.post(`/subscriptions/${String(subscription.id)}/keys?wait=applied&timeout=10s`, {
    slot: "primary",
  });
  const draft = `${file}.new`;
  await writeFile(draft, `${String(key)}\n`, { mode: 0o600 });
  await rename(draft, file);
  return String(key);
};
