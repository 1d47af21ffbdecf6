import { z } from "zod";
import type { ResourceKind } from "../../model/resource.ts";
import type { StoredResource } from "../../store/repositories/resources.ts";
import type { Actor } from "../actor.ts";
import { findIn } from "../change.ts";
import { mergePatch } from "../merge-patch.ts";
import { defineOperation, type Operation } from "../operation.ts";
import { limitOf, pageJson, pageOf, pageQuerySchema, placeOf } from "../paging.ts";
import { checkBody, withoutFields } from "../parse-request.ts";
import { readableBy } from "../redact.ts";
import type { ManagementTools } from "../tools.ts";
import {
  type Collection,
  nameParamsSchema,
  notFound,
  putResource,
  readOnlyFields,
  viewOf,
  viewSchemaOf,
} from "./collection.ts";

/** The resources of a kind in order of name. */
export const resourcesOfKind = async (tools: ManagementTools, kind: ResourceKind): Promise<StoredResource[]> => {
  const { resources } = await tools.configuration.read();
  return [...resources.values()]
    .filter((stored) => stored.resource.kind === kind)
    .sort((a, b) => (a.resource.name < b.resource.name ? -1 : 1));
};

const readable =
  ({ roles }: Actor, view: typeof viewOf) =>
  (stored: StoredResource): Readonly<Record<string, unknown>> =>
    view({ ...stored, resource: readableBy(roles, stored.resource) });

/** The list of a collection. */
export const listOperation = (collection: Collection, view = viewOf): Operation =>
  defineOperation({
    id: `list${collection.many}`,
    method: "GET",
    path: collection.path,
    tag: collection.tag,
    summary: `List the ${collection.noun}s`,
    access: collection.read,
    query: pageQuerySchema,
    answers: { 200: { description: "In order of name.", schema: pageOf(viewSchemaOf(collection)) } },
    run: async ({ tools, query, actor }) => {
      const after = placeOf(query);
      const limit = limitOf(query);
      const all = await resourcesOfKind(tools, collection.kind);
      const rows = all.filter((stored) => after === undefined || stored.resource.name > after).slice(0, limit + 1);
      return { status: 200, json: pageJson(rows, limit, (stored) => stored.resource.name, readable(actor, view)) };
    },
  });

/** One item of a collection. */
export const getOperation = (collection: Collection, view = viewOf): Operation =>
  defineOperation({
    id: `get${collection.one}`,
    method: "GET",
    path: `${collection.path}/{name}`,
    tag: collection.tag,
    summary: `Read one ${collection.noun}`,
    access: collection.read,
    params: nameParamsSchema,
    hasEtag: true,
    answers: { 200: { description: `The ${collection.noun}.`, schema: viewSchemaOf(collection) } },
    refusals: [404],
    run: async ({ tools, params, actor }) => {
      const { resources } = await tools.configuration.read();
      const stored = findIn(resources, collection.kind, params.name);
      if (stored === undefined) throw notFound(collection.noun, params.name);
      return { status: 200, json: readable(actor, view)(stored) };
    },
  });

/** Creates or replaces one item. */
export const putOperation = (collection: Collection): Operation =>
  defineOperation({
    id: `put${collection.one}`,
    method: "PUT",
    path: `${collection.path}/{name}`,
    tag: collection.tag,
    summary: `Create or replace a ${collection.noun}`,
    access: collection.write,
    params: nameParamsSchema,
    body: collection.schema,
    readOnlyFields,
    hasEtag: true,
    answers: {
      200: { description: "Replaced.", schema: viewSchemaOf(collection) },
      201: { description: "Created.", schema: viewSchemaOf(collection) },
    },
    refusals: [409, 412, 415, 422],
    run: (call) =>
      call.change(async (change) => {
        const current = change.find(collection.kind, call.params.name);
        call.match(current === undefined ? undefined : viewOf(current));
        const document = current?.resource.document;
        const stored = putResource(change, {
          kind: collection.kind,
          name: call.params.name,
          // The body was parsed with the schema of this kind.
          body: call.body as never,
          ...(document === undefined ? {} : { document }),
        });
        return { status: current === undefined ? 201 : 200, json: viewOf(stored) };
      }),
  });

/** Changes fields of one item. */
export const patchOperation = (collection: Collection): Operation =>
  defineOperation({
    id: `patch${collection.one}`,
    method: "PATCH",
    path: `${collection.path}/{name}`,
    tag: collection.tag,
    summary: `Change fields of a ${collection.noun}`,
    description: "JSON Merge Patch (RFC 7396): what is null goes, what is not named stays.",
    access: collection.write,
    params: nameParamsSchema,
    body: z.record(z.string(), z.unknown()),
    readOnlyFields,
    hasEtag: true,
    answers: { 200: { description: "Changed.", schema: viewSchemaOf(collection) } },
    refusals: [404, 409, 412, 415, 422],
    run: (call) =>
      call.change(async (change) => {
        const current = change.find(collection.kind, call.params.name);
        if (current === undefined) throw notFound(collection.noun, call.params.name);
        call.match(viewOf(current));
        const body = checkBody(
          collection.schema,
          mergePatch(current.resource.body, withoutFields(call.body, readOnlyFields)),
        );
        const { document } = current.resource;
        const stored = putResource(change, {
          kind: collection.kind,
          name: call.params.name,
          body: body as never,
          ...(document === undefined ? {} : { document }),
        });
        return { status: 200, json: viewOf(stored) };
      }),
  });

/** Removes one item. */
export const deleteOperation = (collection: Collection): Operation =>
  defineOperation({
    id: `delete${collection.one}`,
    method: "DELETE",
    path: `${collection.path}/{name}`,
    tag: collection.tag,
    summary: `Delete a ${collection.noun}`,
    access: collection.write,
    params: nameParamsSchema,
    answers: { 204: { description: "Deleted." } },
    refusals: [404, 409, 412],
    run: (call) =>
      call.change(async (change) => {
        const current = change.find(collection.kind, call.params.name);
        if (current === undefined) throw notFound(collection.noun, call.params.name);
        call.match(viewOf(current));
        change.remove(collection.kind, call.params.name);
        return { status: 204 };
      }),
  });
