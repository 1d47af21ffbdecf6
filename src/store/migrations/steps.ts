import type { Step } from "../migrate.ts";
import { outboxSteps } from "../outbox.ts";
import { configurationSteps } from "./configuration.ts";
import { consumerSteps } from "./consumers.ts";
import { memberSteps } from "./members.ts";
import { trafficSteps } from "./traffic.ts";

/** All steps in the order in which they run. Each holds one DDL statement, because not every database rolls back several. */
export const migrationSteps: readonly Step[] = Object.entries({
  ...outboxSteps,
  ...configurationSteps,
  ...consumerSteps,
  ...memberSteps,
  ...trafficSteps,
}).map(([name, sql]) => ({ name, sql }));
