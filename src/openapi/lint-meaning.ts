import { entriesOf, isObject, isTrue, type Located, listOf, member, textOf } from "./json-value.ts";
import { lintMethods } from "./lint-methods.ts";
import type { RawFinding } from "./lint-rules.ts";
import { mergedParameters } from "./operation-parts.ts";
import { type OperationPlace, operationPlaces } from "./operations.ts";
import { parsePathTemplate } from "./path-template.ts";
import { pointerTo } from "./pointer.ts";
import type { OpenApiDocument } from "./read-document.ts";
import { fileOfReference, follow, refOf } from "./reference.ts";
import { type FoundReference, referencesIn } from "./references-in.ts";

/** What the structure alone does not show: paths against parameters, ids, references, security, what nobody uses. */
export const lintMeaning = (document: OpenApiDocument): readonly RawFinding[] => {
  const places = operationPlaces(document);
  const references = referencesIn(document.root);
  return [
    ...head(document),
    ...paths(document, places),
    ...lintMethods(document, places),
    ...places.flatMap((place) => [...parameters(document, place), ...operation(document, place)]),
    ...operationIds(places),
    ...brokenReferences(document, references),
    ...security(document, places),
    ...servers(document),
    ...tags(document, places),
    ...unused(document, references, places),
  ];
};

const head = (document: OpenApiDocument): readonly RawFinding[] => {
  const { root } = document;
  const found: RawFinding[] = [];
  for (const name of ["openapi", "swagger"]) {
    if (typeof member(root, name) === "number") {
      found.push({ rule: "version-quoted", message: `\`${name}\` is a number.`, pointer: `/${name}` });
    }
  }
  const has = (name: string): boolean => entriesOf(member(root, name)).length > 0;
  if (!has("paths") && has("webhooks")) {
    found.push({ rule: "webhooks-only", message: "The document describes only webhooks.", pointer: "/webhooks" });
  } else if (!has("paths") && !has("components")) {
    found.push({
      rule: "document-empty",
      message: "The document has no paths.",
      pointer: isObject(member(root, "paths")) ? "/paths" : "",
    });
  }
  return found;
};

const paths = (document: OpenApiDocument, places: readonly OperationPlace[]): readonly RawFinding[] => {
  const found: RawFinding[] = [];
  const shapes = new Map<string, string>();
  const methodsAt = new Map<string, ReadonlySet<string>>();
  for (const [path, pathPlaces] of Map.groupBy(places, (place) => place.path)) {
    methodsAt.set(path, new Set(pathPlaces.map((place) => place.method)));
  }
  for (const [path] of entriesOf(member(document.root, "paths"))) {
    if (path.startsWith("x-")) continue;
    const pointer = pointerTo("/paths", path);
    const template = parsePathTemplate(path);
    for (const problem of template.problems) found.push({ ...problem, pointer });
    if (path.length > 1 && path.endsWith("/")) {
      found.push({ rule: "path-trailing-slash", message: `The path ${path} ends with a slash.`, pointer });
    }
    const other = shapes.get(template.shape);
    if (other === undefined) shapes.set(template.shape, path);
    else {
      const shared = [...(methodsAt.get(path) ?? [])].filter((method) => methodsAt.get(other)?.has(method));
      found.push({
        rule: "path-identical",
        message: `The path ${path} takes the same calls as ${other}${shared.length > 0 ? ` (${shared.join(", ")})` : ""}.`,
        pointer,
        // Without a common method nothing is ambiguous, although the specification forbids it.
        severity: shared.length > 0 ? "error" : "warning",
      });
    }
  }
  return found;
};

const placesOf2 = ["path", "query", "header", "body", "formData"];
const placesOf3 = ["path", "query", "header", "cookie"];

