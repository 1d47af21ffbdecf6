import { contentHash } from "../base/canonical-json.ts";
import { type Resource, type ResourceKind, resourceKey } from "../model/resource.ts";
import { filePathOf } from "./bundle-paths.ts";
import { type BundleFinding, pathText } from "./finding.ts";
import { textOf } from "./write-bundle.ts";

/** One field that would change; what may be a secret reads `(hidden)`. */
interface FieldChange {
  readonly path: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

/** What happens to one resource. */
export interface ResourceChange {
  readonly action: "create" | "update" | "delete";
  readonly kind: ResourceKind;
  readonly name: string;
  readonly file: string;
  /** Empty for creations and deletions, and for updates of nothing but comments and layout (`isTextOnly`). */
  readonly fields: readonly FieldChange[];
  /** The file's text changes and its meaning does not. */
  readonly isTextOnly: boolean;
}

/** What makes the current state equal to the desired one, within what the owner owns. */
export interface ResourcePlan {
  readonly changes: readonly ResourceChange[];
  /** What is to be written, for the changes that create or update. */
  readonly writes: readonly Resource[];
  /** Keys of what is to be deleted. */
  readonly deletes: readonly string[];
  /** Keys that become the owner's: everything desired that is not yet. */
  readonly adopts: readonly string[];
  /** Conflicts with other owners; an error stops the plan. */
  readonly findings: readonly BundleFinding[];
}

/** Whose resources a plan may touch. */
export interface PlanOptions {
  /** Name of the bundle that is applied. */
  readonly owner: string;
  /** The bundle that a resource came with; undefined for what was made in the studio or over the management API. */
  ownerOf(key: string): string | undefined;
  /** Also deletes what nobody owns and the directory does not have. What another bundle owns is never deleted. */
  readonly prune?: boolean;
}

/** The owner where neither the caller nor portico.yaml names one. */
const defaultOwner = "default";

/** The name under which a bundle owns its resources: its workspace. */
export const ownerOfBundle = (resources: readonly Resource[]): string => {
  for (const resource of resources) if (resource.kind === "settings") return resource.body.workspace ?? defaultOwner;
  return defaultOwner;
};

/**
 * Compares. A bundle owns what it created, and what nobody owned when it was applied; it deletes only what it owns, and with
 * `prune` what nobody owns. What another bundle owns it may name and hold as it is, but not change: that is a finding. Settings that
 * say nothing but the workspace claim nothing, so that any number of bundles share a platform.
 */
export const diffResources = (
  desired: readonly Resource[],
  current: readonly Resource[],
  options: PlanOptions,
): ResourcePlan => {
  const wanted = new Map(desired.map((resource) => [resourceKey(resource), resource]));
  const existing = new Map(current.map((resource) => [resourceKey(resource), resource]));
  const changes: ResourceChange[] = [];
  const writes: Resource[] = [];
  const deletes: string[] = [];
  const adopts: string[] = [];
  const findings: BundleFinding[] = [];
  for (const [key, resource] of wanted) {
    const before = existing.get(key);
    const owner = options.ownerOf(key);
    const change = changeOf(before, resource);
    const isOthers = owner !== undefined && owner !== options.owner;
    if (isOthers && (change === undefined || saysOnlyWorkspace(resource))) continue;
    if (isOthers && !(before !== undefined && saysOnlyWorkspace(before))) {
      findings.push(conflict(resource, owner, options.owner));
      continue;
    }
    if (owner !== options.owner) adopts.push(key);
    if (change === undefined) continue;
    changes.push(change);
    writes.push(resource);
  }
  for (const [key, resource] of existing) {
    if (wanted.has(key)) continue;
    const owner = options.ownerOf(key);
    if (owner !== options.owner && !(options.prune === true && owner === undefined)) continue;
    changes.push({ ...identity("delete", resource), fields: [], isTextOnly: false });
    deletes.push(key);
  }
  const rank = { create: 0, update: 1, delete: 2 } as const;
  changes.sort((a, b) => rank[a.action] - rank[b.action] || (a.file < b.file ? -1 : a.file > b.file ? 1 : 0));
  return { changes, writes, deletes, adopts, findings };
};

/** What a platform heeds of portico.yaml; `workspace` names the owner, the rest is for programs that start in the directory. */
const saysOnlyWorkspace = (resource: Resource): boolean =>
  resource.kind === "settings" && resource.body.title === undefined && resource.body.policies === undefined;

const conflict = (resource: Resource, owner: string, here: string): BundleFinding => ({
  severity: "error",
  file: filePathOf(resource.kind, resource.name),
  line: 1,
  column: 1,
  ...(resource.kind === "settings"
    ? {
        message: `the platform's title and outer policies belong to the bundle '${owner}', not to '${here}'`,
        next: `Say them there and only \`workspace: ${here}\` here, or apply with --owner ${owner}.`,
      }
    : {
        message: `the ${resource.kind} '${resource.name}' belongs to the bundle '${owner}', not to '${here}'`,
        next: `Give it another name, remove it from one of the two bundles, or apply with --owner ${owner}.`,
      }),
});

const identity = (
  action: ResourceChange["action"],
  resource: Resource,
): Omit<ResourceChange, "fields" | "isTextOnly"> => ({
  action,
  kind: resource.kind,
  name: resource.name,
  file: filePathOf(resource.kind, resource.name),
});

const changeOf = (before: Resource | undefined, after: Resource): ResourceChange | undefined => {
  if (before === undefined) return { ...identity("create", after), fields: [], isTextOnly: false };
  const fields = fieldChanges(before, after);
  if (fields.length > 0) return { ...identity("update", after), fields, isTextOnly: false };
  // Comments and layout count, so that `pull` gives back what was applied.
  return textOf(before) === textOf(after) ? undefined : { ...identity("update", after), fields: [], isTextOnly: true };
};

/** The fields in which two versions of a resource differ, its document included. */
const fieldChanges = (before: Resource, after: Resource): readonly FieldChange[] => {
  const changes: FieldChange[] = [];
  if (before.document?.hash !== after.document?.hash || before.document?.fileName !== after.document?.fileName) {
    changes.push({ path: "(document)", ...side("before", before.document), ...side("after", after.document) });
  }
  compare(before.body, after.body, [], (path, old, now) => {
    const isHidden = mayBeSecret(after.kind, path);
    changes.push({
      path: pathText(path),
      ...side("before", old !== undefined && isHidden ? hidden : old),
      ...side("after", now !== undefined && isHidden ? hidden : now),
    });
  });
  return changes;
};

const hidden = "(hidden)";

// Credentials of a backend should be named values, but may have been written out.
const mayBeSecret = (kind: ResourceKind, path: readonly PropertyKey[]): boolean =>
  kind === "backend" && path[0] === "credentials";

const side = (name: "before" | "after", value: unknown): Partial<FieldChange> =>
  value === undefined ? {} : { [name]: value };

type Report = (path: readonly PropertyKey[], before: unknown, after: unknown) => void;

const compare = (before: unknown, after: unknown, path: readonly PropertyKey[], report: Report): void => {
  if (before === after) return;
  if (Array.isArray(before) && Array.isArray(after) && before.length === after.length) {
    for (const [index, item] of before.entries()) compare(item, after[index], [...path, index], report);
    return;
  }
  if (isPlainObject(before) && isPlainObject(after)) {
    for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
      compare(Reflect.get(before, name), Reflect.get(after, name), [...path, name], report);
    }
    return;
  }
  if (contentHash({ value: before }) !== contentHash({ value: after })) report(path, before, after);
};

const isPlainObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);
