import { z } from "zod";
import { definePolicy, type Policy } from "../exchange/policy.ts";

/**
 * Policies of the catalogue that this version does not have. Configuring one is refused by its name, so that nobody looks for a
 * spelling mistake, and a document that needs it is never served without it.
 */
const names = [
  // Rate limits and quotas
  "llm-token-limit",
  "azure-openai-token-limit",
  "concurrency",
  "spike-arrest",
  "load-shed",
  // Authentication and authorization
  "get-authorization-context",
  "validate-azure-ad-token",
  "authentication-certificate",
  "authentication-managed-identity",
  "basic-auth",
  "hmac-auth",
  "oauth2-introspection",
  "oauth2-client-credentials",
  "oidc-login",
  "dpop",
  "mtls-bound-token",
  "token-exchange",
  "http-signature",
  "authorize",
  "ext-auth",
  "opa",
  "owner",
  "geo",
  // Content validation
  "validate-graphql-request",
  "validate-odata-request",
  "xml-threat",
  "graphql-limit",
  // Routing
  "proxy",
  // Caching
  "cache-lookup",
  "cache-store",
  "cache-lookup-value",
  "cache-store-value",
  "cache-remove-value",
  "cache-value",
  "llm-semantic-cache-lookup",
  "llm-semantic-cache-store",
  "azure-openai-semantic-cache-lookup",
  "azure-openai-semantic-cache-store",
  // Transformation
  "transform",
  "compress",
  "decompress",
  "soap-to-rest",
  "grpc-json",
  "grpc-web",
  "graphql-to-rest",
  "mock",
  "deprecation",
  // Cross-domain, integration, logging, AI, GraphQL, control
  "send-service-bus-message",
  "log-to-eventhub",
  "publish-to-dapr",
  "invoke-dapr-binding",
  "llm-emit-token-metric",
  "azure-openai-emit-token-metric",
  "llm-content-safety",
  "http-data-source",
  "sql-data-source",
  "cosmosdb-data-source",
  "publish-event",
  "fault",
  "mcp-server",
  "ai-proxy",
  "ai-token-limit",
  "ai-cache",
  "ai-guard",
  "webhook-verify",
  "webhook-sign",
  "script",
  "function",
] as const;

/** One entry per name: it takes any configuration and refuses it. */
export const laterPolicies: readonly Policy[] = names.map((name) =>
  definePolicy<unknown>({
    name,
    group: "control",
    summary: "Not available in this version.",
    docs: "Not available in this version: configuring it is refused.",
    sections: ["inbound", "backend", "outbound", "on-error"],
    schema: z.unknown(),
    examples: [],
    build: (_config, tools) => {
      tools.mistake("", `\`${name}\` is not available in this version`);
      return () => undefined;
    },
  }),
);
