/** So many at once, and so many a second: what a peer may do before it counts as an attack. */
export class Allowance {
  readonly #burst: number;
  readonly #perMs: number;
  #left: number;
  #atMs = -1;

  constructor(burst: number, perSecond: number) {
    this.#burst = burst;
    this.#perMs = perSecond / 1000;
    this.#left = burst;
  }

  /** False where nothing is left. */
  spend(nowMs: number): boolean {
    if (this.#atMs >= 0) this.give((nowMs - this.#atMs) * this.#perMs);
    this.#atMs = nowMs;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }

  give(count: number): void {
    this.#left = Math.min(this.#burst, this.#left + count);
  }
}
