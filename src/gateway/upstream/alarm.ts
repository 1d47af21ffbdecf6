import type { Timed } from "../wire/wheel.ts";

/** Does one thing once, when its time on the wheel has come. */
export class Alarm implements Timed {
  deadlineMs = 0;
  wheelTick = -1;
  wheelNext: Timed | null = null;
  wheelPrevious: Timed | null = null;
  readonly #act: () => void;

  constructor(act: () => void) {
    this.#act = act;
  }

  expire(): void {
    this.#act();
  }
}
