import type { Explanation } from "../../model/explanation.ts";

/** An explanation as a gateway sent it, with the gateway's name. */
export interface KeptExplanation {
  readonly gateway: string;
  readonly explanation: Explanation;
}

/** The most recent explanations, in memory of this process, by the id of their call. */
export interface ExplanationRing {
  add(gateway: string, explanations: readonly Explanation[]): void;
  get(id: string): KeptExplanation | undefined;
}

/** A ring that forgets the oldest when it has more than `recordsMax`, or they come to more than `lengthMax` characters. */
export const explanationRing = (recordsMax = 2_000, lengthMax = 32 * 1024 * 1024): ExplanationRing => {
  // A Map iterates in the order of insertion: the first is the oldest.
  const kept = new Map<string, { readonly gateway: string; readonly text: string }>();
  let length = 0;
  const forget = (id: string): void => {
    length -= kept.get(id)?.text.length ?? 0;
    kept.delete(id);
  };
  return {
    add: (gateway, explanations) => {
      for (const explanation of explanations) {
        const text = JSON.stringify(explanation);
        forget(explanation.id);
        kept.set(explanation.id, { gateway, text });
        length += text.length;
        for (const id of kept.keys()) {
          if (kept.size <= recordsMax && length <= lengthMax) break;
          forget(id);
        }
      }
    },
    get: (id) => {
      const found = kept.get(id);
      return found && { gateway: found.gateway, explanation: JSON.parse(found.text) };
    },
  };
};
