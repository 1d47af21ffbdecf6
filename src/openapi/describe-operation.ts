import { bodyExamples, type Direction, parameterExample } from "./example.ts";
import { isObject, type JsonObject, type Located, member } from "./json-value.ts";
import type { Content, Parameter, ParameterPlace, Security, Server } from "./operation-parts.ts";
import { operationOf } from "./operations.ts";
import { pointerTo, splitPlace, valueAt } from "./pointer.ts";
import type { OpenApiDocument } from "./read-document.ts";
import { schemaAt } from "./schema.ts";
import { clip, type SchemaNode, schemaTree, type TreeLimits, treeLimits } from "./schema-tree.ts";

/** Everything one page about an operation needs. JSON all through, bounded; what is undefined is absent. */
export interface OperationDescription {
  readonly id: string;
  readonly operationId: string | undefined;
  readonly method: string;
  readonly path: string;
  readonly summary: string | undefined;
  readonly description: string | undefined;
  readonly tags: readonly string[];
  readonly isDeprecated: boolean;
  readonly security: Security;
  readonly servers: readonly Server[];
  readonly parameters: readonly ParameterDescription[];
  readonly requestBody: BodyDescription | undefined;
  readonly responses: readonly ResponseDescription[];
  readonly extensions: JsonObject;
  readonly pointer: string;
}

/** A parameter or header on a page. */
export interface ParameterDescription {
  readonly name: string;
  readonly in: ParameterPlace;
  readonly isRequired: boolean;
  readonly isDeprecated: boolean;
  readonly description: string | undefined;
  readonly schema: SchemaNode | undefined;
  readonly example: unknown;
}

/** A body on a page. */
export interface BodyDescription {
  readonly isRequired: boolean;
  readonly description: string | undefined;
  readonly content: readonly ContentDescription[];
}

/** Media types that share one schema, with examples. */
export interface ContentDescription {
  readonly mediaTypes: readonly string[];
  readonly isStream: boolean;
  readonly schema: SchemaNode | undefined;
  readonly examples: readonly ExampleDescription[];
}

/** An example as a page shows it. */
export interface ExampleDescription {
  readonly name: string | undefined;
  readonly summary: string | undefined;
  readonly mediaType: string;
  readonly text: string;
  /** Whether the document gives it; otherwise it was made from the schema. */
  readonly isGiven: boolean;
  readonly isTruncated: boolean;
}

/** One answer on a page. */
export interface ResponseDescription {
  readonly status: string;
  readonly description: string | undefined;
  readonly headers: readonly ParameterDescription[];
  readonly content: readonly ContentDescription[];
}

/** The bounds of one page. */
export interface DescriptionLimits {
  /** Of one schema. */
  readonly tree: TreeLimits;
  /** Schema nodes of all parameters and bodies together. */
  readonly nodesMax: number;
  readonly descriptionLengthMax: number;
  readonly exampleLengthMax: number;
  readonly examplesMax: number;
  readonly parametersMax: number;
  readonly responsesMax: number;
}

/** A page of at most some hundred lines. */
export const descriptionLimits: DescriptionLimits = {
  tree: treeLimits,
  nodesMax: 500,
  descriptionLengthMax: 20_000,
  exampleLengthMax: 4_000,
  examplesMax: 10,
  parametersMax: 200,
  responsesMax: 60,
};

/** The description of one operation; undefined where the document has none of this id. */
export const describeOperation = (
  document: OpenApiDocument,
  operationId: string,
  limits: DescriptionLimits = descriptionLimits,
): OperationDescription | undefined => {
  const operation = operationOf(document, operationId);
  if (operation === undefined) return undefined;
  const page = openPage(document, limits);
  return {
    id: operation.id,
    operationId: operation.operationId,
    method: operation.method,
    path: operation.path,
    summary: operation.summary,
    description: clip(operation.description, limits.descriptionLengthMax),
    tags: operation.tags,
    isDeprecated: operation.isDeprecated,
    security: operation.security,
    servers: operation.servers,
    parameters: operation.parameters
      .slice(0, limits.parametersMax)
      .map((parameter) => describeParameter(page, parameter)),
    requestBody:
      operation.requestBody === undefined
        ? undefined
        : {
            isRequired: operation.requestBody.isRequired,
            description: clip(operation.requestBody.description, limits.descriptionLengthMax),
            content: describeContent(page, operation.requestBody.content, "request"),
          },
    responses: operation.responses.slice(0, limits.responsesMax).map((response) => ({
      status: response.status,
      description: clip(response.description, limits.descriptionLengthMax),
      headers: response.headers.slice(0, limits.parametersMax).map((header) => describeParameter(page, header)),
      content: describeContent(page, response.content, "response"),
    })),
    extensions: operation.extensions,
    pointer: operation.pointer,
  };
};

