import type { ProblemTable } from "../base/problem.ts";

/** Every refusal of the management API. Codes are never reused. */
export const managementProblems = {
  "credential.missing": {
    status: 401,
    title: "Not signed in",
    help: "Send `Authorization: Bearer TOKEN` with the owner token or a personal access token, or sign in to the studio.",
  },
  "credential.invalid": {
    status: 401,
    title: "Credential not valid",
    help: "The token is unknown, expired or revoked, the session has ended, or the sign-in link was used before.",
  },
  "right.missing": {
    status: 403,
    title: "Not allowed",
    help: "None of your roles holds the right that this operation asks for. Ask an owner for the role.",
  },
  "origin.refused": {
    status: 403,
    title: "Refused origin",
    help: "A write with a session's cookie needs the header `X-Portico-Request` and, if `Origin` is sent, the studio's own origin.",
  },
  "path.not_found": {
    status: 404,
    title: "No such path",
    help: "The management API's document at `/api/v1/openapi.json` lists all paths.",
  },
  "method.not_allowed": {
    status: 405,
    title: "Method not allowed",
    help: "The path exists with other methods; `Allow` lists them.",
  },
  "resource.not_found": {
    status: 404,
    title: "Not found",
    help: "Nothing has this name or id. Lists show what there is.",
  },
  "resource.exists": {
    status: 409,
    title: "Exists already",
    help: "Something else has this name. Choose another, or change the one there is.",
  },
  "resource.in_use": {
    status: 409,
    title: "In use",
    help: "Others refer to it; `errors` names them. Change them first.",
  },
  "state.conflict": {
    status: 409,
    title: "Not possible in this state",
    help: "The thing is in a state that does not allow this; the detail says which would.",
  },
  "precondition.failed": {
    status: 412,
    title: "Changed in the meantime",
    help: "`If-Match` names another version than the newest, or `If-None-Match: *` met an existing one. Read it again.",
  },
  "precondition.invalid": {
    status: 400,
    title: "Malformed condition",
    help: "`If-Match` and `If-None-Match` hold entity tags in quotes, or `*` (RFC 9110 section 13.1).",
  },
  "body.malformed": {
    status: 400,
    title: "Malformed body",
    help: "The body is not the JSON (or YAML, or base64) that it claims to be.",
  },
  "body.missing": { status: 400, title: "Body missing", help: "The operation needs a body." },
  "body.invalid": {
    status: 422,
    title: "Body not valid",
    help: "The body's fields are not as the operation's schema says; `errors` holds a JSON pointer for each.",
  },
  "body.too_large": { status: 413, title: "Body too large", help: "The body exceeds the operation's limit." },
  "body.media_type_unsupported": {
    status: 415,
    title: "Unsupported media type",
    help: "The operation does not take this Content-Type; the detail names those it takes.",
  },
  "parameter.invalid": {
    status: 400,
    title: "Parameter not valid",
    help: "A path or query parameter, or a header, is not as the operation's document says; `errors` names each.",
  },
  "idempotency.key_invalid": {
    status: 400,
    title: "Malformed Idempotency-Key",
    help: "Use 1 to 255 visible ASCII characters.",
  },
  "idempotency.mismatch": {
    status: 422,
    title: "Idempotency-Key used for another request",
    help: "The key was used within 24 hours with another method, path or body. Use a new key for a new request.",
  },
  "configuration.invalid": {
    status: 422,
    title: "Configuration not valid",
    help: "What was sent would not work at a gateway; `errors` holds every mistake with its place. Nothing was changed.",
  },
  "bundle.invalid": {
    status: 422,
    title: "Bundle not valid",
    help: "The bundle has mistakes; `errors` holds every one with file, line and path. Nothing was changed.",
  },
  "import.empty": {
    status: 422,
    title: "Nothing to import",
    help: "The document has no operation that a gateway could serve.",
  },
  "gateway.credential_invalid": {
    status: 401,
    title: "Gateway token not valid",
    help: "Gateways send the token of the file `gateway-token` in control's data directory.",
  },
  "secret_key.wrong": {
    status: 503,
    title: "Wrong secret key",
    help: "The database's secrets were encrypted with another key. Give the one of `secret.key` or `PORTICO_SECRET_KEY` that was used before.",
  },
  "management.unavailable": {
    status: 503,
    title: "Not available",
    help: "The platform is starting, stopping or being restored. Try again in a moment.",
  },
  "management.fault": {
    status: 500,
    title: "Internal error",
    help: "A fault of the platform itself; the log has the request id.",
  },
} as const satisfies ProblemTable;

export type ManagementProblemCode = keyof typeof managementProblems;
