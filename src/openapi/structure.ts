import type { OpenApiVersion } from "./read-document.ts";

/**
 * What a field may hold. `Name` is an object of the table, `Name[]` a list, `{Name}` a map by free names; scalars are written
 * small. A field after `@` exists from that version on, one before `@` only up to it: `3.1-` (up to 3.1).
 */
export type FieldKind = string;

/** One kind of object in a document. */
export interface ObjectKind {
  readonly fields: Readonly<Record<string, FieldKind>>;
  readonly required?: readonly string[];
  /** Any other member is allowed: maps with a few known names, and schemas. */
  readonly isOpen?: boolean;
  /** May be a reference instead. */
  readonly isReferable?: boolean;
  /** What members beyond the fields hold, by a pattern of their names. */
  readonly patterns?: readonly (readonly [RegExp, FieldKind])[];
}

/** The objects of a version of OpenAPI; the document itself is `Document`. */
export const structureOf = (version: OpenApiVersion): Readonly<Record<string, ObjectKind>> => {
  const made = structures.get(version) ?? (version === "2.0" ? swagger2 : openApi3(version));
  structures.set(version, made);
  return made;
};

const structures = new Map<OpenApiVersion, Readonly<Record<string, ObjectKind>>>();

const contact = { fields: { name: "string", url: "string", email: "string" } };
const externalDocs = { fields: { description: "string", url: "string" }, required: ["url"] };
const xml = {
  fields: {
    name: "string",
    namespace: "string",
    prefix: "string",
    attribute: "boolean",
    wrapped: "boolean",
    nodeType: "string",
  },
};

// Only what this room reads: keywords of JSON Schema are many, and unknown ones are allowed.
const schemaFields = {
  title: "string",
  description: "string",
  type: "type",
  format: "string",
  properties: "{Schema}",
  patternProperties: "{Schema}",
  additionalProperties: "SchemaOrBoolean",
  items: "SchemaOrList",
  prefixItems: "Schema[]",
  allOf: "Schema[]",
  oneOf: "Schema[]",
  anyOf: "Schema[]",
  not: "Schema",
  required: "strings",
  enum: "list",
  minimum: "number",
  maximum: "number",
  multipleOf: "number",
  minLength: "number",
  maxLength: "number",
  minItems: "number",
  maxItems: "number",
  minProperties: "number",
  maxProperties: "number",
  pattern: "string",
  uniqueItems: "boolean",
  readOnly: "boolean",
  writeOnly: "boolean",
  deprecated: "boolean",
  nullable: "boolean",
  externalDocs: "ExternalDocs",
  xml: "Xml",
} as const;