/** The tree of a schema at any pointer of the document: what a page asks for to open a node that was cut off. */
export const describeSchemaAt = (
  document: OpenApiDocument,
  pointer: string,
  limits: TreeLimits = treeLimits,
): SchemaNode | undefined => {
  const place = splitPlace(pointer);
  const root = place.file === undefined ? document.root : document.externals.get(place.file)?.root;
  const value = valueAt(root, place.pointer);
  return isObject(value) || typeof value === "boolean" ? schemaTree(document, { value, pointer }, limits) : undefined;
};

/** The names of the schemas that the document keeps, in its order. */
export const schemaNamesOf = (document: OpenApiDocument): readonly string[] => {
  const schemas = schemasOf(document);
  return isObject(schemas.value) ? Object.keys(schemas.value) : [];
};

/** The tree of a schema by the name under which the document keeps it. */
export const describeSchema = (
  document: OpenApiDocument,
  name: string,
  limits: TreeLimits = treeLimits,
): SchemaNode | undefined => describeSchemaAt(document, pointerTo(schemasOf(document).pointer, name), limits);

const schemasOf = (document: OpenApiDocument): { readonly value: unknown; readonly pointer: string } =>
  document.version === "2.0"
    ? { value: member(document.root, "definitions"), pointer: "/definitions" }
    : { value: member(member(document.root, "components"), "schemas"), pointer: "/components/schemas" };

/** What one page has shown so far. */
interface Page {
  readonly document: OpenApiDocument;
  readonly limits: DescriptionLimits;
  tree(schema: Located): SchemaNode;
}

const openPage = (document: OpenApiDocument, limits: DescriptionLimits): Page => {
  const shown = new Set<string>();
  let nodesLeft = limits.nodesMax;
  return {
    document,
    limits,
    tree: (schema) => {
      const target = schemaAt(document, schema).pointer;
      // What several answers share is opened once; after that its first level is enough to recognise it.
      const depthMax = shown.has(target) ? 1 : limits.tree.depthMax;
      shown.add(target);
      const tree = schemaTree(document, schema, {
        ...limits.tree,
        depthMax,
        nodesMax: Math.max(0, Math.min(limits.tree.nodesMax, nodesLeft)),
      });
      nodesLeft -= countNodes(tree);
      return tree;
    },
  };
};

const countNodes = (node: SchemaNode): number => node.children.reduce((sum, child) => sum + countNodes(child), 1);

const describeParameter = (page: Page, parameter: Parameter): ParameterDescription => ({
  name: parameter.name,
  in: parameter.in,
  isRequired: parameter.isRequired,
  isDeprecated: parameter.isDeprecated,
  description: clip(parameter.description, page.limits.descriptionLengthMax),
  schema: parameter.schema === undefined ? undefined : page.tree(parameter.schema),
  example: parameterExample(page.document, parameter),
});

const describeContent = (
  page: Page,
  contents: readonly Content[],
  direction: Direction,
): readonly ContentDescription[] => {
  const { document, limits } = page;
  // Documents repeat one schema for JSON, YAML and others: it is shown once, with all its media types.
  const groups = new Map<string, Content[]>();
  for (const content of contents) {
    const target = content.schema === undefined ? undefined : schemaAt(document, content.schema).pointer;
    const key = `${target} ${content.isStream}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [content]);
    else group.push(content);
  }
  return [...groups.values()].map((group) => {
    const given = group.filter((content) => content.examples.length > 0);
    const shown = given.length > 0 ? given : group.slice(0, 1);
    const schema = group[0]?.schema;
    return {
      mediaTypes: group.map((content) => content.mediaType),
      isStream: group[0]?.isStream ?? false,
      schema: schema === undefined ? undefined : page.tree(schema),
      examples: shown
        .flatMap((content) =>
          bodyExamples(document, content, direction).map((example) => ({
            name: example.name,
            summary: example.summary,
            mediaType: content.mediaType,
            text: clip(example.text, limits.exampleLengthMax) ?? "",
            isGiven: example.isGiven,
            isTruncated: example.text.length > limits.exampleLengthMax,
          })),
        )
        .slice(0, limits.examplesMax),
    };
  });
};
