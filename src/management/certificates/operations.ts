import { z } from "zod";
import { keyProblem, leafOf } from "../../bundle/tls-state.ts";
import { type Certificate, certificateSchema, certificateSecretName } from "../../model/certificate.ts";
import type { StoredResource } from "../../store/repositories/resources.ts";
import { deleteSecrets, writeSecret } from "../../store/repositories/secrets.ts";
import { type Change, findIn } from "../change.ts";
import { mergePatch } from "../merge-patch.ts";
import { defineOperation, type Operation } from "../operation.ts";
import { limitOf, pageJson, pageOf, pageQuerySchema, placeOf } from "../paging.ts";
import { checkBody, withoutFields } from "../parse-request.ts";
import { redacted } from "../redact.ts";
import { refuse } from "../refuse.ts";
import {
  type Collection,
  readOnlyFields as commonReadOnlyFields,
  nameParamsSchema,
  notFound,
  putResource,
  viewOf,
  viewSchemaOf,
} from "../resources/collection.ts";
import { resourcesOfKind } from "../resources/operations.ts";
import type { ManagementTools } from "../tools.ts";
import { secretContext } from "../units.ts";

const collection: Pick<Collection, "schema" | "one"> = {
  one: "Certificate",
  schema: certificateSchema.meta({ id: "Certificate", description: "What `certificates/NAME.yaml` says." }),
};

const statusSchema = z
  .object({
    isUsable: z.boolean(),
    problems: z.array(z.string()).describe("Why gateways do not get it."),
    servedHosts: z.array(z.string()),
    subject: z.string().optional(),
    issuer: z.string().optional(),
    notBefore: z.iso.datetime().optional(),
    notAfter: z.iso.datetime().optional(),
    thumbprintSha256: z.string().optional(),
    hasKey: z.boolean().describe("Whether a private key was given to this API."),
    acme: z
      .object({
        state: z.string(),
        detail: z.string().optional(),
        at: z.string().optional(),
        nextAt: z.string().optional(),
      })
      .optional()
      .describe("How obtaining it goes."),
  })
  .meta({ id: "CertificateStatus" });

const viewSchema = z.intersection(viewSchemaOf(collection), z.object({ status: statusSchema }));

/** What PUT takes: the file's fields, and the private key. */
const writtenSchema = z
  .looseObject({
    key: z
      .string()
      .min(1)
      .max(100_000)
      .optional()
      .describe(
        "The private key in PEM: write-only, kept encrypted. Or `{{name}}` of a secret. Absent: the key that is set stays.",
      ),
  })
  .meta({ id: "WrittenCertificate" });

const readOnlyFields = [...commonReadOnlyFields, "status"];

type Status = z.output<typeof statusSchema>;

const statusesOf = async (
  tools: ManagementTools,
  db: Parameters<ManagementTools["units"]["makeTls"]>[0],
): Promise<(stored: StoredResource) => Promise<Status>> => {
  const made = await tools.units.makeTls(db, await tools.configuration.read(), "real");
  return async ({ resource }) => {
    const certificate = made.state.certificates.find((one) => one.name === resource.name);
    const leaf = certificate === undefined ? undefined : leafOf(certificate.certificate);
    const secret = await tools.units.secretOf(db, certificateSecretName(resource.name));
    const state = await tools.units.secretOf(db, acmeStateName(resource.name));
    return {
      isUsable: certificate !== undefined,
      problems: made.problems.filter((one) => one.certificate === resource.name).map((one) => one.message),
      servedHosts: [...(certificate?.hosts ?? [])],
      hasKey: secret !== undefined,
      ...(leaf === undefined
        ? {}
        : {
            subject: leaf.subject.split("\n").join(", "),
            issuer: leaf.issuer.split("\n").join(", "),
            notBefore: new Date(leaf.validFrom).toISOString(),
            notAfter: new Date(leaf.validTo).toISOString(),
            thumbprintSha256: leaf.fingerprint256.replaceAll(":", ""),
          }),
      ...(state === undefined ? {} : { acme: JSON.parse(state) as NonNullable<Status["acme"]> }),
    };
  };
};

/** Where the last attempt to obtain a certificate is noted. */
export const acmeStateName = (name: string): string => `acme-state/${name}`;

/** The certificates with what is known of them; no keys. */
export const listCertificates: Operation = defineOperation({
  id: "listCertificates",
  method: "GET",
  path: "/certificates",
  tag: "Certificates",
  summary: "List the certificates, when they end, and what is wrong with them",
  access: "settings.read",
  query: pageQuerySchema,
  answers: { 200: { description: "In order of name.", schema: pageOf(viewSchema) } },
  run: async ({ tools, query }) => {
    const after = placeOf(query);
    const limit = limitOf(query);
    const all = await resourcesOfKind(tools, "certificate");
    const rows = all.filter((stored) => after === undefined || stored.resource.name > after).slice(0, limit + 1);
    const statusOf = await statusesOf(tools, tools.db);
    const views = new Map<string, unknown>();
    for (const stored of rows) views.set(stored.resource.name, { ...viewOf(stored), status: await statusOf(stored) });
    const json = pageJson(
      rows,
      limit,
      (stored) => stored.resource.name,
      (stored) => views.get(stored.resource.name),
    );
    return { status: 200, json };
  },
});

