import { OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { mediaTypesOf } from "./body.ts";
import type { Operation } from "./operation.ts";
import { managementProblems } from "./problems.ts";
import { rights } from "./rights.ts";
import { basePath, writeQuerySchema } from "./serve.ts";

const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().describe(`Stable. One of ${Object.keys(managementProblems).join(", ")}, or one of a room below.`),
    requestId: z.string(),
    errors: z
      .array(
        z.looseObject({
          message: z.string(),
          pointer: z.string().optional(),
          parameter: z.string().optional(),
          file: z.string().optional(),
          path: z.string().optional(),
          line: z.int().optional(),
          column: z.int().optional(),
          next: z.string().optional(),
        }),
      )
      .optional(),
  })
  .meta({ id: "Problem", description: "RFC 9457 problem details." });

const statusTitles: Readonly<Record<number, string>> = {
  304: "The reader has it already.",
  400: "A parameter, header or body is malformed.",
  401: "Not signed in, or with a credential that is not valid.",
  403: "The caller lacks the right.",
  404: "There is no such thing.",
  409: "Others refer to it, it exists already, or its state does not allow this.",
  412: "It was changed in the meantime.",
  413: "The body is too large.",
  415: "The media type is not taken.",
  422: "The content is not valid; `errors` says where.",
};

const ifMatch = z.object({ "If-Match": z.string().optional(), "If-None-Match": z.string().optional() });
const ifNoneMatch = z.object({ "If-None-Match": z.string().optional() });
const idempotencyKey = z.object({
  "Idempotency-Key": z
    .string()
    .optional()
    .describe(
      "1 to 255 visible ASCII characters. The same request with the same key is answered as before, for 24 hours.",
    ),
});

/** The OpenAPI document of the management API, made from its operations. */
export const openApiDocument = (operations: readonly Operation[]): Readonly<Record<string, unknown>> => {
  const app = new OpenAPIHono();
  const registry = app.openAPIRegistry;
  registry.registerComponent("securitySchemes", "bearer", {
    type: "http",
    scheme: "bearer",
    description: "The owner token or a personal access token.",
  });
  registry.registerComponent("securitySchemes", "session", {
    type: "apiKey",
    in: "cookie",
    name: "portico-session",
    description: "A session of the studio. Writes carry the header `X-Portico-Request` as well.",
  });
  for (const operation of operations) {
    registry.registerPath({
      method: methods[operation.method],
      path: `${basePath}${operation.path}`,
      operationId: operation.id,
      tags: [operation.tag],
      summary: operation.summary,
      ...(operation.description === undefined ? {} : { description: operation.description }),
      security: operation.access === "public" ? [] : [{ bearer: [] }, { session: [] }],
      "x-portico-access": operation.access,
      request: requestOf(operation),
      responses: responsesOf(operation),
    });
  }
  const document = app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Portico management API",
      version: "1",
      description:
        "Everything the studio and the command line do. Every write answers with `Portico-Revision`; with `?wait=applied` it is answered when every connected gateway runs that revision, and `Portico-Undelivered` names APIs whose newest version could not reach them.",
      license: { name: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    tags: [...new Set(operations.map((operation) => operation.tag))].map((name) => ({ name })),
    security: [{ bearer: [] }, { session: [] }],
  });
  return { ...document, "x-portico-rights": rights };
};

const methods = { GET: "get", PUT: "put", POST: "post", PATCH: "patch", DELETE: "delete" } as const;

const requestOf = (operation: Operation) => {
  const query = { ...operation.query?.shape, ...(operation.isWrite ? writeQuerySchema.shape : {}) };
  const headers = headersOf(operation);
  const body = bodyOf(operation);
  return {
    ...(operation.params === undefined ? {} : { params: operation.params }),
    ...(Object.keys(query).length === 0 ? {} : { query: z.object(query) }),
    ...(headers === undefined ? {} : { headers }),
    ...(body === undefined ? {} : { body }),
  };
};

const headersOf = (operation: Operation) => {
  if (operation.isWrite && operation.method === "POST") return idempotencyKey;
  if (operation.isWrite && operation.refusals?.includes(412) === true) return ifMatch;
  return operation.method === "GET" && operation.hasEtag === true ? ifNoneMatch : undefined;
};

const bodyOf = (operation: Operation) => {
  const types = mediaTypesOf(operation).filter((type) => type !== "");
  if (operation.bytesBody !== undefined) {
    const schema = { type: "string", format: "binary" } as const;
    return {
      description: operation.bytesBody.description,
      required: true,
      content: Object.fromEntries(types.map((type) => [type, { schema }])),
    };
  }
  const { body } = operation;
  if (body === undefined) return undefined;
  return {
    required: operation.isBodyOptional !== true,
    content: Object.fromEntries(types.map((type) => [type, { schema: body }])),
  };
};

const responsesOf = (operation: Operation) => {
  const responses: Record<string, object> = {};
  for (const [status, answer] of Object.entries(operation.answers)) {
    responses[status] = {
      description: answer.description,
      ...headersOfAnswer(operation),
      ...contentOf(answer),
    };
  }
  if (operation.isWrite) {
    responses[202] = {
      description: "Done, but with `wait=applied` not every connected gateway runs it yet: `Portico-Applied: false`.",
    };
  }
  const refusals = new Set([
    400,
    ...(operation.access === "public" ? [] : [401]),
    ...(operation.access === "public" ? [] : [403]),
    ...(operation.method === "GET" && operation.hasEtag === true ? [304] : []),
    ...(operation.refusals ?? []),
    ...(operation.isWrite && operation.method === "POST" ? [422] : []),
  ]);
  for (const status of [...refusals].sort((a, b) => a - b)) {
    responses[status] = {
      description: statusTitles[status] ?? "Refused.",
      ...(status < 400 ? {} : { content: { "application/problem+json": { schema: problemSchema } } }),
    };
  }
  responses.default = {
    description: "A fault of the platform, or a refusal that every operation may give.",
    content: { "application/problem+json": { schema: problemSchema } },
  };
  return responses as never;
};

const headersOfAnswer = (operation: Operation) => {
  const text = { schema: { type: "string" } } as const;
  const headers = {
    ...(operation.hasEtag === true ? { ETag: text } : {}),
    ...(operation.isWrite
      ? { "Portico-Revision": { schema: { type: "integer" }, description: "The revision after which this is true." } }
      : {}),
  };
  return Object.keys(headers).length === 0 ? {} : { headers };
};

const isOfValues = (type: string): boolean => type === "application/json" || type === "application/yaml";

const contentOf = ({ schema, mediaTypes }: Operation["answers"][number]) => {
  if (mediaTypes !== undefined) {
    // JSON and YAML are read as values by whoever generates a client, whatever they hold.
    const content = mediaTypes.map((type) => [
      type,
      {
        schema: isOfValues(type)
          ? type === "application/json"
            ? (schema ?? {})
            : {}
          : { type: "string", format: "binary" },
      },
    ]);
    return { content: Object.fromEntries(content) };
  }
  return schema === undefined ? {} : { content: { "application/json": { schema } } };
};