const parameters = (document: OpenApiDocument, place: OperationPlace): readonly RawFinding[] => {
  const found: RawFinding[] = [];
  const { names, problems } = parsePathTemplate(place.path);
  const label = `${place.method} ${place.path}`;
  const merged = mergedParameters(document, place.operation, place.pathItem);
  const inPath = merged.filter((at) => textOf(at.value, "in") === "path");
  const declared = new Set(inPath.map((at) => textOf(at.value, "name")));
  if (problems.length === 0) {
    for (const name of new Set(names)) {
      if (declared.has(name)) continue;
      found.push({
        rule: "path-parameter-undeclared",
        message: `${label} does not declare its path parameter {${name}}.`,
        pointer: place.operation.pointer,
      });
    }
  }
  for (const at of inPath) {
    const name = textOf(at.value, "name") ?? "";
    if (!names.includes(name)) {
      found.push({
        rule: "path-parameter-unused",
        message: `The path of ${label} has no {${name}}.`,
        pointer: at.pointer,
      });
    }
  }
  for (const holder of [place.pathItem, place.operation]) found.push(...parameterList(document, holder));
  return found;
};

const parameterList = (document: OpenApiDocument, holder: Located): readonly RawFinding[] => {
  const found: RawFinding[] = [];
  const seen = new Set<string>();
  const allowed =
    document.version === "2.0" ? placesOf2 : document.version === "3.2" ? [...placesOf3, "querystring"] : placesOf3;
  for (const [index, entry] of listOf(holder.value, "parameters").entries()) {
    const pointer = pointerTo(holder.pointer, "parameters", index);
    const { value } = follow(document, entry, pointer);
    const name = textOf(value, "name");
    const place = textOf(value, "in");
    if (name === undefined || place === undefined) continue;
    const words = `The ${place} parameter ${name}`;
    const key = `${place} ${place === "header" ? name.toLowerCase() : name}`;
    if (seen.has(key)) found.push({ rule: "parameter-duplicate", message: `${words} is declared twice.`, pointer });
    seen.add(key);
    if (!allowed.includes(place)) {
      found.push({ rule: "parameter-place", message: `Parameters cannot be in \`${place}\`.`, pointer });
      continue;
    }
    if (place === "path" && !isTrue(value, "required")) {
      found.push({ rule: "path-parameter-optional", message: `${words} is not marked as required.`, pointer });
    }
    if (place === "header" && /^(accept|content-type|authorization)$/i.test(name)) {
      found.push({ rule: "parameter-ignored", message: `${words} is ignored.`, pointer });
    }
    const needed = document.version === "2.0" ? (place === "body" ? ["schema"] : ["type"]) : ["schema", "content"];
    if (!needed.some((field) => member(value, field) !== undefined)) {
      found.push({
        rule: "parameter-schema",
        message: `${words} has no ${needed.map((field) => `\`${field}\``).join(" or ")}.`,
        pointer,
      });
    }
  }
  return found;
};

const operation = (document: OpenApiDocument, place: OperationPlace): readonly RawFinding[] => {
  const found: RawFinding[] = [];
  const { value, pointer } = place.operation;
  const label = `${place.method} ${place.path}`;
  const add = (rule: RawFinding["rule"], message: string, at = pointer): void => {
    found.push({ rule, message, pointer: at });
  };
  const id = textOf(value, "operationId");
  if (id === undefined) add("operation-id-missing", `${label} has no operationId.`);
  else if (!/^[A-Za-z0-9_][A-Za-z0-9._~-]*$/.test(id)) {
    add(
      "operation-id-unsafe",
      `The operationId ${id} cannot stand in a URL as it is.`,
      pointerTo(pointer, "operationId"),
    );
  }
  if (textOf(value, "summary") === undefined && textOf(value, "description") === undefined) {
    add("operation-summary", `${label} has neither summary nor description.`);
  }
  const statuses = Object.keys(
    entriesOf(member(value, "responses")).length > 0 ? (member(value, "responses") ?? {}) : {},
  );
  if (statuses.length === 0) add("operation-responses", `${label} describes no responses.`);
  else {
    const at = pointerTo(pointer, "responses");
    if (!statuses.some((status) => /^[123]|^default$/.test(status)))
      add("response-success", `${label} describes no success.`, at);
    if (!statuses.some((status) => /^4|^default$/.test(status)))
      add("response-client-error", `${label} describes no 4xx response.`, at);
  }
  const merged = mergedParameters(document, place.operation, place.pathItem);
  const bodies = merged.filter((at) => textOf(at.value, "in") === "body").length;
  const hasForm = merged.some((at) => textOf(at.value, "in") === "formData");
  if (document.version === "2.0" && (bodies > 1 || (bodies > 0 && hasForm)))
    add("body-twice", `${label} has more than one body.`);
  const hasBody = member(value, "requestBody") !== undefined || (document.version === "2.0" && (bodies > 0 || hasForm));
  if (hasBody && ["GET", "HEAD", "TRACE"].includes(place.method)) add("body-unexpected", `${label} takes a body.`);
  return found;
};

const operationIds = (places: readonly OperationPlace[]): readonly RawFinding[] => {
  const found: RawFinding[] = [];
  const first = new Map<string, OperationPlace>();
  for (const place of places) {
    const id = textOf(place.operation.value, "operationId");
    if (id === undefined) continue;
    const other = first.get(id);
    if (other === undefined) first.set(id, place);
    else {
      found.push({
        rule: "operation-id-duplicate",
        message: `The operationId ${id} is that of ${other.method} ${other.path} already.`,
        pointer: pointerTo(place.operation.pointer, "operationId"),
      });
    }
  }
  return found;
};

const brokenReferences = (document: OpenApiDocument, references: readonly FoundReference[]): readonly RawFinding[] => {
  const found: RawFinding[] = [];
  for (const { ref, pointer } of references) {
    const end = follow(document, { $ref: ref }, pointer);
    if (end.broken === undefined) continue;
    const { file } = fileOfReference(document, ref, pointer);
    const isUnfetched = file !== undefined && !document.externals.has(file);
    found.push({
      rule: isUnfetched ? "reference-external" : "reference-broken",
      message: isUnfetched ? `${ref} is in another file.` : `${ref}: ${end.broken}.`,
      pointer: pointerTo(pointer, "$ref"),
    });
  }
  return found;
};

const schemeHolder = (document: OpenApiDocument): Located =>
  document.version === "2.0"
    ? { value: member(document.root, "securityDefinitions"), pointer: "/securityDefinitions" }
    : { value: member(member(document.root, "components"), "securitySchemes"), pointer: "/components/securitySchemes" };

const security = (document: OpenApiDocument, places: readonly OperationPlace[]): readonly RawFinding[] => {
  const found: RawFinding[] = [];
  const holder = schemeHolder(document);
  const known = new Set(entriesOf(holder.value).map(([name]) => name));
  const isDeclared = (node: unknown): boolean => Array.isArray(member(node, "security"));
  for (const at of [{ value: document.root, pointer: "" }, ...places.map((place) => place.operation)]) {
    for (const [index, requirement] of listOf(at.value, "security").entries()) {
      for (const [scheme] of entriesOf(requirement)) {
        // 3.2 allows the URL of a scheme in another document.
        if (known.has(scheme) || (document.version === "3.2" && /[/#]/.test(scheme))) continue;
        const pointer = pointerTo(at.pointer, "security", index, scheme);
        found.push({ rule: "security-undefined", message: `There is no security scheme ${scheme}.`, pointer });
      }
    }
  }
  if (!isDeclared(document.root)) {
    const open = places.filter((place) => !isDeclared(place.operation.value));
    if (open.length === places.length && open.length > 0) {
      found.push({ rule: "security-none", message: "Nothing says what callers must show.", pointer: "" });
    } else {
      for (const place of open) {
        const message = `Nothing says what callers of ${place.method} ${place.path} must show.`;
        found.push({ rule: "security-none", message, pointer: place.operation.pointer });
      }
    }
  }
  for (const [name, value] of entriesOf(holder.value)) {
    const end = follow(document, value, pointerTo(holder.pointer, name));
    for (const field of schemeFields(document, end.value)) {
      if (member(end.value, field) !== undefined) continue;
      const pointer = pointerTo(holder.pointer, name);
      found.push({ rule: "security-scheme", message: `The security scheme ${name} has no \`${field}\`.`, pointer });
    }
    const type = textOf(end.value, "type");
    const types =
      document.version === "2.0"
        ? ["basic", "apiKey", "oauth2"]
        : ["apiKey", "http", "mutualTLS", "oauth2", "openIdConnect"];
    if (type !== undefined && !types.includes(type)) {
      const pointer = pointerTo(holder.pointer, name, "type");
      found.push({ rule: "security-scheme", message: `There is no type of security scheme \`${type}\`.`, pointer });
    }
  }
  return found;
};

