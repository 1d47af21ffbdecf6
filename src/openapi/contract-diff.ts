import { type ChangeCode, type ContractChange, contractRules } from "./contract-rules.ts";
import type { Direction } from "./example.ts";
import { member } from "./json-value.ts";
import type { Content, Parameter, RequestBody, ResponsePart, Security } from "./operation-parts.ts";
import { type DocumentOperation, operationsOf } from "./operations.ts";
import { parsePathTemplate } from "./path-template.ts";
import type { OpenApiDocument } from "./read-document.ts";
import { isEqual, type SchemaComparer, schemaComparer } from "./schema-diff.ts";
import { serversOf } from "./servers.ts";

/** Two descriptions of one operation, with what differs. */
export interface OperationPair {
  readonly before: DocumentOperation;
  readonly after: DocumentOperation;
  readonly changes: readonly ContractChange[];
}

/** What differs between two documents, operation by operation, in the new document's order. */
export interface ContractDiff {
  readonly added: readonly DocumentOperation[];
  readonly removed: readonly DocumentOperation[];
  readonly common: readonly OperationPair[];
  /** Differences of the document's head. */
  readonly document: readonly ContractChange[];
}

/**
 * Compares two documents as contracts. Operations belong together by method and path (names of path parameters do not
 * matter), else by `operationId`. The versions of OpenAPI and the notations may differ.
 */
export const diffContracts = (before: OpenApiDocument, after: OpenApiDocument): ContractDiff => {
  const olds = operationsOf(before);
  const byRoute = new Map(olds.map((operation) => [routeOf(operation), operation]));
  const left = new Set(olds);
  const partners = new Map<DocumentOperation, DocumentOperation>();
  for (const operation of operationsOf(after)) {
    const partner = byRoute.get(routeOf(operation));
    if (partner === undefined || !left.delete(partner)) continue;
    partners.set(operation, partner);
  }
  const byId = new Map([...left].map((operation) => [operation.operationId, operation]));
  for (const operation of operationsOf(after)) {
    if (partners.has(operation) || operation.operationId === undefined) continue;
    const partner = byId.get(operation.operationId);
    if (partner === undefined || !left.delete(partner)) continue;
    partners.set(operation, partner);
  }
  const schemas = schemaComparer(before, after);
  const added: DocumentOperation[] = [];
  const common: OperationPair[] = [];
  for (const operation of operationsOf(after)) {
    const partner = partners.get(operation);
    if (partner === undefined) added.push(operation);
    else common.push({ before: partner, after: operation, changes: diffOperations(schemas, partner, operation) });
  }
  return {
    added,
    removed: olds.filter((operation) => left.has(operation)),
    common,
    document: diffHeads(before, after),
  };
};

/** What two operations must share to answer the same calls. */
export const routeOf = (operation: { readonly method: string; readonly path: string }): string =>
  `${operation.method} ${parsePathTemplate(operation.path).shape}`;

/** A change with the level that the rules give it. */
const change = (
  code: ChangeCode,
  message: string,
  pointer: string,
  direction: Direction = "request",
): ContractChange => ({
  code,
  level: contractRules[code][direction],
  message,
  pointer,
});

const diffHeads = (before: OpenApiDocument, after: OpenApiDocument): readonly ContractChange[] => {
  const found: ContractChange[] = [];
  const infoBefore = member(before.root, "info");
  const infoAfter = member(after.root, "info");
  const compare = (name: string, code: ChangeCode): void => {
    const [a, b] = [member(infoBefore, name), member(infoAfter, name)];
    if (!isEqual(a, b)) found.push(change(code, `${name} ${short(a)} became ${short(b)}`, `/info/${name}`));
  };
  compare("title", "document.title_changed");
  compare("version", "document.version_changed");
  for (const name of ["summary", "description", "termsOfService", "contact", "license"])
    compare(name, "document.text_changed");
  const urls = (document: OpenApiDocument): string =>
    serversOf(document)
      .map((server) => server.url)
      .join(", ");
  if (urls(before) !== urls(after)) {
    found.push(
      change(
        "document.servers_changed",
        `servers ${urls(before) || "(none)"} became ${urls(after) || "(none)"}`,
        "/servers",
      ),
    );
  }
  return found;
};

const short = (value: unknown): string => {
  const text = value === undefined ? "(none)" : typeof value === "string" ? value : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
};

const diffOperations = (
  schemas: SchemaComparer,
  before: DocumentOperation,
  after: DocumentOperation,
): readonly ContractChange[] => [
  ...diffFrames(before, after),
  ...diffSecurity(before.security, after.security, after.pointer),
  ...diffParameters(schemas, before, after),
  ...diffRequestBodies(schemas, before, after),
  ...diffResponses(schemas, before, after),
];

