import type { z } from "zod";
import { Fault, type Finding } from "../../base/fault.ts";
import { placeOf } from "../../bundle/bundle-paths.ts";
import { diffResources, ownerOfBundle } from "../../bundle/diff-resources.ts";
import { type BundleFinding, hasErrors, sortFindings } from "../../bundle/finding.ts";
import { policyUnits } from "../../bundle/policy-units.ts";
import { type BundleFiles, type BundleReading, placeFindings, readBundle } from "../../bundle/read-bundle.ts";
import { noReferredFiles, type ReferredFiles } from "../../model/referred-files.ts";
import { type ResourceKind, resourceKey } from "../../model/resource.ts";
import { readReferredFiles, saveDocument } from "../../store/repositories/documents.ts";
import { readOwners, writeOwner } from "../../store/repositories/resources.ts";
import type { Answer } from "../answer.ts";
import type { Change } from "../change.ts";
import { defineOperation, type Operation } from "../operation.ts";
import { refuse } from "../refuse.ts";
import { requireKinds } from "../rights.ts";
import type { ManagementTools } from "../tools.ts";
import { bundleBodyBytesMax, bundleBodySchema, bundleResultSchema, filesOf } from "./bundle-body.ts";

/** Says what applying a directory would change, and every mistake in it. */
export const planBundle: Operation = defineOperation({
  id: "planBundle",
  method: "POST",
  path: "/bundle:plan",
  tag: "Bundle",
  summary: "Say what applying a bundle would change",
  access: "apis.write",
  isRead: true,
  body: bundleBodySchema,
  bodyBytesMax: bundleBodyBytesMax,
  answers: { 200: { description: "The changes; nothing was changed.", schema: bundleResultSchema } },
  refusals: [409, 413, 415, 422],
  run: (call) => apply(call, true),
});

/** Makes the platform equal to a directory, within what the directory owns; all of it or nothing. */
export const applyBundle: Operation = defineOperation({
  id: "applyBundle",
  method: "POST",
  path: "/bundle:apply",
  tag: "Bundle",
  summary: "Make the platform equal to a bundle",
  description: "One revision, or none where nothing differs. Settings and backends need the rights to change them.",
  access: "apis.write",
  body: bundleBodySchema,
  bodyBytesMax: bundleBodyBytesMax,
  answers: { 200: { description: "What was changed.", schema: bundleResultSchema } },
  refusals: [409, 413, 415, 422],
  run: (call) => apply(call, call.isDryRun),
});

type BundleCall = Parameters<
  Parameters<typeof defineOperation<z.ZodObject, z.ZodObject, typeof bundleBodySchema>>[0]["run"]
>[0];

const apply = async (call: BundleCall, isDryRun: boolean): Promise<Answer> => {
  const files = filesOf(call.body.files);
  try {
    return await call.change((change) => applyTo(call, change, files, isDryRun), {
      isDryRun,
      message: call.body.message,
    });
  } catch (thrown) {
    throw thrown instanceof Fault ? placed(thrown, files) : thrown;
  }
};

const applyTo = async (call: BundleCall, change: Change, files: BundleFiles, isDryRun: boolean): Promise<Answer> => {
  const { owner: givenOwner, prune = false } = call.body;
  const owners = await readOwners(change.trx);
  const referred = await referredFilesOf(change, files);
  const reading = readBundle(files, {
    cache: call.tools.units.cache,
    filesOf: (api) => referred.get(api),
    // What the bundle owns and does not hold goes; it may not be named any more.
    isElsewhere: (key) =>
      change.state.resources.has(key) && (givenOwner === undefined || owners.get(key) !== givenOwner),
  });
  if (hasErrors(reading.findings)) throw await invalid(call.tools, files, reading);
  const owner = givenOwner ?? ownerOfBundle(reading.resources);
  const current = [...change.state.resources.values()].map((stored) => stored.resource);
  const plan = diffResources(reading.resources, current, { owner, ownerOf: (key) => owners.get(key), prune });
  if (hasErrors(plan.findings)) throw invalidWith([...reading.findings, ...plan.findings]);
  requireKinds(
    call.actor.roles,
    plan.changes.map((one) => one.kind),
  );
  for (const [hash, bytes] of reading.documents)
    await saveDocument(change.trx, { bytes, files: reading.files.get(hash) ?? noReferredFiles }, change.at);
  for (const resource of plan.writes) change.put(resource);
  for (const key of plan.deletes) change.remove(...kindAndName(change, key));
  const adopted = new Set(plan.adopts);
  await writeOwner(
    change.trx,
    owner,
    reading.resources.filter((resource) => adopted.has(resourceKey(resource))),
  );
  const made = plan.changes.length === 0 || isDryRun ? {} : { revision: change.revision };
  return { status: 200, json: { findings: [...reading.findings, ...plan.findings], changes: plan.changes, ...made } };
};

/** What documents of the bundle refer to was kept when they were imported, by API; the bundle has the documents alone. */
const referredFilesOf = async (change: Change, files: BundleFiles): Promise<ReadonlyMap<string, ReferredFiles>> => {
  const hashes = new Map<string, string>();
  for (const path of files.keys()) {
    const place = placeOf(path);
    if (place.role !== "document") continue;
    const document = change.find("api", place.api)?.resource.document;
    if (document !== undefined) hashes.set(place.api, document.hash);
  }
  const kept = await readReferredFiles(change.trx, [...new Set(hashes.values())]);
  const found = new Map<string, ReferredFiles>();
  for (const [api, hash] of hashes) {
    const of = kept.get(hash);
    if (of !== undefined) found.set(api, of);
  }
  return found;
};

const kindAndName = (change: Change, key: string): [ResourceKind, string] => {
  const resource = change.state.resources.get(key)?.resource;
  if (resource === undefined) throw new Error(`a plan deletes ${key}, which is not there`);
  return [resource.kind, resource.name];
};

/** All mistakes at once: those of the files, and those that only compiling the policies shows. */
const invalid = async (tools: ManagementTools, files: BundleFiles, reading: BundleReading): Promise<Fault> => {
  const failed = await tools.units.check(policyUnits([...reading.resources, ...reading.repaired]));
  const mistakes = new Map<string, BundleFinding>();
  for (const error of failed) {
    const findings: readonly Finding[] = error.findings.length > 0 ? error.findings : [{ message: error.message }];
    for (const finding of findings) {
      // What is not in a file of the bundle comes from a stand-in, and is no mistake of the bundle's.
      if (finding.file === undefined || !files.has(finding.file)) continue;
      mistakes.set(JSON.stringify([finding.file, finding.path, finding.message]), { severity: "error", ...finding });
    }
  }
  return invalidWith([...reading.findings, ...placeFindings(files, [...mistakes.values()])]);
};

const invalidWith = (findings: readonly BundleFinding[]): Fault => {
  const sorted = sortFindings(findings);
  const errors = sorted.filter((finding) => finding.severity === "error");
  const first = errors[0];
  const where = first?.file === undefined ? "" : `${first.file}${first.line === undefined ? "" : `:${first.line}`}: `;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : "";
  return refuse("bundle.invalid", `${where}${first?.message ?? "not valid"}${more}`, sorted);
};

/** The same refusal with lines, where the findings name files of the bundle. */
const placed = (fault: Fault, files: BundleFiles): Fault =>
  fault.findings.length === 0 || fault.code === "bundle.invalid"
    ? fault
    : new Fault(fault.code, {
        public: fault.message,
        status: fault.status,
        findings: placeFindings(files, fault.findings).map((finding) => ({ severity: "error", ...finding })),
        cause: fault,
      });
