/** So many per second or minute, and no more: a bucket that fills evenly. */
export interface Budget {
  /** Takes one where there is one. */
  take(nowMs: number): boolean;
}

/** A budget of `count` per `periodMs`, which may be spent at once. */
export const createBudget = (count: number, periodMs: number): Budget => {
  let left = count;
  let atMs = 0;
  return {
    take: (nowMs) => {
      if (nowMs > atMs) {
        left = Math.min(count, left + ((nowMs - atMs) * count) / periodMs);
        atMs = nowMs;
      }
      if (left < 1) return false;
      left -= 1;
      return true;
    },
  };
};
