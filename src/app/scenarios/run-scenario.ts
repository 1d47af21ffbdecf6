import { durationMs } from "../../base/duration.ts";
import { messageOf } from "../../base/fault.ts";
import { callsOf, type Scenario, type ScenarioFile } from "../../bundle/scenario-file.ts";
import type { ApiUnit } from "../../model/snapshot.ts";
import type { Coverage } from "./coverage.ts";
import { type Difference, differences } from "./expectations.ts";
import { scenarioGateway } from "./scenario-gateway.ts";

/** What is wrong with a scenario, with its path within the scenario. */
export interface ScenarioFailure {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** Where time begins when a scenario does not say: always the same. */
const defaultStart = "2026-01-01T00:00:00Z";
/** A scenario that is wrong in one thing is wrong in many: what comes after is left out. */
const failuresMax = 20;

/** Runs one scenario on a gateway of its own. Empty: all was as expected. Ends at the first call that was not. */
export const runScenario = async (
  units: readonly ApiUnit[],
  file: ScenarioFile,
  scenario: Scenario,
  coverage: Coverage,
): Promise<readonly ScenarioFailure[]> => {
  const startMs = Date.parse(scenario.start ?? file.start ?? defaultStart);
  const gateway = await scenarioGateway(units, coverage, startMs);
  try {
    if (gateway.errors.length > 0)
      return gateway.errors.map((error) => ({ path: [], message: `the API ${error.api}: ${error.message}` }));
    gateway.services.use({ ...file.backends, ...scenario.backends });
    for (const [index, call] of callsOf(scenario).entries()) {
      const path = scenario.calls === undefined ? [] : ["calls", index];
      if (call.backends !== undefined) gateway.services.use(call.backends);
      gateway.time.advance(durationMs(call.advance ?? 0) ?? 0);
      for (let round = 1; round <= (call.repeat ?? 1); round++) {
        const found = await oneCall();
        if (found.length === 0) continue;
        const which = call.repeat === undefined ? "" : `call ${round} of ${call.repeat}: `;
        return found
          .slice(0, failuresMax)
          .map((one) => ({ path: [...path, ...one.path], message: which + one.message }));
      }

      async function oneCall(): Promise<readonly Difference[]> {
        try {
          const reply = await gateway.call(call.request, file.callers ?? {});
          coverage.ran(reply.explanation?.steps ?? []);
          const found = differences(call.expect ?? {}, reply, gateway.services.takeSeen());
          const unknown = gateway.services.takeUnknown().map((place) => ({
            path: ["request"],
            message: `${place} was called, and no stub answers for it: add it under \`backends\`, by the backend's name or by its URL`,
          }));
          return [...unknown, ...found.map((one) => ({ ...one, path: ["expect", ...one.path] }))];
        } catch (thrown) {
          return [{ path: ["request"], message: messageOf(thrown) }];
        }
      }
    }
    return [];
  } finally {
    await gateway.close();
  }
};
