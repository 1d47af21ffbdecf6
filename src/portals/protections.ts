import type { PortalApi } from "./portal-api.ts";

/** The protections of one operation. */
export const protectionsOfOperation = (api: PortalApi, operationId: string): readonly ("key" | "jwt")[] =>
  api.operationProtections.get(operationId) ?? api.protections;