const diffFrames = (before: DocumentOperation, after: DocumentOperation): readonly ContractChange[] => {
  const at = after.pointer;
  const found: ContractChange[] = [];
  if (routeOf(before) !== routeOf(after)) {
    found.push(change("operation.moved", `${before.method} ${before.path} became ${after.method} ${after.path}`, at));
  }
  if (before.id !== after.id) found.push(change("operation.id_changed", `id ${before.id} became ${after.id}`, at));
  if (!before.isDeprecated && after.isDeprecated)
    found.push(change("operation.deprecated", "the operation was deprecated", at));
  if (before.isDeprecated && !after.isDeprecated) {
    found.push(change("operation.deprecation_lifted", "the operation is no longer deprecated", at));
  }
  if (before.summary !== after.summary || before.description !== after.description) {
    found.push(change("operation.text_changed", "summary or description changed", at));
  }
  if (!isEqual(before.tags, after.tags)) {
    found.push(change("operation.tags_changed", `tags ${short(before.tags)} became ${short(after.tags)}`, at));
  }
  if (!isEqual(before.extensions, after.extensions))
    found.push(change("operation.extensions_changed", "x- fields changed", at));
  return found;
};

const diffSecurity = (before: Security, after: Security, pointer: string): readonly ContractChange[] => {
  const texts = (security: Security): ReadonlySet<string> =>
    new Set(
      security.map((alternative) =>
        alternative
          .map(({ scheme, scopes }) => (scopes.length > 0 ? `${scheme} (${[...scopes].sort().join(", ")})` : scheme))
          .sort()
          .join(" and "),
      ),
    );
  const isOpen = (security: Security): boolean => security.length === 0 || security.some((entry) => entry.length === 0);
  if (isOpen(before) && isOpen(after)) return [];
  const [a, b] = [texts(before), texts(after)];
  if (isOpen(before)) return [change("security.required", `${[...b].join(" or ")} is required now`, pointer)];
  if (isOpen(after)) return [change("security.lifted", "no credentials are required any more", pointer)];
  return [
    ...[...a]
      .filter((text) => !b.has(text))
      .map((text) => change("security.alternative_removed", `${text} no longer suffices`, pointer)),
    ...[...b]
      .filter((text) => !a.has(text))
      .map((text) => change("security.alternative_added", `${text} suffices now`, pointer)),
  ];
};

const diffParameters = (
  schemas: SchemaComparer,
  before: DocumentOperation,
  after: DocumentOperation,
): readonly ContractChange[] => {
  const found: ContractChange[] = [];
  const namesBefore = parsePathTemplate(before.path).names;
  const namesAfter = parsePathTemplate(after.path).names;
  // A path parameter is known by its position: callers never see its name.
  const key = (parameter: Parameter, names: readonly string[]): string => {
    if (parameter.in === "path" && names.includes(parameter.name)) return `path ${names.indexOf(parameter.name)}`;
    return `${parameter.in} ${parameter.in === "header" ? parameter.name.toLowerCase() : parameter.name}`;
  };
  const olds = new Map(before.parameters.map((parameter) => [key(parameter, namesBefore), parameter]));
  for (const parameter of after.parameters) {
    const partner = olds.get(key(parameter, namesAfter));
    olds.delete(key(parameter, namesAfter));
    const where = `${parameter.in} parameter ${parameter.name}`;
    if (partner !== undefined) {
      found.push(...diffParameter(schemas, partner, parameter, where));
      continue;
    }
    // What is missing in a path template's declarations was never optional: naming it changes nothing.
    if (parameter.in === "path") continue;
    const code = parameter.isRequired ? "parameter.added_required" : "parameter.added_optional";
    found.push(change(code, `${where}: added${parameter.isRequired ? ", required" : ""}`, parameter.pointer));
  }
  for (const parameter of olds.values()) {
    if (parameter.in === "path") continue;
    found.push(change("parameter.removed", `${parameter.in} parameter ${parameter.name}: removed`, parameter.pointer));
  }
  return found;
};

const diffParameter = (
  schemas: SchemaComparer,
  before: Parameter,
  after: Parameter,
  where: string,
): readonly ContractChange[] => {
  const at = after.pointer;
  const found: ContractChange[] = [];
  if (before.name.toLowerCase() !== after.name.toLowerCase()) {
    found.push(change("parameter.renamed_in_path", `path parameter ${before.name}: renamed to ${after.name}`, at));
  }
  if (!before.isRequired && after.isRequired)
    found.push(change("parameter.became_required", `${where}: became required`, at));
  if (before.isRequired && !after.isRequired)
    found.push(change("parameter.became_optional", `${where}: became optional`, at));
  if (serialization(before) !== serialization(after)) {
    found.push(
      change(
        "parameter.serialization_changed",
        `${where}: ${serialization(before)} became ${serialization(after)}`,
        at,
      ),
    );
  }
  if (!before.isDeprecated && after.isDeprecated)
    found.push(change("parameter.deprecated", `${where}: was deprecated`, at));
  if (before.description !== after.description) {
    found.push(change("parameter.text_changed", `${where}: description changed`, at));
  }
  // In 2.0 a parameter is its own schema: its description has been compared above.
  const changes = schemas.compare(before.schema, after.schema, "request", where);
  const isOwnSchema = before.schema?.pointer === before.pointer || after.schema?.pointer === after.pointer;
  found.push(...changes.filter((entry) => !(isOwnSchema && entry.code === "schema.text_changed")));
  return found;
};

