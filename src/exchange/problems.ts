import type { ProblemTable } from "../base/problem.ts";

/** Every refusal of the data plane. `docs/errors.md` is generated from this table; codes are never reused. */
export const gatewayProblems = {
  "request.head_invalid": {
    status: 400,
    title: "Malformed request",
    help: "The request head breaks RFC 9112: a bad line, name, value or terminator. The connection is closed.",
  },
  "request.framing_invalid": {
    status: 400,
    title: "Ambiguous message framing",
    help: "Content-Length or Transfer-Encoding is duplicated, contradictory or malformed. The connection is closed (RFC 9112 section 6.3).",
  },
  "request.host_invalid": {
    status: 400,
    title: "Missing or invalid Host",
    help: "HTTP/1.1 needs exactly one valid Host field (RFC 9112 section 3.2).",
  },
  "request.path_invalid": {
    status: 400,
    title: "Invalid path",
    help: "The path holds a dot segment, a backslash, a NUL or a bad percent-encoding, in plain or encoded form. Send the canonical path.",
  },
  "request.body_invalid": {
    status: 400,
    title: "Malformed body",
    help: "The chunked body breaks RFC 9112 section 7.1 (the connection is closed), or is not what its Content-Type or Content-Encoding says.",
  },
  "request.timeout": {
    status: 408,
    title: "Request not received in time",
    help: "The head or the body did not arrive within the limit. Send it faster or in one piece.",
  },
  "request.header_too_large": {
    status: 431,
    title: "Request header too large",
    help: "The head exceeds the limit of bytes or of fields.",
  },
  "request.target_too_long": {
    status: 414,
    title: "Request target too long",
    help: "The request line exceeds its limit.",
  },
  "request.body_too_large": {
    status: 413,
    title: "Body too large",
    help: "The body exceeds the limit of the gateway or of a policy that must read it whole.",
  },
  "request.media_type_unsupported": {
    status: 415,
    title: "Unsupported media type",
    help: "The operation does not accept this Content-Type.",
  },
  "request.parameters_invalid": {
    status: 400,
    title: "Parameters not valid",
    help: "Path, query, header or cookie parameters are not what the API's document says; `errors` names them.",
  },
  "request.content_invalid": {
    status: 422,
    title: "Body not valid",
    help: "The body is not what the API's document says; `errors` has a JSON pointer for each place. Policies after the catalogue answer 400.",
  },
  "request.structure_refused": {
    status: 400,
    title: "Structure of the body refused",
    help: "The body exceeds a limit of depth, width, length or cost of a policy of the API, or names something twice.",
  },
  "request.expectation_failed": {
    status: 417,
    title: "Unknown expectation",
    help: "Only `Expect: 100-continue` is understood (RFC 9110 section 10.1.1).",
  },
  "request.version_unsupported": {
    status: 505,
    title: "HTTP version not supported",
    help: "The port speaks HTTP/2, HTTP/1.1 and HTTP/1.0.",
  },
  "request.method_refused": { status: 501, title: "Method not supported", help: "CONNECT and TRACE are not served." },
  "request.upgrade_refused": {
    status: 400,
    title: "Upgrade not supported",
    help: "The API does not change protocols on this route: `upgrade` in its api.yaml names those it allows.",
  },
  "request.upgrade_invalid": {
    status: 400,
    title: "Malformed WebSocket handshake",
    help: "A WebSocket handshake is a GET with one `Sec-WebSocket-Key` of 16 bytes in base64 (RFC 6455 section 4.1).",
  },
  "request.misdirected": {
    status: 421,
    title: "Misdirected request",
    help: "The Host asks for other client certificates or TLS versions than the server name that the connection was opened with (RFC 9110 section 15.5.20). Open a connection for this host.",
  },
  "request.upgrade_version": {
    status: 426,
    title: "WebSocket version not supported",
    help: "Send `Sec-WebSocket-Version: 13` (RFC 6455 section 4.4).",
  },
  "request.header_missing": {
    status: 401,
    title: "Required header missing or not allowed",
    help: "The policy `check-header` of the API asks for a header that is absent or has another value.",
  },
  "route.not_found": {
    status: 404,
    title: "No such route",
    help: "No API serves this host, path and version. Compare the URL with the portal's.",
  },
  "route.method_not_allowed": {
    status: 405,
    title: "Method not allowed",
    help: "The path exists with other methods; `Allow` lists them.",
  },
  "key.missing": { status: 401, title: "Key missing", help: "Send your key in the header `X-API-Key`." },
  "key.invalid": {
    status: 401,
    title: "Key not valid",
    help: "The key is unknown, mistyped, expired or revoked. Create or rotate a key in the portal.",
  },
  "subscription.inactive": {
    status: 403,
    title: "Subscription not active",
    help: "The subscription is pending, suspended or ended.",
  },
  "subscription.forbidden": {
    status: 403,
    title: "API not in the subscription",
    help: "The key is valid but its product does not hold this API.",
  },
  "token.missing": { status: 401, title: "Token missing", help: "Send `Authorization: Bearer TOKEN`." },
  "token.invalid": {
    status: 401,
    title: "Token not valid",
    help: "The token's form, signature, algorithm, issuer, audience or time is not accepted.",
  },
  "token.claims_insufficient": {
    status: 403,
    title: "Token lacks required claims",
    help: "The token is valid but does not carry the claims that the policy asks for.",
  },
  "token.keys_unavailable": {
    status: 503,
    title: "Signing keys unavailable",
    help: "The issuer's keys could not be fetched. Try again later.",
  },
  "caller.certificate_missing": {
    status: 403,
    title: "Client certificate required",
    help: "The operation is for callers who show a client certificate in their TLS handshake.",
  },
  "caller.certificate_refused": {
    status: 403,
    title: "Client certificate not accepted",
    help: "The client certificate is not valid here, or not one of those that may call.",
  },
  "caller.address_forbidden": {
    status: 403,
    title: "Address not allowed",
    help: "The policy `ip-filter` refuses the caller's address.",
  },
  "limit.rate_exceeded": {
    status: 429,
    title: "Rate limit exceeded",
    help: "Wait as `Retry-After` says; `RateLimit` and `RateLimit-Policy` describe the limit.",
  },
  "limit.concurrency_exceeded": {
    status: 429,
    title: "Too many calls at once",
    help: "Wait for running calls to end.",
  },
  "quota.exceeded": {
    status: 403,
    title: "Quota used up",
    help: "The period's volume is used up; `Retry-After` tells when the next period begins.",
  },
  "policy.fault": {
    status: 500,
    title: "Policy failed",
    help: "A policy met an error of its own; the call was refused. The log has the request id.",
  },
  "policy.refused": { status: 403, title: "Refused by policy", help: "A policy of the API refused the call." },
  "backend.not_configured": { status: 502, title: "No backend", help: "The API names a backend that does not exist." },
  "backend.unreachable": {
    status: 502,
    title: "Backend unreachable",
    help: "No connection to the backend could be made.",
  },
  "backend.reply_invalid": {
    status: 502,
    title: "Backend sent an invalid reply",
    help: "The backend's reply breaks HTTP or ended before its head was complete.",
  },
  "backend.reply_unexpected": {
    status: 502,
    title: "Backend's reply is not what the API promises",
    help: "Status, headers or body of the reply differ from the API's document. The log of the gateway says where.",
  },
  "backend.upgrade_invalid": {
    status: 502,
    title: "Backend changed the protocol wrongly",
    help: "The backend's 101 names another protocol, subprotocol or extension than was asked for, or does not answer the handshake.",
  },
  "backend.overloaded": {
    status: 503,
    title: "Backend busy",
    help: "All connections to the backend are in use and the queue is full.",
  },
  "backend.no_target": {
    status: 503,
    title: "No usable target",
    help: "None of the backend's targets can be used at the moment: they are unhealthy or ejected. Try again later.",
  },
  "backend.circuit_open": {
    status: 503,
    title: "Backend not asked",
    help: "Calls to the backend failed too often; it is left alone until `Retry-After`.",
  },
  "backend.connect_timeout": {
    status: 504,
    title: "Backend did not accept a connection in time",
    help: "Try again later.",
  },
  "backend.timeout": {
    status: 504,
    title: "Backend did not answer in time",
    help: "The backend's reply head did not arrive within the timeout.",
  },
  "backend.call_failed": {
    status: 502,
    title: "Needed service unreachable",
    help: "A policy called another service for this call, and no usable answer came.",
  },
  "cache.not_stored": {
    status: 504,
    title: "Not in the cache",
    help: "The request says `only-if-cached`, and there is no stored reply that may be used (RFC 9111 section 5.2.1.7).",
  },
  "gateway.overloaded": {
    status: 503,
    title: "Gateway overloaded",
    help: "A thread of the gateway has too many calls or is late with them. Calls of APIs of a lower `priority` are refused first; `Retry-After` says when to try again.",
  },
  "gateway.not_ready": {
    status: 503,
    title: "Gateway has no configuration yet",
    help: "The gateway has neither a control plane nor a saved snapshot.",
  },
  "gateway.fault": {
    status: 500,
    title: "Internal error",
    help: "A fault of the gateway itself; the log has the request id.",
  },
} as const satisfies ProblemTable;

export type GatewayProblemCode = keyof typeof gatewayProblems;
