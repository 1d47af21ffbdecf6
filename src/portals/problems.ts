import type { ProblemTable } from "../base/problem.ts";

/** Every refusal of the portal's relay and of its pages. Codes are never reused. */
export const portalProblems = {
  "relay.origin_refused": {
    status: 403,
    title: "Refused origin",
    help: "The relay serves the portal's own pages only. Call the gateway directly instead.",
  },
  "relay.media_type_unsupported": {
    status: 415,
    title: "Unsupported media type",
    help: "The relay takes its instructions as application/json.",
  },
  "relay.instructions_invalid": {
    status: 400,
    title: "Malformed relay request",
    help: "The body is not an object of pathParams, query, headers, body and key as strings; the detail names the place.",
  },
  "relay.instructions_too_large": {
    status: 413,
    title: "Relay request too large",
    help: "The relay takes at most 1 MiB. Call the gateway directly for larger bodies.",
  },
  "relay.path_refused": {
    status: 400,
    title: "Path refused",
    help: "A path parameter is missing, or would make a dot segment of its path. Give each parameter a value.",
  },
  "relay.operation_not_found": {
    status: 404,
    title: "No such operation",
    help: "The API or operation does not exist, or may not be seen by the visitor.",
  },
  "relay.method_unsupported": {
    status: 501,
    title: "Method not supported by the relay",
    help: "The operation's method cannot be sent from here. Call the gateway directly.",
  },
  "relay.busy": {
    status: 503,
    title: "Too many calls at once",
    help: "The portal relays a bounded number of calls at the same time. Try again in a moment.",
  },
  "relay.gateway_unreachable": {
    status: 502,
    title: "Gateway not reached",
    help: "The portal could not connect to the gateway, or the connection broke before an answer. See that the gateway runs.",
  },
  "relay.gateway_timeout": {
    status: 504,
    title: "No answer in time",
    help: "The gateway did not begin its answer in time.",
  },
  "portal.not_found": {
    status: 404,
    title: "No such page",
    help: "The page does not exist, or may not be seen by the visitor.",
  },
  "portal.method_not_allowed": {
    status: 405,
    title: "Method not allowed",
    help: "Pages are read with GET or HEAD; only the relay takes POST.",
  },
  "portal.management_unavailable": {
    status: 503,
    title: "Portal data not available",
    help: "The management API did not answer the portal. Try again in a moment; the log has the request id.",
  },
  "web.build_failed": {
    status: 500,
    title: "Web applications not built",
    help: "The web applications could not be built from their sources. `node web/build.ts` says why.",
  },
  "portal.fault": {
    status: 500,
    title: "Internal error",
    help: "A fault of the portal itself; the log has the request id.",
  },
} as const satisfies ProblemTable;

export type PortalProblemCode = keyof typeof portalProblems;