const defaultStyles: Readonly<Record<string, string>> = {
  query: "form",
  cookie: "form",
  path: "simple",
  header: "simple",
};

const serialization = (parameter: Parameter): string => {
  if (parameter.mediaType !== undefined) return parameter.mediaType;
  const style = parameter.style ?? defaultStyles[parameter.in] ?? "form";
  return `style ${style}${(parameter.explode ?? style === "form") ? ", exploded" : ", not exploded"}`;
};

const diffRequestBodies = (
  schemas: SchemaComparer,
  before: DocumentOperation,
  after: DocumentOperation,
): readonly ContractChange[] => {
  const [a, b]: readonly (RequestBody | undefined)[] = [before.requestBody, after.requestBody];
  if (a === undefined && b === undefined) return [];
  if (a === undefined) {
    const code = b?.isRequired ? "body.added_required" : "body.added_optional";
    return [change(code, `request body: added${b?.isRequired ? ", required" : ""}`, b?.pointer ?? after.pointer)];
  }
  if (b === undefined) return [change("body.removed", "request body: removed", a.pointer)];
  const found: ContractChange[] = [];
  if (!a.isRequired && b.isRequired)
    found.push(change("body.became_required", "request body: became required", b.pointer));
  if (a.isRequired && !b.isRequired)
    found.push(change("body.became_optional", "request body: became optional", b.pointer));
  if (a.description !== b.description)
    found.push(change("body.text_changed", "request body: description changed", b.pointer));
  return [...found, ...diffContents(schemas, a.content, b.content, "request", "request body")];
};

const diffContents = (
  schemas: SchemaComparer,
  before: readonly Content[],
  after: readonly Content[],
  direction: Direction,
  where: string,
): readonly ContractChange[] => {
  const found: ContractChange[] = [];
  const key = (content: Content): string => content.mediaType.toLowerCase().replace(/\s+/g, "");
  const olds = new Map(before.map((content) => [key(content), content]));
  // Media types that share a schema differ in the same way: said once, for all of them.
  const said = new Set<string>();
  for (const content of after) {
    const partner = olds.get(key(content));
    olds.delete(key(content));
    if (partner === undefined) {
      found.push(change("media-type.added", `${where}: ${content.mediaType} was added`, content.pointer, direction));
      continue;
    }
    const pair = `${partner.schema?.pointer} ${content.schema?.pointer}`;
    if (said.has(pair)) continue;
    said.add(pair);
    found.push(...schemas.compare(partner.schema, content.schema, direction, `${where} ${content.mediaType}`));
  }
  for (const content of olds.values()) {
    found.push(change("media-type.removed", `${where}: ${content.mediaType} was removed`, content.pointer, direction));
  }
  return found;
};

const diffResponses = (
  schemas: SchemaComparer,
  before: DocumentOperation,
  after: DocumentOperation,
): readonly ContractChange[] => {
  const found: ContractChange[] = [];
  const olds = new Map<string, ResponsePart>(before.responses.map((response) => [response.status, response]));
  for (const response of after.responses) {
    const where = `response ${response.status}`;
    const partner = olds.get(response.status);
    olds.delete(response.status);
    if (partner === undefined) {
      found.push(change("response.added", `${where}: added`, response.pointer, "response"));
      continue;
    }
    if (partner.description !== response.description) {
      found.push(change("response.text_changed", `${where}: description changed`, response.pointer, "response"));
    }
    found.push(...diffHeaders(schemas, partner.headers, response.headers, where));
    found.push(...diffContents(schemas, partner.content, response.content, "response", where));
  }
  for (const response of olds.values()) {
    const code = /^[123]/.test(response.status) ? "response.removed" : "response.error_removed";
    found.push(change(code, `response ${response.status}: removed`, response.pointer, "response"));
  }
  return found;
};

const diffHeaders = (
  schemas: SchemaComparer,
  before: readonly Parameter[],
  after: readonly Parameter[],
  where: string,
): readonly ContractChange[] => {
  const found: ContractChange[] = [];
  const olds = new Map(before.map((header) => [header.name.toLowerCase(), header]));
  for (const header of after) {
    const partner = olds.get(header.name.toLowerCase());
    olds.delete(header.name.toLowerCase());
    const at = `${where} header ${header.name}`;
    if (partner === undefined) {
      found.push(change("header.added", `${at}: added`, header.pointer, "response"));
      continue;
    }
    if (partner.isRequired && !header.isRequired)
      found.push(change("header.became_optional", `${at}: became optional`, header.pointer, "response"));
    if (!partner.isRequired && header.isRequired)
      found.push(change("header.became_required", `${at}: became required`, header.pointer, "response"));
    found.push(...schemas.compare(partner.schema, header.schema, "response", at));
  }
  for (const header of olds.values()) {
    found.push(change("header.removed", `${where} header ${header.name}: removed`, header.pointer, "response"));
  }
  return found;
};
