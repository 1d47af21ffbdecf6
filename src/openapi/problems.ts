import type { ProblemTable } from "../base/problem.ts";

/** Every refusal of a document. Codes are never reused. */
export const documentProblems = {
  "document.empty": {
    status: 422,
    title: "Empty document",
    help: "There is nothing in the file. Give an OpenAPI document.",
  },
  "document.too_large": {
    status: 413,
    title: "Document too large",
    help: "The document, or one it refers to, exceeds the limit of bytes. Split it.",
  },
  "document.not_utf8": { status: 422, title: "Document not in UTF-8", help: "Save the file as UTF-8." },
  "document.syntax": {
    status: 422,
    title: "Document not readable",
    help: "The JSON or YAML is broken at the line given.",
  },
  "document.too_deep": {
    status: 422,
    title: "Document nested too deeply",
    help: "Values are nested, or aliases expand, beyond the limit.",
  },
  "document.not_openapi": {
    status: 422,
    title: "Not an OpenAPI document",
    help: "The detail says what it looks like. OpenAPI 2.0, 3.0, 3.1 and 3.2 are read.",
  },
  "document.version_unknown": {
    status: 422,
    title: "Unknown OpenAPI version",
    help: "OpenAPI 2.0, 3.0, 3.1 and 3.2 are read.",
  },
  "document.no_operations": {
    status: 422,
    title: "Nothing to publish",
    help: "The document describes neither operations nor webhooks. Add operations under `paths`.",
  },
  "document.routes_ambiguous": {
    status: 422,
    title: "Ambiguous paths",
    help: "Two operations would take the same calls. Join them, or make their literal segments differ.",
  },
  "document.url_refused": {
    status: 422,
    title: "URL refused",
    help: "Documents are fetched from http and https URLs without credentials.",
  },
  "document.address_refused": {
    status: 422,
    title: "Address refused",
    help: "The URL leads to a private, loopback or link-local address. Allow it explicitly, or give the file.",
  },
  "document.fetch_failed": {
    status: 422,
    title: "Document not fetched",
    help: "The server did not answer with the document in time.",
  },
  "document.external_unavailable": {
    status: 422,
    title: "Referenced document unavailable",
    help: "A `$ref` leads to a file that could not be read. The finding has its line.",
  },
  "document.too_many_externals": {
    status: 422,
    title: "Too many referenced documents",
    help: "The document refers to more files than the limit allows. Bundle it into one.",
  },
  "document.missing": {
    status: 500,
    title: "Document missing",
    help: "The database does not hold the bytes of an API's document. Import it again.",
  },
} as const satisfies ProblemTable;
