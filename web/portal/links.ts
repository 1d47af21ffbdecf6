import { tagSlug } from "../../src/portals/tag-slug.ts";

/** Addresses of the portal's pages. */
export const apiPath = (api: string): string => `/apis/${encodeURIComponent(api)}`;

export const tagPath = (api: string, tag: string): string =>
  `${apiPath(api)}/reference/${encodeURIComponent(tagSlug(tag))}`;

export const operationPath = (api: string, tag: string, operation: string): string =>
  `${tagPath(api, tag)}/${encodeURIComponent(operation)}`;

export const documentPath = (api: string): string => `${apiPath(api)}/openapi`;

export const relayPath = (api: string, operation: string): string =>
  `/relay/${encodeURIComponent(api)}/${encodeURIComponent(operation)}`;
