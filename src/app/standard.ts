import { httpBackend } from "../backends/http.ts";
import { mockBackend } from "../backends/mock.ts";
import type { BackendKind } from "../exchange/backend.ts";
import type { Policy } from "../exchange/policy.ts";
import { authenticationBasic } from "../policies/authentication-basic.ts";
import { cache } from "../policies/cache.ts";
import { checkHeader } from "../policies/check-header.ts";
import { choose } from "../policies/choose.ts";
import { circuitBreaker } from "../policies/circuit-breaker.ts";
import { cors } from "../policies/cors.ts";
import { crossDomain } from "../policies/cross-domain.ts";
import { emitMetric } from "../policies/emit-metric.ts";
import { failover } from "../policies/failover.ts";
import { findAndReplace } from "../policies/find-and-replace.ts";
import { forwardRequest } from "../policies/forward-request.ts";
import { hedge } from "../policies/hedge.ts";
import { invokeRequest } from "../policies/invoke-request.ts";
import { ipFilter } from "../policies/ip-filter.ts";
import { jsonThreat } from "../policies/json-threat.ts";
import { jsonToXml } from "../policies/json-to-xml.ts";
import { jsonp } from "../policies/jsonp.ts";
import { keyAuth } from "../policies/key-auth.ts";
import { laterPolicies } from "../policies/later.ts";
import { limitConcurrency } from "../policies/limit-concurrency.ts";
import { logPolicy } from "../policies/log.ts";
import { mirror } from "../policies/mirror.ts";
import { mockResponse } from "../policies/mock-response.ts";
import { quota } from "../policies/quota.ts";
import { quotaByKey } from "../policies/quota-by-key.ts";
import { rateLimit } from "../policies/rate-limit.ts";
import { rateLimitByKey } from "../policies/rate-limit-by-key.ts";
import { redirectContentUrls } from "../policies/redirect-content-urls.ts";
import { bodyLimit, requestSize } from "../policies/request-size.ts";
import { retry } from "../policies/retry.ts";
import { returnResponse } from "../policies/return-response.ts";
import { rewriteUri } from "../policies/rewrite-uri.ts";
import { sample } from "../policies/sample.ts";
import { sendOneWayRequest } from "../policies/send-one-way-request.ts";
import { sendRequest } from "../policies/send-request.ts";
import { setBackendService } from "../policies/set-backend-service.ts";
import { setBody } from "../policies/set-body.ts";
import { setHeader } from "../policies/set-header.ts";
import { setMethod } from "../policies/set-method.ts";
import { setQueryParameter } from "../policies/set-query-parameter.ts";
import { setStatus } from "../policies/set-status.ts";
import { setVariable } from "../policies/set-variable.ts";
import { split } from "../policies/split.ts";
import { timeout } from "../policies/timeout.ts";
import { tracePolicy } from "../policies/trace.ts";
import { validateClientCertificate } from "../policies/validate-client-certificate.ts";
import { validateContent } from "../policies/validate-content.ts";
import { validateHeaders } from "../policies/validate-headers.ts";
import { validateJwt } from "../policies/validate-jwt.ts";
import { validateParameters } from "../policies/validate-parameters.ts";
import { validateRequest } from "../policies/validate-request.ts";
import { validateResponse } from "../policies/validate-response.ts";
import { validateStatusCode } from "../policies/validate-status-code.ts";
import { wait } from "../policies/wait.ts";
import { xmlToJson } from "../policies/xml-to-json.ts";
import { xslTransform } from "../policies/xsl-transform.ts";

/** Every policy that works, in the order of the reference. */
export const availablePolicies: readonly Policy[] = [
  keyAuth,
  validateJwt,
  validateClientCertificate,
  ipFilter,
  checkHeader,
  authenticationBasic,
  rateLimit,
  rateLimitByKey,
  quota,
  quotaByKey,
  limitConcurrency,
  validateRequest,
  validateResponse,
  validateContent,
  validateParameters,
  validateHeaders,
  validateStatusCode,
  requestSize,
  bodyLimit,
  jsonThreat,
  cors,
  crossDomain,
  jsonp,
  cache,
  setBackendService,
  forwardRequest,
  retry,
  timeout,
  circuitBreaker,
  hedge,
  failover,
  mirror,
  split,
  invokeRequest,
  rewriteUri,
  setMethod,
  setHeader,
  setQueryParameter,
  setBody,
  setStatus,
  setVariable,
  findAndReplace,
  redirectContentUrls,
  jsonToXml,
  xmlToJson,
  xslTransform,
  choose,
  wait,
  sendRequest,
  sendOneWayRequest,
  returnResponse,
  mockResponse,
  logPolicy,
  tracePolicy,
  emitMetric,
  sample,
];

/** Every policy that a document may name: those that work, and those of the catalogue that are refused by name. */
export const standardPolicies: readonly Policy[] = [...availablePolicies, ...laterPolicies];

/** Every kind of backend. */
export const standardBackends: readonly BackendKind[] = [httpBackend, mockBackend];