/** One certificate; its key is never given back. */
export const getCertificate: Operation = defineOperation({
  id: "getCertificate",
  method: "GET",
  path: "/certificates/{name}",
  tag: "Certificates",
  summary: "Read one certificate, without its key",
  access: "settings.read",
  params: nameParamsSchema,
  hasEtag: true,
  answers: { 200: { description: "The certificate.", schema: viewSchema } },
  refusals: [404],
  run: async ({ tools, params }) => {
    const { resources } = await tools.configuration.read();
    const stored = findIn(resources, "certificate", params.name);
    if (stored === undefined) throw notFound("certificate", params.name);
    const statusOf = await statusesOf(tools, tools.db);
    return { status: 200, json: { ...viewOf(stored), status: await statusOf(stored) } };
  },
});

/** Creates or replaces a certificate; a private key is encrypted before it is stored. */
export const putCertificate: Operation = defineOperation({
  id: "putCertificate",
  method: "PUT",
  path: "/certificates/{name}",
  tag: "Certificates",
  summary: "Create or replace a certificate",
  description:
    "`key` with a private key in PEM sets it: it is kept encrypted, given to gateways, and never shown again.",
  access: "settings.write",
  params: nameParamsSchema,
  body: writtenSchema,
  readOnlyFields,
  hasEtag: true,
  answers: {
    200: { description: "Replaced.", schema: viewSchemaOf(collection) },
    201: { description: "Created.", schema: viewSchemaOf(collection) },
  },
  refusals: [409, 412, 415, 422],
  run: (call) =>
    call.change(async (change) => {
      const current = change.find("certificate", call.params.name);
      call.match(current === undefined ? undefined : viewOf(current));
      const json = await write(
        call.tools,
        change,
        call.params.name,
        checkBody(writtenSchema, withoutFields(call.body, readOnlyFields)),
      );
      return { status: current === undefined ? 201 : 200, json };
    }),
});

/** Changes fields of a certificate. */
export const patchCertificate: Operation = defineOperation({
  id: "patchCertificate",
  method: "PATCH",
  path: "/certificates/{name}",
  tag: "Certificates",
  summary: "Change fields of a certificate",
  description: "JSON Merge Patch (RFC 7396). `key` sets the private key.",
  access: "settings.write",
  params: nameParamsSchema,
  body: z.record(z.string(), z.unknown()),
  readOnlyFields,
  hasEtag: true,
  answers: { 200: { description: "Changed.", schema: viewSchemaOf(collection) } },
  refusals: [404, 409, 412, 415, 422],
  run: (call) =>
    call.change(async (change) => {
      const current = change.find("certificate", call.params.name);
      if (current === undefined) throw notFound("certificate", call.params.name);
      call.match(viewOf(current));
      const merged = mergePatch(current.resource.body, withoutFields(call.body, readOnlyFields));
      return { status: 200, json: await write(call.tools, change, call.params.name, checkBody(writtenSchema, merged)) };
    }),
});

/** Removes a certificate and its key. */
export const deleteCertificate: Operation = defineOperation({
  id: "deleteCertificate",
  method: "DELETE",
  path: "/certificates/{name}",
  tag: "Certificates",
  summary: "Delete a certificate and its key",
  description: "The key is gone for good: a rollback brings back the certificate, and the key has to be set anew.",
  access: "settings.write",
  params: nameParamsSchema,
  answers: { 204: { description: "Deleted." } },
  refusals: [404, 409, 412],
  run: (call) =>
    call.change(async (change) => {
      const current = change.find("certificate", call.params.name);
      if (current === undefined) throw notFound("certificate", call.params.name);
      call.match(viewOf(current));
      change.remove("certificate", call.params.name);
      await deleteSecrets(change.trx, [certificateSecretName(call.params.name), acmeStateName(call.params.name)]);
      return { status: 204 };
    }),
});

const write = async (
  tools: ManagementTools,
  change: Change,
  name: string,
  written: Readonly<Record<string, unknown>>,
): Promise<unknown> => {
  const { key, ...rest } = written;
  const isReference = typeof key === "string" && key.startsWith("{{");
  const body: Certificate = checkBody(certificateSchema, key === undefined || isReference ? written : rest);
  const stored = putResource<"certificate">(change, { kind: "certificate", name, body });
  if (typeof key !== "string" || isReference) return viewOf(stored);
  // The key is checked before it is kept; no message shows any of it.
  const leaf = body.certificate === undefined ? undefined : leafOf(body.certificate);
  const why = leaf === undefined ? "A private key needs its `certificate` in PEM." : keyProblem(leaf, key);
  if (why !== "") throw refuse("configuration.invalid", why, [{ message: why, pointer: "/key" }]);
  await keepSecret(tools, change, certificateSecretName(name), JSON.stringify({ key }));
  change.audit({ target: `certificate/${name}/key`, after: redacted });
  return viewOf(stored);
};

/** Seals a value with this change. */
export const keepSecret = async (
  tools: ManagementTools,
  change: Change,
  name: string,
  value: string,
): Promise<void> => {
  const sealed = tools.box.seal(value, secretContext(name));
  await writeSecret(change.trx, { name, sealed, changedRevision: change.revision }, change.at);
  change.touchSecrets();
};
