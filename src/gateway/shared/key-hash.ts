/** 64 bits as two signed 32-bit halves; never both zero, which marks an empty slot. */
export interface KeyHash {
  high: number;
  low: number;
}

/**
 * Hashes a counter's name into the state that its keys continue. `seed` is random per process, so that nobody outside can choose
 * keys that meet in one slot. Not a cryptographic hash: two keys meet by chance once in 2^64.
 */
export const nameHash = (name: string, seed: number): Readonly<KeyHash> => {
  const hash = { high: seed ^ 0x6a09e667, low: Math.imul(seed, 0x9e3779b1) ^ 0x3c6ef372 };
  absorb(hash, name);
  absorb(hash, "\0");
  return hash;
};

/** Continues a name's state with a key, into `into`: no allocation per call. */
export const keyHash = (name: Readonly<KeyHash>, key: string, into: KeyHash): KeyHash => {
  into.high = name.high;
  into.low = name.low;
  absorb(into, key);
  let high = into.high;
  let low = into.low;
  high = Math.imul(high ^ (high >>> 16), 0x85ebca6b) ^ Math.imul(low ^ (low >>> 13), 0xc2b2ae35);
  low = Math.imul(low ^ (low >>> 16), 0x85ebca6b) ^ Math.imul(high ^ (high >>> 13), 0xc2b2ae35);
  into.high = high | 0;
  into.low = (low | 0) === 0 && (high | 0) === 0 ? 1 : low | 0;
  return into;
};

const absorb = (hash: KeyHash, text: string): void => {
  let { high, low } = hash;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    high = Math.imul(high ^ code, 0x9e3779b1);
    low = Math.imul(low ^ code, 0x5f356495);
    high = (high << 13) | (high >>> 19);
    low = ((low << 17) | (low >>> 15)) ^ high;
  }
  hash.high = high;
  hash.low = low;
};
