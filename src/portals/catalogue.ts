import { z } from "zod";
import { type ApiOutline, apiOutlineSchema } from "./api-outline.ts";
import { type DescribedOperation, describedOperationSchema } from "./described-operation.ts";
import { type Management, readManagement, shapeOf } from "./management-call.ts";
import { isPublic, listedApiSchema, type PortalApi, portalApiOf } from "./portal-api.ts";
import { publicDocument } from "./public-document.ts";

/** APIs on one page of the list that the portal reads, and pages that it reads at most. */
const pageLength = 200;
const pagesMax = 50;

/**
 * What a visitor may see, and nothing else: pages, `llms.txt`, downloads and the relay all read through here, so that an API or
 * operation which is not visible is the same as one that does not exist.
 */
export interface Catalogue {
  apis(): Promise<readonly PortalApi[]>;
  api(name: string): Promise<PortalApi | undefined>;
  outline(api: PortalApi): Promise<ApiOutline | undefined>;
  operation(api: PortalApi, operationId: string): Promise<DescribedOperation | undefined>;
  /** The API's document: byte for byte, but without the operations that are hidden. */
  document(api: PortalApi): Promise<Response | undefined>;
}

/** The catalogue of an anonymous visitor. */
export const openCatalogue = (management: Management): Catalogue => {
  const pathOf = (api: PortalApi): string => `/apis/${encodeURIComponent(api.name)}`;
  return {
    apis: async () => {
      const apis: PortalApi[] = [];
      let cursor: string | undefined;
      for (let page = 0; page < pagesMax; page++) {
        const query = new URLSearchParams({ limit: String(pageLength), ...(cursor === undefined ? {} : { cursor }) });
        const response = await readManagement(management, `/apis?${query}`);
        if (response === undefined) break;
        const list = await shapeOf(apiListSchema, response);
        apis.push(...list.items.filter(isPublic).map(portalApiOf));
        cursor = list.next;
        if (cursor === undefined) break;
      }
      return apis.sort((a, b) => a.title.localeCompare(b.title, "en"));
    },
    api: async (name) => {
      const response = await readManagement(management, `/apis/${encodeURIComponent(name)}`);
      if (response === undefined) return undefined;
      const listed = await shapeOf(listedApiSchema, response);
      return isPublic(listed) ? portalApiOf(listed) : undefined;
    },
    outline: async (api) => {
      const response = await readManagement(management, `${pathOf(api)}/outline`);
      if (response === undefined) return undefined;
      return withoutHidden(await shapeOf(apiOutlineSchema, response), api.hiddenOperations);
    },
    operation: async (api, operationId) => {
      if (api.hiddenOperations.has(operationId)) return undefined;
      const path = `${pathOf(api)}/operations/${encodeURIComponent(operationId)}`;
      const response = await readManagement(management, path);
      return response === undefined ? undefined : await shapeOf(describedOperationSchema, response);
    },
    document: async (api) => {
      const response = await readManagement(management, `${pathOf(api)}/document`);
      if (response === undefined || api.hiddenOperations.size === 0) return response;
      const outline = await readManagement(management, `${pathOf(api)}/outline`);
      if (outline === undefined) return undefined;
      const operations = (await shapeOf(apiOutlineSchema, outline)).tags.flatMap((tag) => tag.operations);
      return publicDocument(
        await response.text(),
        operations.filter((operation) => api.hiddenOperations.has(operation.id)),
      );
    },
  };
};

const apiListSchema = z.object({ items: z.array(listedApiSchema), next: z.string().optional() });

const withoutHidden = (outline: ApiOutline, hidden: ReadonlySet<string>): ApiOutline => {
  if (hidden.size === 0) return outline;
  const tags = outline.tags
    .map((tag) => ({ ...tag, operations: tag.operations.filter((operation) => !hidden.has(operation.id)) }))
    .filter((tag) => tag.operations.length > 0);
  const ids = new Set(tags.flatMap((tag) => tag.operations.map((operation) => operation.id)));
  return { ...outline, tags, operationCount: ids.size };
};
