import { httpBackend } from "../backends/http.ts";
import { mockBackend } from "../backends/mock.ts";
import type { BackendKind } from "../exchange/backend.ts";
import type { Policy } from "../exchange/policy.ts";
import { choose } from "../policies/choose.ts";
import { cors } from "../policies/cors.ts";
import { forwardRequest } from "../policies/forward-request.ts";
import { keyAuth } from "../policies/key-auth.ts";
import { rateLimit } from "../policies/rate-limit.ts";
import { setHeader } from "../policies/set-header.ts";

/** Every policy that a document may name, in the order of the reference. */
export const standardPolicies: readonly Policy[] = [keyAuth, rateLimit, cors, setHeader, forwardRequest, choose];

/** Every kind of backend. */
export const standardBackends: readonly BackendKind[] = [httpBackend, mockBackend];
