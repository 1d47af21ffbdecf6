/** The candidate that somebody who wrote `word` most likely meant, or undefined where none is close. For "did you mean". */
export const nearest = (word: string, candidates: Iterable<string>): string | undefined => {
  const wanted = word.slice(0, wordLengthMax).toLowerCase();
  // A third of the letters may be wrong, at least one and at most three: more would suggest strangers.
  let distanceBest = Math.min(3, Math.max(1, Math.floor(wanted.length / 3))) + 1;
  let best: string | undefined;
  for (const candidate of candidates) {
    if (candidate === word || candidate.length > wordLengthMax) continue;
    const distance = distanceOf(wanted, candidate.toLowerCase());
    if (distance >= distanceBest) continue;
    distanceBest = distance;
    best = candidate;
  }
  return best;
};

const wordLengthMax = 100;

// Damerau-Levenshtein, restricted: one insertion, deletion, substitution or swap of neighbours counts one.
const distanceOf = (a: string, b: string): number => {
  if (Math.abs(a.length - b.length) > 3) return Number.POSITIVE_INFINITY;
  let beforeLast: readonly number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      let cost = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (isSame ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1);
      }
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
};
