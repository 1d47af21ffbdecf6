import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { ClusterConfig, UpstreamTarget } from "../../exchange/backend.ts";
import { cookieOf } from "../../exchange/cookies.ts";
import type { CircuitBreaker, RetryBudget } from "../../exchange/delivery-rules.ts";
import { refuse } from "../../exchange/refuse.ts";
import type { Reply } from "../../exchange/reply.ts";
import type { BackendRow, BackendTable } from "../shared/backend-table.ts";
import type { Wheel } from "../wire/wheel.ts";
import { affinityField, affinityId } from "./affinity.ts";
import { createBalancer } from "./balance/balancer.ts";
import { isUsable, type Member } from "./balance/member.ts";
import { createBreaker } from "./breaker.ts";
import { chooseMember, type Group } from "./choose-member.ts";
import { createHealthChecks, type HealthChecks } from "./health-check.ts";
import { createOutliers, type Outliers } from "./outlier.ts";
import { Places } from "./places.ts";
import type { Pool, PoolTools } from "./pool.ts";
import { createRetryBudget } from "./retry-budget.ts";
import type { PreparedTarget } from "./target.ts";
import type { Try, TrySource } from "./try.ts";
import { admit, failureOf, retryAfterMsOf, verdictOf } from "./try-failure.ts";
import { sendPrepared } from "./try-sources.ts";
import { abandoned, UpstreamCall } from "./upstream-call.ts";

/** What a cluster is made with. */
export interface ClusterTools {
  readonly table: BackendTable;
  readonly wheel: Wheel;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  /** Zone of this gateway, or empty. */
  readonly zone: string;
  readonly poolTools: PoolTools;
  readonly asking: Set<number>;
  /** A pool that equal places share, until `release`. */
  lease(target: UpstreamTarget): { readonly prepared: PreparedTarget; readonly pool: Pool; release(): void };
}

const noBreakers: readonly CircuitBreaker[] = [];

/** A backend of several targets, or of one with rules, on one thread; what it learns is shared with the others. */
export class Cluster implements TrySource {
  readonly isOwn = true;
  readonly name: string;
  readonly config: ClusterConfig;
  readonly row: BackendRow;
  readonly budget: RetryBudget;
  readonly #tools: ClusterTools;
  readonly #members: readonly Member[];
  readonly #groups: readonly Group[];
  readonly #breakers: readonly CircuitBreaker[];
  readonly #places: Places | null;
  readonly #outliers: Outliers | null;
  readonly #health: HealthChecks | null;
  readonly #releases: (() => void)[] = [];

  constructor(config: ClusterConfig, tools: ClusterTools) {
    const { table, log, wheel } = tools;
    this.name = config.name;
    this.config = config;
    this.#tools = tools;
    try {
      this.row = this.#take(table.take("backend", config.name));
      this.#members = config.targets.map((_target, index) => this.#memberOf(index));
      this.budget = createRetryBudget(this.#take(table.take("budget", config.name)), config.budget, table);
    } catch (thrown) {
      this.dispose();
      throw thrown;
    }
    this.#groups = this.#groupsOf();
    this.#breakers = config.breaker === null ? noBreakers : [createBreaker(this.row, config.breaker, table, log)];
    this.#places = config.limits === null ? null : new Places(this.row, config.limits, wheel);
    this.#outliers = config.outlier === null ? null : createOutliers(this.#members, config.outlier, log);
    this.#health = config.health === null ? null : createHealthChecks(this.#members, config.health, tools);
  }

  begin(attempt: Try): void {
    attempt.source = this;
    this.row.add("calls", 1);
    const asked = attempt.options.breakers;
    const refusal = admit(attempt, asked === undefined ? this.#breakers : [...this.#breakers, ...asked]);
    if (refusal !== null) {
      attempt.settle("open", refusal);
      return;
    }
    if (this.#places === null) {
      this.row.enter("running");
      this.#send(attempt);
    } else this.#enter(attempt, this.#places);
  }

  chosen(attempt: Try): void {
    const { affinity } = this.config;
    const { x, member } = attempt;
    if (affinity === null || member === null || attempt.status >= 500 || cookieOf(x, affinity.cookie) === member.id)
      return;
    x.reply?.headers.append("set-cookie", affinityField(affinity, member.id, x.request.scheme === "https"));
  }

  dispose(): void {
    this.#health?.close();
    for (const release of this.#releases.splice(0)) release();
  }

  #enter(attempt: Try, places: Places): void {
    attempt.whenExpired = (late) => {
      if (!places.giveUp(late)) return;
      this.row.add("limitRefusals", 1);
      this.#refuse(late, refuse("backend.overloaded"));
    };
    attempt.whenGranted = (granted) => {
      attempt.subject.backendSide = null;
      granted.places = places;
      this.#send(granted);
    };
    const entered = places.enter(attempt);
    if (entered === "in") attempt.granted();
    else if (entered === "full") this.#refuse(attempt, refuse("backend.overloaded"));
    else {
      attempt.subject.backendSide = {
        abandon: () => {
          if (!places.giveUp(attempt)) return;
          attempt.isAbandoned = true;
          this.#refuse(attempt, abandoned());
        },
      };
    }
  }

  #refuse(attempt: Try, refusal: Reply): void {
    attempt.subject.backendSide = null;
    attempt.judge(() => 2, 0);
    attempt.settle(attempt.isAbandoned ? "request" : "overloaded", refusal);
  }

  /** With a place, if there are any. */
  #send(attempt: Try): void {
    const nowMs = this.#tools.table.nowMs();
    const member = this.#choose(attempt, nowMs);
    if (member === null) {
      this.#leave(attempt);
      attempt.judge(() => 2, 0);
      attempt.settle("unusable", refuse("backend.no_target", { headers: [["Retry-After", "1"]] }));
      return;
    }
    attempt.member = member;
    member.row.enter("running");
    member.row.add("calls", 1);
    const call = new UpstreamCall(attempt.subject, member.prepared, this.#optionsOf(attempt), (refusal) =>
      this.#settled(attempt, refusal),
    );
    attempt.call = call;
    call.whenOver = { over: () => this.#over(attempt) };
    sendPrepared(attempt, call, member.prepared, member.pool);
  }

  #optionsOf(attempt: Try): Try["options"] {
    const { tryTimeoutMs } = this.config;
    if (tryTimeoutMs === undefined || attempt.options.tryTimeoutMs !== undefined) return attempt.options;
    return { ...attempt.options, tryTimeoutMs };
  }