const schemeFields = (document: OpenApiDocument, scheme: unknown): readonly string[] => {
  const type = textOf(scheme, "type");
  if (type === "apiKey") return ["name", "in"];
  if (type === "http") return ["scheme"];
  if (type === "oauth2") return document.version === "2.0" ? ["flow", "scopes"] : ["flows"];
  return type === "openIdConnect" ? ["openIdConnectUrl"] : [];
};

const servers = (document: OpenApiDocument): readonly RawFinding[] => {
  const { root } = document;
  const isThere = document.version === "2.0" ? textOf(root, "host") !== undefined : listOf(root, "servers").length > 0;
  const found: RawFinding[] = isThere
    ? []
    : [
        {
          rule: "servers-none",
          message: document.version === "2.0" ? "There is no `host`." : "There are no `servers`.",
          pointer: "",
        },
      ];
  for (const [index, server] of listOf(root, "servers").entries()) {
    for (const [, name] of (textOf(server, "url") ?? "").matchAll(/\{([^{}]*)\}/g)) {
      if (member(member(server, "variables"), name ?? "") !== undefined) continue;
      const pointer = pointerTo("/servers", index, "url");
      found.push({ rule: "server-variable", message: `The server variable {${name}} is not declared.`, pointer });
    }
  }
  return found;
};

