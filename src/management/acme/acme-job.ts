import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject, randomInt } from "node:crypto";
import { messageOf } from "../../base/fault.ts";
import { uuidv7 } from "../../base/ids.ts";
import { leafOf, namesOf } from "../../bundle/tls-state.ts";
import { certificateSecretName } from "../../model/certificate.ts";
import type { ResourceOf } from "../../model/resource.ts";
import { acquireLease, type Lease, releaseLease, renewLease } from "../../store/lease.ts";
import { deleteSecrets } from "../../store/repositories/secrets.ts";
import type { Actor } from "../actor.ts";
import { appliedSignal, waitUntilApplied } from "../applied.ts";
import { acmeStateName, keepSecret } from "../certificates/operations.ts";
import { type Change, changeMaker } from "../change.ts";
import { resourcesOfKind } from "../resources/operations.ts";
import type { ManagementTools } from "../tools.ts";
import { challengePrefix } from "../units.ts";

/** What the job runs with. */
export interface AcmeJobOptions {
  readonly tools: ManagementTools;
  /** Between looks at what is due. */
  readonly everyMs?: number;
  /** Between questions to the authority. */
  readonly pollMs?: number;
}

/** How the last attempt went; shown with the certificate. */
interface AcmeState {
  readonly state: "obtained" | "failed";
  readonly detail?: string;
  readonly at: string;
  /** Not tried again before. */
  readonly nextAt?: string;
  readonly failures: number;
}

type AcmeCertificate = ResourceOf<"certificate"> & {
  readonly body: {
    readonly acme: NonNullable<ResourceOf<"certificate">["body"]["acme"]>;
    readonly hosts: readonly string[];
  };
};

const everyMsDefault = 60_000;
const leaseMs = 120_000;
const attemptMsMax = 10 * 60_000;
const appliedMsMax = 30_000;
/** Authorities count failures (five an hour are usual); the wait doubles from here to a day. */
const firstWaitMs = 10 * 60_000;
const waitMsMax = 86_400_000;
/** Renewed when so much of its life is left, and a random part of a day before, so that not all come at once. */
const renewShare = 1 / 3;
const jitterMsMax = 86_400_000;

const platform: Actor = {
  name: "platform (acme)",
  roles: ["owner"],
  userId: undefined,
  by: "platform",
  sessionId: undefined,
};

/** Obtains and renews what certificates with `acme` need, in one control process at a time. Answers how to stop. */
export const startAcmeJob = (options: AcmeJobOptions): (() => Promise<void>) => {
  const { tools, everyMs = everyMsDefault } = options;
  const stopping = new AbortController();
  const jitterMs = randomInt(jitterMsMax);
  let running: Promise<void> = Promise.resolve();
  let isRunning = false;
  const look = (): void => {
    if (isRunning) return;
    isRunning = true;
    running = lookOnce(options, jitterMs, stopping.signal)
      .catch((thrown: unknown) => {
        // The database may be away; the next look tries again.
        if (!stopping.signal.aborted)
          tools.log.warn("certificates could not be looked after", { reason: messageOf(thrown) });
      })
      .finally(() => {
        isRunning = false;
      });
  };
  const timer = setInterval(look, everyMs);
  timer.unref();
  look();
  return async () => {
    clearInterval(timer);
    stopping.abort();
    await running;
  };
};

const lookOnce = async ({ tools, pollMs }: AcmeJobOptions, jitterMs: number, signal: AbortSignal): Promise<void> => {
  const all = (await resourcesOfKind(tools, "certificate")).flatMap(({ resource }) =>
    isAcme(resource) ? [resource] : [],
  );
  const due: AcmeCertificate[] = [];
  for (const one of all) if (await isDue(tools, one, jitterMs)) due.push(one);
  if (due.length === 0 || signal.aborted) return;
  const lease = await acquireLease(tools.db, { name: "acme", owner: uuidv7(), ttlMs: leaseMs });
  if (lease === undefined) return;
  const holding = setInterval(() => void renew(tools, lease), leaseMs / 3);
  try {
    for (const one of due) {
      // Another process may have done it between our look and our lease.
      if (!signal.aborted && (await isDue(tools, one, jitterMs))) await attempt(tools, one, pollMs, signal);
    }
  } finally {
    clearInterval(holding);
    await releaseLease(tools.db, lease);
  }
};

const renew = async (tools: ManagementTools, lease: Lease): Promise<void> => {
  try {
    await renewLease(tools.db, lease, leaseMs);
  } catch (thrown) {
    // Another process may begin as well then: the authority gets two orders, which does no harm.
    tools.log.warn("the lease of certificates could not be renewed", { reason: messageOf(thrown) });
  }
};

const isAcme = (resource: { readonly kind: string; readonly body: object }): resource is AcmeCertificate =>
  resource.kind === "certificate" && "acme" in resource.body && resource.body.acme !== undefined;

