import { contentHash } from "../base/canonical-json.ts";
import type {
  ApiContract,
  ContractContent,
  ContractNeeds,
  ContractParameter,
  ContractShape,
  ContractStyle,
  OperationContract,
} from "../model/contract.ts";
import { createSchemaCopier, type SchemaCopier } from "./contract-schema.ts";
import { isTrue, type Located, member } from "./json-value.ts";
import type { Content, Parameter } from "./operation-parts.ts";
import { type DocumentOperation, operationsOf } from "./operations.ts";
import { splitPlace, valueAt } from "./pointer.ts";
import type { OpenApiDocument } from "./read-document.ts";
import { schemaAt } from "./schema.ts";

/** A contract, and the references that lead nowhere. */
export interface ContractMade {
  readonly contract: ApiContract;
  readonly problems: readonly { readonly path: string; readonly message: string }[];
}

/**
 * What the operations take and answer, the same for all versions of OpenAPI: schemas as JSON Schema 2020-12, each shared one once
 * under its name, recursion kept as references. Holds only what `needs` asks for, and of schemas only what can be checked.
 */
export const contractOf = (document: OpenApiDocument, needs: ContractNeeds): ContractMade => {
  const copier = createSchemaCopier(document);
  const wanted = needs.operations === null ? null : new Set(needs.operations);
  const operations: Record<string, OperationContract> = {};
  for (const operation of operationsOf(document)) {
    if (wanted !== null && !wanted.has(operation.id)) continue;
    put(operations, operation.id, operationContract(document, operation, copier));
  }
  for (const name of needs.schemas) copier.named(name);
  const content = { operations, schemas: copier.finish() };
  return { contract: { hash: contentHash(content), ...content }, problems: copier.problems };
};

const operationContract = (
  document: OpenApiDocument,
  operation: DocumentOperation,
  copier: SchemaCopier,
): OperationContract => {
  const body = operation.requestBody;
  return {
    parameters: operation.parameters
      .filter((one) => !(one.in === "header" && ignoredHeaders.has(one.name.toLowerCase())))
      .map((one) => parameterOf(document, one, copier)),
    ...(body === undefined
      ? {}
      : {
          body: {
            required: body.isRequired,
            content: body.content.map((one) => contentOf(document, one, copier)),
          },
        }),
    responses: operation.responses.map((response) => ({
      status: response.status,
      headers: response.headers
        .filter((one) => one.name.toLowerCase() !== "content-type")
        .map((one) => parameterOf(document, one, copier)),
      content: response.content.map((one) => contentOf(document, one, copier)),
    })),
    ...(operation.security.length === 0 ? {} : { security: operation.security }),
  };
};

// OpenAPI 3.x, Parameter Object: header parameters of these names are ignored.
const ignoredHeaders: ReadonlySet<string> = new Set(["accept", "content-type", "authorization"]);

const parameterOf = (document: OpenApiDocument, one: Parameter, copier: SchemaCopier): ContractParameter => {
  const { file, pointer } = splitPlace(one.pointer);
  const node = valueAt(file === undefined ? document.root : document.externals.get(file)?.root, pointer);
  const style = styleOf(document, one, node);
  return {
    name: one.in === "header" ? one.name.toLowerCase() : one.name,
    in: one.in,
    required: one.isRequired,
    style,
    explode: one.explode ?? (document.version !== "2.0" && (style === "form" || style === "cookie")),
    ...(isTrue(node, "allowReserved") ? { allowReserved: true } : {}),
    ...(isTrue(node, "allowEmptyValue") ? { allowEmptyValue: true } : {}),
    ...(one.mediaType === undefined ? {} : { mediaType: one.mediaType.toLowerCase() }),
    shape: shapeOf(document, one.schema),
    schema: one.schema === undefined ? true : copier.copy(one.schema),
  };
};

const styleOf = (document: OpenApiDocument, one: Parameter, node: unknown): ContractStyle => {
  if (document.version === "2.0" && member(node, "collectionFormat") === "tsv") return "tabDelimited";
  const isSimple = one.in === "path" || one.in === "header";
  // 2.0 writes lists in paths and headers as `csv`, which is what later versions call `simple`.
  if (isSimple && one.style === "form") return "simple";
  if (one.style !== undefined && styles.has(one.style)) return one.style as ContractStyle;
  return isSimple ? "simple" : "form";
};

const styles: ReadonlySet<string> = new Set<ContractStyle>([
  "simple",
  "label",
  "matrix",
  "form",
  "spaceDelimited",
  "pipeDelimited",
  "tabDelimited",
  "deepObject",
  "cookie",
]);

const contentOf = (document: OpenApiDocument, one: Content, copier: SchemaCopier): ContractContent => {
  const mediaType = one.mediaType.toLowerCase();
  return {
    mediaType,
    schema: one.schema === undefined ? true : copier.copy(one.schema),
    ...(one.isStream ? { isStream: true } : {}),
    ...(/^application\/x-www-form-urlencoded\b/.test(mediaType) ? { shape: shapeOf(document, one.schema) } : {}),
  };
};

const propertiesMax = 200;

/** What texts stand for: the types of a schema, of its items and of its properties, alternatives together. */
const shapeOf = (document: OpenApiDocument, at: Located | undefined): ContractShape => {
  if (at === undefined) return { types: [] };
  const schema = schemaAt(document, at);
  const items = schema.items ?? schema.prefixItems[0];
  const properties: Record<string, readonly string[]> = {};
  for (const [name, property] of [...schema.properties].slice(0, propertiesMax))
    put(properties, name, typesOf(document, property, alternativesDepthMax, true));
  return {
    types: typesOf(document, at, alternativesDepthMax),
    ...(items === undefined ? {} : { items: typesOf(document, items, alternativesDepthMax) }),
    ...(schema.properties.size === 0 ? {} : { properties }),
  };
};

const alternativesDepthMax = 4;

// A property that is a list of texts is told from one whose items are something else by `array<type>`.
const typesOf = (document: OpenApiDocument, at: Located, depthLeft: number, withItems = false): readonly string[] => {
  const schema = schemaAt(document, at);
  if (schema.types.length > 0) {
    if (!withItems || schema.items === undefined) return schema.types;
    const inner = typesOf(document, schema.items, depthLeft - 1);
    return schema.types.map((type) => (type === "array" && inner.length > 0 ? `array<${inner.join("|")}>` : type));
  }
  if (schema.enum !== undefined) return [...new Set(schema.enum.map(typeOf))];
  const found = new Set<string>();
  if (depthLeft > 0) {
    for (const one of [...schema.oneOf, ...schema.anyOf]) {
      const types = typesOf(document, one, depthLeft - 1);
      // One that takes anything makes the whole take anything.
      if (types.length === 0) return [];
      for (const type of types) found.add(type);
    }
  }
  return [...found];
};

const typeOf = (value: unknown): string => {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return typeof value;
};

// Assigning to `__proto__` would set the prototype instead.
const put = <T>(target: Record<string, T>, name: string, value: T): void => {
  Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
};
