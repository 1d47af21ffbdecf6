import type { Log } from "../../base/log.ts";
import type { HealthRule } from "../../exchange/delivery-rules.ts";
import type { BackendTable } from "../shared/backend-table.ts";
import { noStreams } from "../stream-settings.ts";
import type { Timed, Wheel } from "../wire/wheel.ts";
import { WireRequest } from "../wire/wire-request.ts";
import { healthState, type Member } from "./balance/member.ts";
import { type Sending, StandIn } from "./call-subject.ts";
import { Pool, type PoolTools } from "./pool.ts";
import { UpstreamCall } from "./upstream-call.ts";

/** What health checks are made with. */
export interface HealthTools {
  readonly table: BackendTable;
  readonly wheel: Wheel;
  readonly log: Log;
  readonly random: () => number;
  readonly poolTools: PoolTools;
  /** Rows that this thread asks for: two versions of a backend do not both ask. */
  readonly asking: Set<number>;
}

export interface HealthChecks {
  close(): void;
}

/** The first answers come soon, but not all of a cluster at the same moment. */
const firstWithinMs = 1_000;

/**
 * Asks each target whether it works. One thread of the process does so for a target, whichever takes its row first; what it learns stands
 * in the row. When the thread ends, another takes over with its next look.
 */
export const createHealthChecks = (members: readonly Member[], rule: HealthRule, tools: HealthTools): HealthChecks => {
  const probers = members.map((member) => new Prober(member, rule, tools));
  return {
    close: () => {
      for (const prober of probers) prober.close();
    },
  };
};

class Prober implements Timed {
  deadlineMs = 0;
  wheelTick = -1;
  wheelNext: Timed | null = null;
  wheelPrevious: Timed | null = null;
  readonly #member: Member;
  readonly #rule: HealthRule;
  readonly #tools: HealthTools;
  readonly #pool: Pool;
  readonly #sending: Sending;
  #subject: StandIn | null = null;
  #isAsking = false;
  #isClosed = false;

  constructor(member: Member, rule: HealthRule, tools: HealthTools) {
    this.#member = member;
    this.#rule = rule;
    this.#tools = tools;
    const { place, basePath, hostLine } = member.prepared;
    // Connections of its own: a full pool must not look like a sick target.
    this.#pool = new Pool(
      { ...place, connectTimeoutMs: rule.timeoutMs, connectionsMax: 1, pendingMax: 1 },
      tools.poolTools,
    );
    const own = rule.headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
    const host = rule.headers.some(([name]) => name.toLowerCase() === "host") ? "" : hostLine;
    const head = `${rule.method} ${basePath}${rule.path} HTTP/1.1\r\n${host}User-Agent: portico-health\r\n${own}\r\n`;
    this.#sending = { head, whole: null, source: null, isRaw: false, isEncoding: false };
    tools.wheel.set(this, tools.random() * Math.min(firstWithinMs, rule.intervalMs));
  }

  expire(): void {
    if (this.#isClosed) return;
    const { intervalMs, jitter } = this.#rule;
    const { wheel, random } = this.#tools;
    wheel.set(this, intervalMs * (1 + jitter * (2 * random() - 1)));
    if (this.#subject === null && this.#isOurs()) this.#ask();
  }

  close(): void {
    this.#isClosed = true;
    this.#tools.wheel.remove(this);
    this.#subject?.abandon();
    this.#pool.destroy();
    if (!this.#isAsking) return;
    this.#tools.asking.delete(this.#member.row.index);
    this.#member.row.exchange("permits", this.#tools.table.own + 1, 0);
  }

  #isOurs(): boolean {
    if (this.#isAsking) return true;
    const { row } = this.#member;
    const { asking, table } = this.#tools;
    if (asking.has(row.index) || !row.exchange("permits", 0, table.own + 1)) return false;
    asking.add(row.index);
    this.#isAsking = true;
    return true;
  }

  #ask(): void {
    const request = new WireRequest();
    request.method = this.#rule.method;
    const subject = new StandIn({ id: "health", request, client: null, record: null, streams: noStreams });
    this.#subject = subject;
    const options = { timeoutMs: this.#rule.timeoutMs };
    const call = new UpstreamCall(subject, this.#member.prepared, options, (refusal) => {
      const isGood = refusal === undefined && this.#rule.statuses.has(subject.replyInTheMaking.status);
      const status = refusal === undefined ? subject.replyInTheMaking.status : 0;
      this.#subject = null;
      // Its body concerns nobody.
      subject.abandon();
      if (!this.#isClosed) this.#learn(isGood, status, refusal?.problem?.code ?? "");
    });
    call.prepared = this.#sending;
    this.#pool.send(call);
  }

  #learn(isGood: boolean, status: number, code: string): void {
    const { row } = this.#member;
    const before = row.load("streak");
    const streak = isGood ? Math.max(0, before) + 1 : Math.min(0, before) - 1;
    row.store("streak", streak);
    const state = row.load("state");
    const { up, down, unknown } = healthState;
    if (isGood && state !== up && (state === unknown || streak >= this.#rule.healthyAfter))
      this.#become(up, status, code);
    else if (!isGood && state !== down && -streak >= this.#rule.unhealthyAfter) this.#become(down, status, code);
  }

  #become(state: number, status: number, code: string): void {
    const { row } = this.#member;
    const { table, log } = this.#tools;
    const wasDown = row.load("state") === healthState.down;
    // One that comes back begins slowly.
    if (wasDown) row.setTime("since", table.nowMs());
    row.store("state", state);
    if (state === healthState.down) log.warn("a target is unhealthy", { target: row.name, status, reason: code });
    else if (wasDown) log.info("a target is healthy again", { target: row.name });
  }
}