const tags = (document: OpenApiDocument, places: readonly OperationPlace[]): readonly RawFinding[] => {
  const found: RawFinding[] = [];
  const declared = new Set<string>();
  for (const [index, tag] of listOf(document.root, "tags").entries()) {
    const name = textOf(tag, "name");
    if (name === undefined) continue;
    if (declared.has(name)) {
      found.push({
        rule: "tag-duplicate",
        message: `The tag ${name} is declared twice.`,
        pointer: pointerTo("/tags", index, "name"),
      });
    }
    declared.add(name);
  }
  const said = new Set<string>();
  for (const { operation: at } of places) {
    for (const [index, tag] of listOf(at.value, "tags").entries()) {
      // Without any declared tag, tags are only labels.
      if (declared.size === 0 || typeof tag !== "string" || declared.has(tag) || said.has(tag)) continue;
      said.add(tag);
      found.push({
        rule: "tag-undeclared",
        message: `The tag ${tag} is not declared.`,
        pointer: pointerTo(at.pointer, "tags", index),
      });
    }
  }
  return found;
};

const unused = (
  document: OpenApiDocument,
  references: readonly FoundReference[],
  places: readonly OperationPlace[],
): readonly RawFinding[] => {
  const used = new Set(references.map(({ ref }) => ref));
  for (const at of [document.root, ...places.map((place) => place.operation.value)]) {
    for (const requirement of listOf(at, "security")) {
      for (const [scheme] of entriesOf(requirement)) used.add(`#${pointerTo(schemeHolder(document).pointer, scheme)}`);
    }
  }
  for (const mapped of mappings(document.root))
    used.add(mapped.includes("/") ? mapped : `#/components/schemas/${mapped}`);
  const isUsed = (pointer: string): boolean => {
    const plain = `#${pointer}`;
    const encoded = `#${pointer.split("/").map(encodeURIComponent).join("/")}`;
    return used.has(plain) || used.has(encoded);
  };
  const found: RawFinding[] = [];
  const groups: readonly (readonly [string, unknown])[] =
    document.version === "2.0"
      ? ["definitions", "parameters", "responses", "securityDefinitions"].map(
          (name) => [`/${name}`, member(document.root, name)] as const,
        )
      : entriesOf(member(document.root, "components")).map(([name, value]) => [`/components/${name}`, value] as const);
  // References below a component count as well: `#/components/schemas/Pet/properties/name`.
  const holders = new Set(
    [...used].map((ref) =>
      ref
        .split("/")
        .slice(0, document.version === "2.0" ? 3 : 4)
        .join("/"),
    ),
  );
  for (const [group, components] of groups) {
    if (group.includes("/x-")) continue;
    for (const [name] of entriesOf(components)) {
      const pointer = pointerTo(group, name);
      if (isUsed(pointer) || holders.has(`#${pointer}`)) continue;
      found.push({ rule: "component-unused", message: `Nothing refers to ${pointer.slice(1)}.`, pointer });
    }
  }
  return found;
};

