import { z } from "zod";
import { diffResources, type ResourceChange } from "../../bundle/diff-resources.ts";
import type { Resource } from "../../model/resource.ts";
import { type ConfigurationState, readStateAt } from "../../store/repositories/resources.ts";
import { currentRevision, findRevision, listRevisions as listRows } from "../../store/repositories/revisions.ts";
import { defineOperation, type Operation } from "../operation.ts";
import { limitOf, numberPlaceOf, pageJson, pageOf, pageQuerySchema } from "../paging.ts";
import { notFound } from "../resources/collection.ts";
import { requireKinds } from "../rights.ts";
import type { ManagementTools } from "../tools.ts";
import { resourceChangeSchema, revisionSchema, revisionView } from "./revision-view.ts";

const numberSchema = z
  .string()
  .regex(/^(0|[1-9]\d{0,14})$/, "the number of a revision")
  .transform(Number);
const paramsSchema = z.object({ revision: numberSchema });

/** The revisions, the newest first. */
export const listRevisions: Operation = defineOperation({
  id: "listRevisions",
  method: "GET",
  path: "/revisions",
  tag: "Revisions",
  summary: "List the revisions",
  access: "apis.read",
  query: pageQuerySchema.extend({ kind: z.enum(["configuration", "access"]).optional() }),
  answers: { 200: { description: "The newest first.", schema: pageOf(revisionSchema) } },
  run: async ({ tools, query }) => {
    const limit = limitOf(query);
    const rows = await listRows(tools.db, { before: numberPlaceOf(query), limit: limit + 1, kind: query.kind });
    return { status: 200, json: pageJson(rows, limit, (row) => String(row.number), revisionView) };
  },
});

/** One revision with what it changed. */
export const getRevision: Operation = defineOperation({
  id: "getRevision",
  method: "GET",
  path: "/revisions/{revision}",
  tag: "Revisions",
  summary: "Show a revision and what it changed",
  access: "settings.read",
  params: paramsSchema,
  answers: {
    200: {
      description: "The revision.",
      schema: z.intersection(revisionSchema, z.object({ changes: z.array(resourceChangeSchema) })),
    },
  },
  refusals: [404],
  run: async ({ tools, params }) => {
    const row = await findRevision(tools.db, params.revision);
    if (row === undefined) throw notFound("revision", String(params.revision));
    const changes = await changesBetween(tools, params.revision - 1, params.revision);
    return { status: 200, json: { ...revisionView(row), changes } };
  },
});

/** What differs between two revisions. */
export const diffRevisions: Operation = defineOperation({
  id: "diffRevisions",
  method: "GET",
  path: "/revisions/{revision}/diff/{other}",
  tag: "Revisions",
  summary: "Compare the configuration at two revisions",
  description: "What would change the first into the second. Revision 0 is the empty platform.",
  access: "settings.read",
  params: paramsSchema.extend({ other: numberSchema }),
  answers: {
    200: {
      description: "The changes.",
      schema: z.object({ from: z.int(), to: z.int(), changes: z.array(resourceChangeSchema) }),
    },
  },
  refusals: [404],
  run: async ({ tools, params }) => {
    const newest = await currentRevision(tools.db);
    for (const number of [params.revision, params.other]) {
      if (number > newest) throw notFound("revision", String(number));
    }
    const changes = await changesBetween(tools, params.revision, params.other);
    return { status: 200, json: { from: params.revision, to: params.other, changes } };
  },
});

/** Makes the configuration what it was: a new revision with the old content. */
export const rollbackRevision: Operation = defineOperation({
  id: "rollbackRevision",
  method: "POST",
  path: "/revisions/{revision}:rollback",
  tag: "Revisions",
  summary: "Make the configuration what it was at a revision",
  description: "A new revision; nothing is lost. Keys, subscriptions and the values of secrets stay as they are.",
  access: "apis.write",
  params: paramsSchema,
  body: z.strictObject({ message: z.string().max(1000).optional() }),
  isBodyOptional: true,
  answers: {
    200: {
      description: "What it changed; `revision` is absent where nothing differed.",
      schema: z.object({ changes: z.array(resourceChangeSchema), revision: z.int().optional() }),
    },
  },
  refusals: [404, 409, 415, 422],
  run: (call) =>
    call.change(
      async (change) => {
        const { revision } = call.params;
        if (revision >= change.revision) throw notFound("revision", String(revision));
        const target = await readStateAt(change.trx, revision);
        for (const { resource } of target.resources.values()) change.put(resource);
        for (const [key, { resource }] of change.state.resources) {
          if (!target.resources.has(key)) change.remove(resource.kind, resource.name);
        }
        const changes = compare(change.state, target);
        requireKinds(
          call.actor.roles,
          changes.map(({ kind }) => kind),
        );
        const made = changes.length === 0 || call.isDryRun ? {} : { revision: change.revision };
        return { status: 200, json: { changes, ...made } };
      },
      { message: call.body.message ?? `rollback to revision ${call.params.revision}` },
    ),
});

const changesBetween = async (tools: ManagementTools, from: number, to: number): Promise<readonly ResourceChange[]> =>
  compare(await readStateAt(tools.db, Math.max(0, from)), await readStateAt(tools.db, to));

const compare = (from: ConfigurationState, to: ConfigurationState): readonly ResourceChange[] =>
  diffResources(resourcesOf(to), resourcesOf(from), { owner: "", ownerOf: () => undefined, prune: true }).changes;

const resourcesOf = (state: ConfigurationState): Resource[] =>
  [...state.resources.values()].map(({ resource }) => resource);
