/** How much a finding matters: an error is wrong, a warning will hurt somebody, info is worth knowing. */
export type Severity = "error" | "warning" | "info";

interface LintRule {
  readonly severity: Severity;
  /** What to do about it. */
  readonly next: string;
}

/** Every rule of the lint. Names are never reused. */
export const lintRules = {
  "duplicate-key": { severity: "error", next: "Keep one: readers take the last and drop the others." },
  "version-quoted": { severity: "warning", next: "Put the version in quotes, so that it stays a text." },
  "structure-type": { severity: "error", next: "Write what OpenAPI expects here." },
  "structure-required": { severity: "error", next: "Add the field." },
  "structure-unknown": { severity: "warning", next: "Correct the name, or begin it with x-." },
  "document-empty": { severity: "error", next: "Add `paths` with at least one operation." },
  "method-unknown": { severity: "error", next: "Use a method that this version of OpenAPI has, in small letters." },
  "method-name": { severity: "error", next: "Use letters, digits and '-'. The operation is not served." },
  "method-refused": {
    severity: "warning",
    next: "Leave it out: neither is for a gateway (RFC 9110 sections 9.3.6 and 9.3.8). It is not served.",
  },
  "path-slash": { severity: "error", next: "Begin the path with a slash. It is not served as it is." },
  "path-query": {
    severity: "error",
    next: "Describe query parameters under `parameters`. The path is not served as it is.",
  },
  "path-braces": { severity: "error", next: "Balance the braces. The path is not served as it is." },
  "path-parameter-name": { severity: "error", next: "Give the parameter a name. The path is not served as it is." },
  "path-parameter-twice": {
    severity: "error",
    next: "Give each parameter its own name. The path is not served as it is.",
  },
  "path-parameters-adjacent": {
    severity: "error",
    next: "Put a character between them, so that their values can be told apart. The path is not served as it is.",
  },
  "path-unreachable": { severity: "error", next: "Write the canonical path. The path is not served as it is." },
  "path-identical": { severity: "error", next: "Join the two paths: they take the same calls." },
  "path-trailing-slash": {
    severity: "info",
    next: "Leave the slash out unless the backend needs it: the two are different paths.",
  },
  "path-parameter-undeclared": { severity: "error", next: "Declare it under `parameters` with `in: path`." },
  "path-parameter-unused": { severity: "error", next: "Put it into the path in braces, or remove it." },
  "path-parameter-optional": {
    severity: "error",
    next: "Write `required: true`: a path parameter cannot be left out.",
  },
  "parameter-duplicate": { severity: "error", next: "Keep one of them." },
  "parameter-place": { severity: "error", next: "Use path, query, header or cookie." },
  "parameter-schema": { severity: "error", next: "Add `schema` or `content`." },
  "parameter-ignored": { severity: "info", next: "Remove it: OpenAPI describes this header elsewhere." },
  "body-twice": { severity: "error", next: "Describe one body, or form fields, not both." },
  "body-unexpected": {
    severity: "warning",
    next: "Use POST, PUT or PATCH: many clients and servers drop a body here.",
  },
  "operation-id-duplicate": { severity: "error", next: "Give each operation its own operationId." },
  "operation-id-missing": {
    severity: "warning",
    next: "Add an operationId: policies and links name the operation by it.",
  },
  "operation-id-unsafe": {
    severity: "info",
    next: "Use letters, digits, '-', '.' and '_' to have it in URLs as it is.",
  },
  "operation-summary": { severity: "warning", next: "Say in one line what the operation does." },
  "operation-responses": { severity: "warning", next: "Describe at least the answer of success." },
  "response-success": { severity: "warning", next: "Describe an answer of status 2xx or 3xx." },
  "response-client-error": {
    severity: "warning",
    next: "Describe what callers get for their mistakes (4xx or default).",
  },
  "reference-broken": { severity: "error", next: "Correct the reference, or add what it names." },
  "reference-external": { severity: "info", next: "It is fetched at import, if its place is allowed." },
  "security-undefined": { severity: "error", next: "Declare the scheme, or correct its name." },
  "security-none": { severity: "warning", next: "Say under `security` what callers need; `security: []` if nothing." },
  "security-scheme": { severity: "error", next: "Complete the scheme." },
  "servers-none": { severity: "warning", next: "Add the address where the API can be called." },
  "server-variable": { severity: "error", next: "Declare the variable with a default." },
  "tag-undeclared": { severity: "info", next: "Declare the tag with a description under `tags`." },
  "tag-duplicate": { severity: "error", next: "Keep one of them." },
  "component-unused": { severity: "warning", next: "Remove it, or refer to it." },
  "schema-items": { severity: "warning", next: "Say with `items` what the list holds." },
  "schema-required-unknown": { severity: "info", next: "Add the property, or correct the name." },
  "webhooks-only": { severity: "warning", next: "Only `paths` can be served." },
  "findings-more": { severity: "info", next: "Correct the ones shown; the others are alike." },
} as const satisfies Readonly<Record<string, LintRule>>;

export type LintRuleName = keyof typeof lintRules;

/** What a rule found, before its place in the text is known. */
export interface RawFinding {
  readonly rule: LintRuleName;
  readonly message: string;
  readonly pointer: string;
  /** Instead of the rule's. */
  readonly severity?: Severity;
}