const mappings = (root: unknown): readonly string[] => {
  const found: string[] = [];
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) {
      for (const item of value) if (typeof item === "object") visit(item);
      return;
    }
    if (!isObject(value)) return;
    const discriminator = member(value, "discriminator");
    if (isObject(discriminator)) {
      for (const [, target] of entriesOf(member(discriminator, "mapping")))
        if (typeof target === "string") found.push(target);
      const fallback = textOf(discriminator, "defaultMapping");
      if (fallback !== undefined) found.push(fallback);
    }
    for (const name in value) if (typeof value[name] === "object") visit(value[name]);
  };
  visit(root);
  return found;
};

/** What a schema promises but does not say: lists without items, required names without a property. */
export const lintSchemas = (document: OpenApiDocument): readonly RawFinding[] => {
  const found: RawFinding[] = [];
  const isEarly = document.version === "2.0" || document.version === "3.0";
  for (const { value, pointer } of namedSchemas(document)) {
    visitSchemas(value, pointer, (schema, at) => {
      if (
        isEarly &&
        textOf(schema, "type") === "array" &&
        member(schema, "items") === undefined &&
        refOf(schema) === undefined
      ) {
        found.push({ rule: "schema-items", message: "This list does not say what it holds.", pointer: at });
      }
      const properties = member(schema, "properties");
      if (!isObject(properties) || listOf(schema, "allOf").length > 0) return;
      for (const [index, name] of listOf(schema, "required").entries()) {
        if (typeof name !== "string" || Object.hasOwn(properties, name)) continue;
        const required = pointerTo(at, "required", index);
        found.push({ rule: "schema-required-unknown", message: `There is no property ${name}.`, pointer: required });
      }
    });
  }
  return found;
};

const namedSchemas = (document: OpenApiDocument): readonly Located[] => {
  const [holder, pointer] =
    document.version === "2.0"
      ? [member(document.root, "definitions"), "/definitions"]
      : [member(member(document.root, "components"), "schemas"), "/components/schemas"];
  return entriesOf(holder).map(([name, value]) => ({ value, pointer: pointerTo(pointer, name) }));
};

const visitSchemas = (value: unknown, pointer: string, visit: (schema: unknown, pointer: string) => void): void => {
  if (!isObject(value)) return;
  visit(value, pointer);
  for (const [name, below] of entriesOf(member(value, "properties")))
    visitSchemas(below, pointerTo(pointer, "properties", name), visit);
  for (const name of ["items", "additionalProperties", "not"])
    visitSchemas(member(value, name), `${pointer}/${name}`, visit);
  for (const name of ["allOf", "oneOf", "anyOf"]) {
    for (const [index, below] of listOf(value, name).entries())
      visitSchemas(below, pointerTo(pointer, name, index), visit);
  }
};
