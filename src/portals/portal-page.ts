import type { ApiOutline, OutlineTag } from "./api-outline.ts";
import type { DescribedOperation } from "./described-operation.ts";
import type { PortalApi } from "./portal-api.ts";

/** Everything that one page shows, decided and bounded before anything is rendered. */
export type PortalPage =
  | { readonly kind: "home"; readonly apis: readonly PortalApi[] }
  | { readonly kind: "apis"; readonly apis: readonly PortalApi[]; readonly filter: string }
  | {
      readonly kind: "api";
      readonly api: PortalApi;
      readonly outline: ApiOutline;
      readonly filter: string;
      /** The operation of the quickstart; absent where the API has none. */
      readonly first: DescribedOperation | undefined;
    }
  | {
      readonly kind: "tag";
      readonly api: PortalApi;
      readonly outline: ApiOutline;
      readonly tag: OutlineTag;
      readonly pageNumber: number;
    }
  | {
      readonly kind: "operation";
      readonly api: PortalApi;
      readonly outline: ApiOutline;
      readonly tag: OutlineTag;
      readonly operation: DescribedOperation;
      readonly protections: readonly ("key" | "jwt")[];
    }
  | { readonly kind: "missing" }
  | { readonly kind: "failure" };

/** What is around every page. */
export interface PortalFrame {
  /** What applications call: `http://127.0.0.1:8080`. */
  readonly gatewayUrl: string;
  /** The page's own path. */
  readonly path: string;
  /** Chosen by the visitor; absent: as the system has it. */
  readonly theme: "light" | "dark" | undefined;
  readonly requestId: string;
  readonly assets: { readonly script: string; readonly style: string };
}

/** A page as HTML. Pure: the same page and frame give the same text. */
export type RenderPortalPage = (page: PortalPage, frame: PortalFrame) => string;