const swagger2: Readonly<Record<string, ObjectKind>> = {
  Document: {
    fields: {
      swagger: "any",
      info: "Info",
      host: "string",
      basePath: "string",
      schemes: "strings",
      consumes: "strings",
      produces: "strings",
      paths: "Paths",
      definitions: "{Schema}",
      parameters: "{Parameter}",
      responses: "{Response}",
      securityDefinitions: "{SecurityScheme}",
      security: "Security[]",
      tags: "Tag[]",
      externalDocs: "ExternalDocs",
    },
    required: ["swagger", "info", "paths"],
  },
  Info: {
    fields: {
      title: "string",
      description: "string",
      termsOfService: "string",
      contact: "Contact",
      license: "License",
      version: "string",
    },
    required: ["title", "version"],
  },
  Contact: contact,
  License: { fields: { name: "string", url: "string" }, required: ["name"] },
  Paths: { fields: {}, patterns: [[/^\//, "PathItem"]], isOpen: true },
  PathItem: {
    fields: {
      $ref: "string",
      ...methods("get", "put", "post", "delete", "options", "head", "patch"),
      parameters: "Parameter[]",
    },
  },
  Operation: {
    fields: {
      tags: "strings",
      summary: "string",
      description: "string",
      externalDocs: "ExternalDocs",
      operationId: "string",
      consumes: "strings",
      produces: "strings",
      parameters: "Parameter[]",
      responses: "Responses",
      schemes: "strings",
      deprecated: "boolean",
      security: "Security[]",
    },
    required: ["responses"],
  },
  ExternalDocs: externalDocs,
  Parameter: {
    fields: {
      name: "string",
      in: "string",
      description: "string",
      required: "boolean",
      schema: "Schema",
      type: "string",
    },
    required: ["name", "in"],
    isReferable: true,
    isOpen: true,
  },
  Responses: { fields: {}, patterns: [[/^(default|[1-5](\d\d|XX))$/, "Response"]] },
  Response: {
    fields: { description: "string", schema: "Schema", headers: "{Header}", examples: "any" },
    required: ["description"],
    isReferable: true,
  },
  Header: { fields: { description: "string", type: "string" }, isOpen: true },
  Tag: { fields: { name: "string", description: "string", externalDocs: "ExternalDocs" }, required: ["name"] },
  SecurityScheme: {
    fields: {
      type: "string",
      description: "string",
      name: "string",
      in: "string",
      flow: "string",
      authorizationUrl: "string",
      tokenUrl: "string",
      scopes: "any",
    },
    required: ["type"],
  },
  Security: { fields: {}, patterns: [[/(?:)/, "strings"]] },
  Schema: { fields: { ...schemaFields, discriminator: "string" }, isReferable: true, isOpen: true },
  Xml: xml,
};

function methods(...names: readonly string[]): Readonly<Record<string, FieldKind>> {
  return Object.fromEntries(names.map((name) => [name, "Operation"]));
}

const openApi3 = (version: OpenApiVersion): Readonly<Record<string, ObjectKind>> => {
  const is31 = version !== "3.0";
  const is32 = version === "3.2";
  const from31 = <T extends object>(fields: T): Partial<T> => (is31 ? fields : {});
  const from32 = <T extends object>(fields: T): Partial<T> => (is32 ? fields : {});
  return fieldsOnly({
    Document: {
      fields: {
        openapi: "any",
        info: "Info",
        servers: "Server[]",
        paths: "Paths",
        components: "Components",
        security: "Security[]",
        tags: "Tag[]",
        externalDocs: "ExternalDocs",
        ...from31({ webhooks: "{PathItem}", jsonSchemaDialect: "string" }),
        ...from32({ $self: "string" }),
      },
      required: is31 ? ["openapi", "info"] : ["openapi", "info", "paths"],
    },
    Info: {
      fields: {
        title: "string",
        description: "string",
        termsOfService: "string",
        contact: "Contact",
        license: "License",
        version: "string",
        ...from31({ summary: "string" }),
      },
      required: ["title", "version"],
    },
    Contact: contact,
    License: { fields: { name: "string", url: "string", ...from31({ identifier: "string" }) }, required: ["name"] },
    Server: {
      fields: { url: "string", description: "string", variables: "{ServerVariable}", ...from32({ name: "string" }) },
      required: ["url"],
    },
    ServerVariable: { fields: { enum: "strings", default: "string", description: "string" }, required: ["default"] },
    Paths: { fields: {}, patterns: [[/^\//, "PathItem"]], isOpen: true },
    PathItem: {
      fields: {
        $ref: "string",
        summary: "string",
        description: "string",
        ...methods("get", "put", "post", "delete", "options", "head", "patch", "trace"),
        servers: "Server[]",
        parameters: "Parameter[]",
        ...from32({ query: "Operation", additionalOperations: "{Operation}" }),
      },
    },
    Operation: {
      fields: {
        tags: "strings",
        summary: "string",
        description: "string",
        externalDocs: "ExternalDocs",
        operationId: "string",
        parameters: "Parameter[]",
        requestBody: "RequestBody",
        responses: "Responses",
        callbacks: "{Callback}",
        deprecated: "boolean",
        security: "Security[]",
        servers: "Server[]",
      },
      ...(is31 ? {} : { required: ["responses"] }),
    },
    ExternalDocs: externalDocs,
    Parameter: {
      fields: {
        name: "string",
        in: "string",
        ...parameterFields,
        allowEmptyValue: "boolean",
        allowReserved: "boolean",
      },
      required: ["name", "in"],
      isReferable: true,
    },
    Header: { fields: parameterFields, isReferable: true },
    RequestBody: {
      fields: { description: "string", content: "{MediaType}", required: "boolean" },
      required: ["content"],
      isReferable: true,
    },
    MediaType: {
      fields: {
        schema: "Schema",
        example: "any",
        examples: "{Example}",
        encoding: "{Encoding}",
        ...from32({ itemSchema: "Schema", prefixEncoding: "Encoding[]", itemEncoding: "Encoding" }),
      },
      isReferable: is32,
    },
    Encoding: {
      fields: {
        contentType: "string",
        headers: "{Header}",
        style: "string",
        explode: "boolean",
        allowReserved: "boolean",
        ...from32({ encoding: "{Encoding}", prefixEncoding: "Encoding[]", itemEncoding: "Encoding" }),
      },
    },
    Responses: { fields: {}, patterns: [[/^(default|[1-5](\d\d|XX))$/, "Response"]] },
    Response: {
      fields: {
        description: "string",
        headers: "{Header}",
        content: "{MediaType}",
        links: "{Link}",
        ...from32({ summary: "string" }),
      },
      ...(is32 ? {} : { required: ["description"] }),
      isReferable: true,
    },
    Callback: { fields: {}, patterns: [[/(?:)/, "PathItem"]], isReferable: true },
    Example: {
      fields: {
        summary: "string",
        description: "string",
        value: "any",
        externalValue: "string",
        ...from32({ dataValue: "any", serializedValue: "string" }),
      },
      isReferable: true,
    },
    Link: {
      fields: {
        operationRef: "string",
        operationId: "string",
        parameters: "any",
        requestBody: "any",
        description: "string",
        server: "Server",
      },
      isReferable: true,
    },
    Tag: {
      fields: {
        name: "string",
        description: "string",
        externalDocs: "ExternalDocs",
        ...from32({ summary: "string", parent: "string", kind: "string" }),
      },
      required: ["name"],
    },
    Components: {
      fields: {
        schemas: "{Schema}",
        responses: "{Response}",
        parameters: "{Parameter}",
        examples: "{Example}",
        requestBodies: "{RequestBody}",
        headers: "{Header}",
        securitySchemes: "{SecurityScheme}",
        links: "{Link}",
        callbacks: "{Callback}",
        ...from31({ pathItems: "{PathItem}" }),
        ...from32({ mediaTypes: "{MediaType}" }),
      },
    },
    SecurityScheme: {
      fields: {
        type: "string",
        description: "string",
        name: "string",
        in: "string",
        scheme: "string",
        bearerFormat: "string",
        flows: "any",
        openIdConnectUrl: "string",
        ...from32({ oauth2MetadataUrl: "string", deprecated: "boolean" }),
      },
      required: ["type"],
      isReferable: true,
    },
    Security: { fields: {}, patterns: [[/(?:)/, "strings"]] },
    Schema: { fields: { ...schemaFields, discriminator: "Discriminator" }, isReferable: true, isOpen: true },
    Discriminator: { fields: { propertyName: "string", mapping: "any", ...from32({ defaultMapping: "string" }) } },
    Xml: xml,
  });
};

const parameterFields = {
  description: "string",
  required: "boolean",
  deprecated: "boolean",
  style: "string",
  explode: "boolean",
  schema: "Schema",
  example: "any",
  examples: "{Example}",
  content: "{MediaType}",
} as const;

// `Partial` allows undefined where nothing is: the table has only what a version has.
const fieldsOnly = (
  table: Readonly<
    Record<string, Omit<ObjectKind, "fields"> & { readonly fields: Readonly<Record<string, string | undefined>> }>
  >,
): Readonly<Record<string, ObjectKind>> => {
  const made: Record<string, ObjectKind> = {};
  for (const [name, kind] of Object.entries(table)) {
    const fields: Record<string, FieldKind> = {};
    for (const [field, value] of Object.entries(kind.fields)) if (value !== undefined) fields[field] = value;
    made[name] = { ...kind, fields };
  }
  return made;
};
