import { tagSlug } from "../../src/portals/tag-slug.ts";

// Half a character cannot be encoded: it becomes the replacement character.
const encode = (text: string): string => encodeURIComponent(text.toWellFormed());

/** Addresses of the portal's pages. */
export const apiPath = (api: string): string => `/apis/${encode(api)}`;

export const tagPath = (api: string, tag: string): string => `${apiPath(api)}/reference/${encode(tagSlug(tag))}`;

export const operationPath = (api: string, tag: string, operation: string): string =>
  `${tagPath(api, tag)}/${encode(operation)}`;

export const documentPath = (api: string): string => `${apiPath(api)}/openapi`;

export const relayPath = (api: string, operation: string): string => `/relay/${encode(api)}/${encode(operation)}`;
