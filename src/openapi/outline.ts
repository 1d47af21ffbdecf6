import { listOf, member, textOf } from "./json-value.ts";
import type { Server } from "./operation-parts.ts";
import { type DocumentOperation, operationsOf } from "./operations.ts";
import type { OpenApiDocument, OpenApiVersion } from "./read-document.ts";
import { clip } from "./schema-tree.ts";
import { type SecurityScheme, securitySchemesOf } from "./security-schemes.ts";
import { serversOf } from "./servers.ts";

/** What a navigation needs of a whole document: no parameters, no bodies, no schemas. */
export interface DocumentOutline {
  readonly openapi: string;
  readonly version: OpenApiVersion;
  readonly title: string;
  readonly apiVersion: string | undefined;
  readonly summary: string | undefined;
  readonly description: string | undefined;
  readonly termsOfService: string | undefined;
  readonly contact: {
    readonly name: string | undefined;
    readonly url: string | undefined;
    readonly email: string | undefined;
  };
  readonly license: { readonly name: string | undefined; readonly url: string | undefined };
  readonly servers: readonly Server[];
  readonly securitySchemes: readonly SecurityScheme[];
  /** Declared tags first, in the document's order; then tags that only operations name; then, nameless, what has no tag. */
  readonly tags: readonly OutlineTag[];
  readonly operationCount: number;
}

/** One group of the navigation. */
export interface OutlineTag {
  /** Empty for operations without a tag. */
  readonly name: string;
  readonly summary: string | undefined;
  readonly description: string | undefined;
  /** 3.2: the tag above this one, and what it is for (`nav`, `badge`, `audience`). */
  readonly parent: string | undefined;
  readonly kind: string | undefined;
  readonly operations: readonly OutlineOperation[];
}

/** One line of the navigation. */
export interface OutlineOperation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly summary: string | undefined;
  readonly isDeprecated: boolean;
}

const descriptionLengthMax = 50_000;

/** The outline of a document: its head, and its operations by tag. */
export const outlineOf = (document: OpenApiDocument): DocumentOutline => {
  const info = member(document.root, "info");
  const contact = member(info, "contact");
  const license = member(info, "license");
  const operations = operationsOf(document);
  return {
    openapi: document.versionText,
    version: document.version,
    title: textOf(info, "title") ?? document.name,
    apiVersion: textOf(info, "version"),
    summary: textOf(info, "summary"),
    description: clip(textOf(info, "description"), descriptionLengthMax),
    termsOfService: textOf(info, "termsOfService"),
    contact: { name: textOf(contact, "name"), url: textOf(contact, "url"), email: textOf(contact, "email") },
    license: { name: textOf(license, "name"), url: textOf(license, "url") },
    servers: serversOf(document),
    securitySchemes: securitySchemesOf(document),
    tags: tagsOf(document, operations),
    operationCount: operations.length,
  };
};

const tagsOf = (document: OpenApiDocument, operations: readonly DocumentOperation[]): readonly OutlineTag[] => {
  const groups = new Map<string, OutlineOperation[]>();
  const untagged: OutlineOperation[] = [];
  const declared = listOf(document.root, "tags").filter((tag) => textOf(tag, "name") !== undefined);
  for (const tag of declared) groups.set(textOf(tag, "name") ?? "", []);
  for (const operation of operations) {
    const { id, method, path, summary, isDeprecated } = operation;
    const line = { id, method, path, summary, isDeprecated };
    for (const tag of new Set(operation.tags)) {
      const group = groups.get(tag);
      if (group === undefined) groups.set(tag, [line]);
      else group.push(line);
    }
    if (operation.tags.length === 0) untagged.push(line);
  }
  const tags = [...groups].map(([name, lines]) => {
    const tag = declared.find((candidate) => textOf(candidate, "name") === name);
    return {
      name,
      summary: textOf(tag, "summary") ?? textOf(tag, "x-displayName"),
      description: clip(textOf(tag, "description"), descriptionLengthMax),
      parent: textOf(tag, "parent"),
      kind: textOf(tag, "kind"),
      operations: lines,
    };
  });
  if (untagged.length === 0) return tags;
  const nameless = { name: "", summary: undefined, description: undefined, parent: undefined, kind: undefined };
  return [...tags, { ...nameless, operations: untagged }];
};
