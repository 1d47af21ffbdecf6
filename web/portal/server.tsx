import type { ReactElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import type { PortalFrame, PortalPage, RenderPortalPage } from "../../src/portals/portal-page.ts";
import { ApiPage } from "./api-page.tsx";
import { FailurePage, MissingPage } from "./failure-pages.tsx";
import { ApisPage, HomePage } from "./list-pages.tsx";
import { OperationPage } from "./operation-page.tsx";
import { TagPage } from "./tag-page.tsx";

/** A page as HTML: nothing of it is hydrated, so that a page that nobody touches runs next to no script. */
export const renderPortalPage: RenderPortalPage = (page, frame) =>
  `<!doctype html>${renderToStaticMarkup(elementOf(page, frame))}`;

const elementOf = (page: PortalPage, frame: PortalFrame): ReactElement => {
  switch (page.kind) {
    case "home":
      return <HomePage page={page} frame={frame} />;
    case "apis":
      return <ApisPage page={page} frame={frame} />;
    case "api":
      return <ApiPage page={page} frame={frame} />;
    case "tag":
      return <TagPage page={page} frame={frame} />;
    case "operation":
      return <OperationPage page={page} frame={frame} />;
    case "missing":
      return <MissingPage frame={frame} />;
    case "failure":
      return <FailurePage frame={frame} />;
  }
};
