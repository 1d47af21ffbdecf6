import type { Version } from "../../model/api.ts";

/** The place of an API: what requests it asks for. */
export interface Place {
  readonly path: string;
  readonly hosts: readonly string[];
  readonly version?: Version;
}

/** One combination of host, path and version that an API asks for. No two APIs of a table have an equal one. */
export interface Claim {
  /** Empty for every host. */
  readonly host: string;
  /** Base path, with the version where that stands in the path; empty for the root. */
  readonly path: string;
  /** How the version is named, or null where the claim is for calls that name none. */
  readonly selector: { readonly scheme: "header" | "query"; readonly parameter: string; readonly value: string } | null;
  /** Equal text, equal claim. */
  readonly key: string;
}

const headerDefault = "api-version";
const queryDefault = "api-version";

/** The base path with the version in it, without a slash at the end: what the router cuts off in front of the operation's part. */
export const routedPath = (place: Place): string => {
  const base = place.path === "/" ? "" : place.path;
  return place.version?.scheme === "path" ? `${base}/${place.version.value}` : base;
};

/** Everything that an API at this place asks for. */
export const claimsOf = (place: Place): readonly Claim[] => {
  const path = routedPath(place);
  const { version } = place;
  const selectors: Claim["selector"][] = [];
  if (version === undefined || version.scheme === "path") selectors.push(null);
  else {
    const parameter =
      version.scheme === "header"
        ? (version.parameter ?? headerDefault).toLowerCase()
        : (version.parameter ?? queryDefault);
    selectors.push({ scheme: version.scheme, parameter, value: version.value });
    if (version.default === true) selectors.push(null);
  }
  const hosts = place.hosts.length === 0 ? [""] : [...new Set(place.hosts)];
  return hosts.flatMap((host) =>
    selectors.map((selector) => ({
      host,
      path,
      selector,
      key: `${host}|${path}|${selector === null ? "" : `${selector.scheme}:${selector.parameter}=${selector.value}`}`,
    })),
  );
};

/** A claim in words, for messages. */
export const claimText = (claim: Claim): string => {
  const place = `${claim.host === "" ? "any host" : `host ${claim.host}`}, path ${claim.path === "" ? "/" : claim.path}`;
  if (claim.selector === null) return place;
  return `${place}, ${claim.selector.scheme} ${claim.selector.parameter}: ${claim.selector.value}`;
};

/** One API's wish to change its claims: those it holds now, and those it wants (empty: to be removed). */
export interface ClaimChange {
  readonly api: string;
  readonly held: readonly Claim[];
  readonly wanted: readonly Claim[];
}

/** Why a wish was refused. */
export interface ClaimConflict {
  readonly api: string;
  readonly claim: Claim;
  readonly holder: string;
}

/**
 * Decides which changes may happen together. APIs that do not change keep what they hold; of several that want the same, the first
 * by name gets it; a refused one keeps its old claims, which may refuse another in turn. `holderOf` knows the table as it is.
 */
export const settleClaims = (
  changes: readonly ClaimChange[],
  holderOf: (key: string) => string | undefined,
): readonly ClaimConflict[] => {
  const byName = [...changes].sort((a, b) => (a.api < b.api ? -1 : 1));
  const moving = new Set(byName.map((change) => change.api));
  const conflicts = new Map<string, ClaimConflict>();
  for (;;) {
    const taken = new Map<string, string>();
    // Refused ones go first: their old claims are not negotiable.
    for (const change of byName) {
      if (conflicts.has(change.api)) for (const claim of change.held) taken.set(claim.key, change.api);
    }
    const before = conflicts.size;
    for (const change of byName) {
      if (conflicts.has(change.api)) continue;
      const clash = change.wanted.find((claim) => holderAmong(claim.key, taken, moving, holderOf) !== undefined);
      if (clash === undefined) {
        for (const claim of change.wanted) taken.set(claim.key, change.api);
        continue;
      }
      const holder = holderAmong(clash.key, taken, moving, holderOf) ?? "";
      conflicts.set(change.api, { api: change.api, claim: clash, holder });
    }
    // Each round refuses at least one more, so this ends.
    if (conflicts.size === before) return [...conflicts.values()];
  }
};

const holderAmong = (
  key: string,
  taken: ReadonlyMap<string, string>,
  moving: ReadonlySet<string>,
  holderOf: (key: string) => string | undefined,
): string | undefined => {
  const mover = taken.get(key);
  if (mover !== undefined) return mover;
  const holder = holderOf(key);
  return holder !== undefined && !moving.has(holder) ? holder : undefined;
};
