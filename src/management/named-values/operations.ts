import { z } from "zod";
import { type NamedValue, namedValueSchema } from "../../model/named-value.ts";
import { deleteSecrets, readSecrets, writeSecret } from "../../store/repositories/secrets.ts";
import { type Change, findIn } from "../change.ts";
import { mergePatch } from "../merge-patch.ts";
import { defineOperation, type Operation } from "../operation.ts";
import { limitOf, pageJson, pageOf, pageQuerySchema, placeOf } from "../paging.ts";
import { checkBody } from "../parse-request.ts";
import { redacted } from "../redact.ts";
import { nameParamsSchema, notFound, putResource, readOnlyFields, viewSchemaOf } from "../resources/collection.ts";
import { resourcesOfKind } from "../resources/operations.ts";
import type { ManagementTools } from "../tools.ts";
import { secretContext } from "../units.ts";
import { namedValueCollection, namedValueView, writtenNamedValueSchema } from "./named-value-view.ts";

const viewSchema = z.intersection(
  viewSchemaOf(namedValueCollection),
  z.object({ hasValue: z.boolean().optional().describe("Of a secret: whether its value was set.") }),
);

const secretNames = async (db: Parameters<typeof readSecrets>[0]): Promise<ReadonlySet<string>> =>
  new Set((await readSecrets(db)).map((secret) => secret.name));

/** The named values; of secrets only that they are. */
export const listNamedValues: Operation = defineOperation({
  id: "listNamedValues",
  method: "GET",
  path: "/named-values",
  tag: "Named values",
  summary: "List the named values; secrets without their values",
  access: "backends.read",
  query: pageQuerySchema,
  answers: { 200: { description: "In order of name.", schema: pageOf(viewSchema) } },
  run: async ({ tools, query }) => {
    const after = placeOf(query);
    const limit = limitOf(query);
    const names = await secretNames(tools.db);
    const all = await resourcesOfKind(tools, "named-value");
    const rows = all.filter((stored) => after === undefined || stored.resource.name > after).slice(0, limit + 1);
    const json = pageJson(
      rows,
      limit,
      (stored) => stored.resource.name,
      (stored) => namedValueView(stored, names),
    );
    return { status: 200, json };
  },
});

/** One named value. */
export const getNamedValue: Operation = defineOperation({
  id: "getNamedValue",
  method: "GET",
  path: "/named-values/{name}",
  tag: "Named values",
  summary: "Read one named value; a secret without its value",
  access: "backends.read",
  params: nameParamsSchema,
  hasEtag: true,
  answers: { 200: { description: "The named value.", schema: viewSchema } },
  refusals: [404],
  run: async ({ tools, params }) => {
    const { resources } = await tools.configuration.read();
    const stored = findIn(resources, "named-value", params.name);
    if (stored === undefined) throw notFound("named value", params.name);
    return { status: 200, json: namedValueView(stored, await secretNames(tools.db)) };
  },
});

/** Creates or replaces a named value; a secret's value is encrypted before it is stored. */
export const putNamedValue: Operation = defineOperation({
  id: "putNamedValue",
  method: "PUT",
  path: "/named-values/{name}",
  tag: "Named values",
  summary: "Create or replace a named value",
  description:
    "`secret: true` with `value` sets a secret: it is kept encrypted, used by gateways, and never shown again.",
  access: "backends.write",
  params: nameParamsSchema,
  body: writtenNamedValueSchema,
  readOnlyFields,
  hasEtag: true,
  answers: {
    200: { description: "Replaced.", schema: viewSchema },
    201: { description: "Created.", schema: viewSchema },
  },
  refusals: [412, 415, 422],
  run: (call) =>
    call.change(async (change) => {
      const current = change.find("named-value", call.params.name);
      call.match(current === undefined ? undefined : namedValueView(current, await secretNames(change.trx)));
      const json = await write(call.tools, change, call.params.name, call.body);
      return { status: current === undefined ? 201 : 200, json };
    }),
});

/** Changes fields of a named value. */
export const patchNamedValue: Operation = defineOperation({
  id: "patchNamedValue",
  method: "PATCH",
  path: "/named-values/{name}",
  tag: "Named values",
  summary: "Change fields of a named value",
  description: "JSON Merge Patch (RFC 7396). `value` sets a secret's value.",
  access: "backends.write",
  params: nameParamsSchema,
  body: z.record(z.string(), z.unknown()),
  readOnlyFields,
  hasEtag: true,
  answers: { 200: { description: "Changed.", schema: viewSchema } },
  refusals: [404, 412, 415, 422],
  run: (call) =>
    call.change(async (change) => {
      const current = change.find("named-value", call.params.name);
      if (current === undefined) throw notFound("named value", call.params.name);
      call.match(namedValueView(current, await secretNames(change.trx)));
      const written = checkBody(writtenNamedValueSchema, mergePatch(current.resource.body, call.body));
      return { status: 200, json: await write(call.tools, change, call.params.name, written) };
    }),
});

/** Removes a named value and its secret; a rollback does not bring the secret back. */
export const deleteNamedValue: Operation = defineOperation({
  id: "deleteNamedValue",
  method: "DELETE",
  path: "/named-values/{name}",
  tag: "Named values",
  summary: "Delete a named value",
  description: "A secret's value is gone for good: a rollback brings back the name, and the value has to be set anew.",
  access: "backends.write",
  params: nameParamsSchema,
  answers: { 204: { description: "Deleted." } },
  refusals: [404, 409, 412],
  run: (call) =>
    call.change(async (change) => {
      const current = change.find("named-value", call.params.name);
      if (current === undefined) throw notFound("named value", call.params.name);
      call.match(namedValueView(current, await secretNames(change.trx)));
      change.remove("named-value", call.params.name);
      await deleteSecrets(change.trx, [call.params.name]);
      return { status: 204 };
    }),
});

const write = async (
  tools: ManagementTools,
  change: Change,
  name: string,
  written: z.output<typeof writtenNamedValueSchema>,
): Promise<unknown> => {
  const secret = "secret" in written && written.secret === true && "value" in written ? written.value : undefined;
  const body: NamedValue = secret === undefined ? checkBody(namedValueSchema, written) : withoutValue(written);
  const stored = putResource<"named-value">(change, { kind: "named-value", name, body });
  if (secret !== undefined) {
    const sealed = tools.box.seal(secret, secretContext(name));
    await writeSecret(change.trx, { name, sealed, changedRevision: change.revision }, change.at);
    change.touchSecrets();
    change.audit({ target: `named-value/${name}/value`, after: redacted });
  } else if (!isSecret(body)) {
    await deleteSecrets(change.trx, [name]);
  }
  return namedValueView(stored, await secretNames(change.trx));
};

const isSecret = (body: NamedValue): boolean => "secret" in body && body.secret === true && !("env" in body);

const withoutValue = (written: z.output<typeof writtenNamedValueSchema>): NamedValue => {
  const { value: _secret, ...rest } = { value: undefined, ...written };
  return checkBody(namedValueSchema, rest);
};