  #choose(attempt: Try, nowMs: number): Member | null {
    const { affinity, panicShare } = this.config;
    if (affinity !== null) {
      const id = cookieOf(attempt.x, affinity.cookie);
      const kept = id === undefined ? undefined : this.#members.find((member) => member.id === id);
      if (kept !== undefined && !attempt.tried.includes(kept) && isUsable(kept, nowMs)) return kept;
    }
    return chooseMember(attempt.x, this.#groups, attempt.tried, { panicShare, zone: this.#tools.zone }, nowMs);
  }

  #settled(attempt: Try, refusal: Reply | undefined): void {
    const { call, member } = attempt;
    if (call === null || member === null) return;
    attempt.isAbandoned ||= call.isAbandoned;
    const failure = failureOf(call, refusal);
    // Before anybody asks the try for its status.
    attempt.failure = failure;
    attempt.refusal = refusal;
    const retryAfterMs = attempt.permits === null ? -1 : retryAfterMsOf(attempt, this.#tools.clock.nowMs());
    attempt.judge((breaker) => verdictOf(attempt, breaker.rule.statuses), retryAfterMs);
    const { outlier } = this.config;
    const verdict = verdictOf(attempt, outlier?.statuses ?? serverErrors);
    if (verdict === 0) {
      member.row.add("failures", 1);
      this.row.add("failures", 1);
    } else if (verdict === 1) this.budget.deposit();
    // A good head is no good reply yet: while its body passes, the verdict waits.
    if (verdict !== 1 || call.whenOver === null) this.#outliers?.saw(member, verdict, this.#tools.table.nowMs());
    else attempt.isGoodSoFar = true;
    attempt.settle(failure, refusal);
  }

  #over(attempt: Try): void {
    const { member, call } = attempt;
    if (member !== null) {
      member.row.leave("running");
      if (attempt.isGoodSoFar) this.#outliers?.saw(member, call?.isReset === true ? 0 : 1, this.#tools.table.nowMs());
    }
    this.#leave(attempt);
  }

  #leave(attempt: Try): void {
    const { places } = attempt;
    attempt.places = null;
    if (places === null) this.row.leave("running");
    else places.leave();
  }

  #take(row: BackendRow): BackendRow {
    this.#releases.push(row.release);
    return row;
  }

  #memberOf(index: number): Member {
    const { config, row } = this;
    const target = config.targets[index];
    if (target === undefined) throw new RangeError("no such target");
    const { table, lease } = this.#tools;
    const leased = lease(target.target);
    this.#releases.push(leased.release);
    return {
      index,
      id: config.affinity === null ? "" : affinityId(config.affinity, config.name, target.target.url),
      prepared: leased.prepared,
      pool: leased.pool,
      row: this.#take(table.take("target", `${config.name} ${target.target.url}`, row)),
      weight: target.weight,
      priority: target.priority,
      zone: target.zone,
      slowStartMs: config.slowStartMs,
      current: 0,
    };
  }

  #groupsOf(): readonly Group[] {
    const priorities = [...new Set(this.#members.map(({ priority }) => priority))].sort((a, b) => a - b);
    return priorities.map((priority) => {
      const members = this.#members.filter((member) => member.priority === priority);
      return { members, balancer: createBalancer(this.config.balance, members, this.#tools.random) };
    });
  }
}

const serverErrors: ReadonlySet<number> = new Set(Array.from({ length: 100 }, (_, index) => 500 + index));
