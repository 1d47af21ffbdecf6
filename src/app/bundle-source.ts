import { watch } from "node:fs";
import { Fault } from "../base/fault.ts";
import type { Log } from "../base/log.ts";
import { hasErrors } from "../bundle/finding.ts";
import { placeFindings, readBundle } from "../bundle/read-bundle.ts";
import { readDirectory } from "../bundle/read-directory.ts";
import { makeTls } from "../bundle/tls-state.ts";
import { makeUnits, snapshotOf, unitCache } from "../bundle/units.ts";
import type { ConfigurationSource } from "../gateway/process/gateway-process.ts";
import { type Resource, settingsName } from "../model/resource.ts";
import type { KeyEntry, SubscriptionEntry } from "../model/snapshot.ts";

/** Hex digits of a key's digest that gateways keep. */
const digestLength = 32;
const settleMs = 300;

/**
 * A bundle's directory as the configuration of a gateway, without control: keys are the digests in `portico.yaml`. A bundle with
 * mistakes is refused with all of them when the gateway starts; later, while it is edited, the last good one serves on.
 */
export const bundleSource = (directory: string, labels: readonly string[], log: Log): ConfigurationSource => {
  const cache = unitCache();
  let revision = 0;
  return {
    load: async () => {
      const reading = await readDirectory(directory);
      const bundle = readBundle(reading.files);
      const made = makeUnits(bundle.resources, bundle.documents, {
        secretOf: () => undefined,
        environment: process.env,
        cache,
      });
      const tls = makeTls(bundle.resources, { secretOf: () => undefined, environment: process.env });
      const ofUnits = made.errors.flatMap((error) =>
        error.findings.length > 0 ? error.findings : [{ message: error.message, file: `apis/${error.api}/api.yaml` }],
      );
      const findings = [
        ...reading.findings,
        ...bundle.findings,
        ...placeFindings(reading.files, [...ofUnits, ...tls.problems]).map((finding) => ({
          ...finding,
          severity: "error" as const,
        })),
      ];
      if (hasErrors(findings)) {
        throw new Fault("bundle.invalid", {
          public: `The bundle ${directory} has mistakes.`,
          status: 422,
          findings: findings.filter((finding) => finding.severity === "error"),
        });
      }
      revision += 1;
      // The same rule as control's: an API with labels is for the gateways that carry one of them.
      const units = made.units.filter(
        (unit) => unit.gateways.length === 0 || unit.gateways.some((label) => labels.includes(label)),
      );
      return {
        revision,
        hash: snapshotOf(revision, units).hash,
        units,
        tls: tls.state,
        access: [{ type: "access", reset: true, ...accessOf(bundle.resources), revoked: [] }],
      };
    },
    watch: (changed) => {
      let timer: NodeJS.Timeout | undefined;
      // An editor or a checkout writes many files: the bundle is read once they have come to rest.
      const watcher = watch(directory, { recursive: true }, () => {
        clearTimeout(timer);
        timer = setTimeout(changed, settleMs);
      });
      watcher.on("error", (error) => log.warn("the bundle is not watched any more", { error }));
      return () => {
        clearTimeout(timer);
        watcher.close();
      };
    },
  };
};

const accessOf = (
  resources: readonly Resource[],
): { readonly subscriptions: readonly SubscriptionEntry[]; readonly keys: readonly KeyEntry[] } => {
  const settings = resources.find((one) => one.kind === "settings" && one.name === settingsName);
  const keys = settings?.kind === "settings" ? (settings.body.keys ?? []) : [];
  return {
    subscriptions: keys.map((key) => ({
      id: key.subscription,
      state: "active",
      product: key.product ?? "",
      plan: key.plan ?? "",
      application: key.application ?? "",
      organization: key.organization ?? "",
    })),
    keys: keys.map((key) => ({
      digest: key.digest.slice("sha256:".length, "sha256:".length + digestLength),
      subscription: key.subscription,
      expiresAtMs: key.expires === undefined ? 0 : Date.parse(key.expires),
    })),
  };
};