const stateOf = async (tools: ManagementTools, name: string): Promise<AcmeState | undefined> => {
  const text = await tools.units.secretOf(tools.db, acmeStateName(name));
  // Our own, written below.
  return text === undefined ? undefined : (JSON.parse(text) as AcmeState);
};

const isDue = async (tools: ManagementTools, { name, body }: AcmeCertificate, jitterMs: number): Promise<boolean> => {
  const nowMs = tools.clock.nowMs();
  const state = await stateOf(tools, name);
  if (state?.nextAt !== undefined && Date.parse(state.nextAt) > nowMs) return false;
  const secret = await tools.units.secretOf(tools.db, certificateSecretName(name));
  const held: unknown = secret === undefined ? undefined : JSON.parse(secret);
  const leaf =
    held !== null && typeof held === "object" && "certificate" in held ? leafOf(String(held.certificate)) : undefined;
  if (leaf === undefined) return true;
  const names = new Set(namesOf(leaf));
  if (body.hosts.some((host) => !names.has(host))) return true;
  const [fromMs, toMs] = [Date.parse(leaf.validFrom), Date.parse(leaf.validTo)];
  const aheadMs = (toMs - fromMs) * renewShare;
  return nowMs > toMs - aheadMs - Math.min(jitterMs, aheadMs / 10);
};

const attempt = async (
  tools: ManagementTools,
  { name, body }: AcmeCertificate,
  pollMs: number | undefined,
  signal: AbortSignal,
): Promise<void> => {
  const opened: string[] = [];
  const write = async (message: string, work: (change: Change) => Promise<void>): Promise<number> => {
    const answer = await changeMaker(tools)(
      { actor: platform, requestId: uuidv7(), operationId: "acme", isDryRun: false, message },
      async (change) => {
        await work(change);
        return { status: 204 };
      },
    );
    return answer.revision ?? 0;
  };
  const at = new Date(tools.clock.nowMs()).toISOString();
  const before = await stateOf(tools, name);
  try {
    // Loaded where it is needed: most platforms never ask an authority.
    const { obtainCertificate } = await import("./acme-client.ts");
    const obtained = await obtainCertificate({
      directory: body.acme.directory,
      email: body.acme.email,
      hosts: body.hosts,
      accountKey: await accountKeyOf(tools, body.acme.directory, write),
      signal: AbortSignal.any([signal, AbortSignal.timeout(attemptMsMax)]),
      ...(pollMs === undefined ? {} : { pollMs }),
      present: async (answers) => {
        const revision = await write(`challenges for ${name}`, async (change) => {
          for (const [token, answer] of Object.entries(answers)) {
            opened.push(challengePrefix + token);
            await keepSecret(tools, change, challengePrefix + token, answer);
          }
        });
        // A gateway that does not hear of it in time may still answer: the authority will tell.
        await waitUntilApplied(tools.db, appliedSignal(), revision, appliedMsMax, signal);
      },
    });
    await write(`obtained the certificate ${name}`, async (change) => {
      await deleteSecrets(change.trx, opened);
      await keepSecret(tools, change, certificateSecretName(name), JSON.stringify(obtained));
      await keepSecret(
        tools,
        change,
        acmeStateName(name),
        JSON.stringify({ state: "obtained", at, failures: 0 } satisfies AcmeState),
      );
    });
    tools.log.info("a certificate was obtained", { certificate: name, hosts: body.hosts });
  } catch (thrown) {
    if (signal.aborted) return;
    const failures = (before?.failures ?? 0) + 1;
    const waitMs = Math.min(waitMsMax, firstWaitMs * 2 ** (failures - 1)) * (0.75 + Math.random() / 2);
    const nextAt = new Date(tools.clock.nowMs() + waitMs).toISOString();
    const detail = messageOf(thrown);
    tools.log.error("a certificate could not be obtained", { certificate: name, reason: detail, nextAt });
    await write(`failed to obtain the certificate ${name}`, async (change) => {
      await deleteSecrets(change.trx, opened);
      await keepSecret(
        tools,
        change,
        acmeStateName(name),
        JSON.stringify({ state: "failed", detail, at, nextAt, failures } satisfies AcmeState),
      );
    });
  }
};

/** The account with an authority: made once. */
const accountKeyOf = async (
  tools: ManagementTools,
  directory: string,
  write: (message: string, work: (change: Change) => Promise<void>) => Promise<number>,
): Promise<KeyObject> => {
  const known = await tools.units.secretOf(tools.db, accountName(directory));
  if (known !== undefined) return createPrivateKey(known);
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const pem = privateKey.export({ format: "pem", type: "pkcs8" }).toString();
  await write("opened an account with a certificate authority", (change) =>
    keepSecret(tools, change, accountName(directory), pem),
  );
  return privateKey;
};

const accountName = (directory: string): string =>
  `acme-account/${createHash("sha256").update(directory).digest("hex").slice(0, 32)}`;
