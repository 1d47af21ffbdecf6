import { Fault, messageOf } from "../base/fault.ts";
import type { runControlRole } from "./control-role.ts";
import type { PreparedGateway, runGatewayRole } from "./gateway-role.ts";
import type { ChildMessage } from "./supervised-child.ts";

export type ControlSettings = Parameters<typeof runControlRole>[0];
export type GatewaySettings = Parameters<typeof runGatewayRole>[0];

/** The first message of the supervisor: which role to run, with its settings. */
export type RoleStart =
  | { readonly type: "start"; readonly role: "control"; readonly settings: ControlSettings }
  | { readonly type: "start"; readonly role: "gateway"; readonly settings: GatewaySettings };

/** What a spare is told: what to load for the start that may come. */
export interface RolePreparation {
  readonly type: "prepare";
  readonly role: "gateway";
  readonly threads: number | undefined;
}

interface RunningRole {
  readonly facts: Readonly<Record<string, unknown>>;
  stop(): Promise<void>;
}

// The entry of a supervised role: waits for its settings, runs, and ends on SIGTERM or when the supervisor is gone.
const tell = (message: ChildMessage): void => {
  process.send?.(message, () => {
    // The supervisor may be gone already; `disconnect` then ends this process.
  });
};

const run = async (start: RoleStart): Promise<RunningRole> => {
  // Each role loads only its own part: a gateway never loads the database's client.
  if (start.role === "control") {
    const { runControlRole } = await import("./control-role.ts");
    const control = await runControlRole(start.settings);
    return { facts: { studioUrl: control.studioUrl, portalUrl: control.portalUrl }, stop: () => control.stop() };
  }
  const { runGatewayRole } = await import("./gateway-role.ts");
  const gateway = await runGatewayRole(start.settings, await prepared);
  return {
    facts: { port: gateway.port, opsPort: gateway.opsPort, httpsPort: gateway.httpsPort },
    stop: () => gateway.stop(),
  };
};

let prepared: Promise<PreparedGateway> | undefined;
const prepare = async ({ threads }: RolePreparation): Promise<PreparedGateway> =>
  (await import("./gateway-role.ts")).prepareGatewayRole(threads);

process.on("message", (message: RoleStart | RolePreparation) => {
  if (message.type === "prepare") prepared = prepare(message);
  else begin(message);
});

const begin = (start: RoleStart): void => {
  if (prepared !== undefined) process.title = process.argv.slice(0, 3).join(" ");
  const running = run(start);
  let isEnding = false;
  const end = (): void => {
    if (isEnding) return;
    isEnding = true;
    running
      .then((role) => role.stop())
      .then(
        () => process.exit(0),
        () => process.exit(1),
      );
  };
  process.on("SIGTERM", end);
  // Ctrl+C reaches the whole process group; the supervisor decides about the order of ending.
  process.on("SIGINT", () => {});
  process.on("disconnect", end);
  running.then(
    (role) => tell({ type: "ready", facts: role.facts }),
    (thrown: unknown) => {
      const message = messageOf(thrown);
      process.send?.({ type: "failed", code: thrown instanceof Fault ? thrown.code : "role.failed", message }, () =>
        process.exit(1),
      );
      if (thrown instanceof Fault && thrown.internal) console.error(`${start.role}: ${thrown.internal}`);
      else if (!(thrown instanceof Fault)) console.error(thrown);
    },
  );
};
