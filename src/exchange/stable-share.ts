/** 32 bits of a text, the same in every process: FNV-1a with the last mixing of MurmurHash3, so that near texts land far apart. */
export const stableHash = (text: string): number => {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
};

/** A number from 0 up to 1, always the same for a text. */
export const stableShare = (text: string): number => stableHash(text) / 2 ** 32;
