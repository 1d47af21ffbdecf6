import type { ReactElement } from "react";
import type { PortalFrame, PortalPage } from "../../src/portals/portal-page.ts";
import { ApiNav } from "./api-nav.tsx";
import { Breadcrumbs } from "./breadcrumbs.tsx";
import { Layout } from "./layout.tsx";
import { apiPath, tagPath } from "./links.ts";
import { Markdown } from "./markdown.tsx";
import { OperationList } from "./operation-list.tsx";
import { strings } from "./strings.ts";

const pageLength = 100;

type TagPageModel = Extract<PortalPage, { readonly kind: "tag" }>;

/** The operations of one tag, a hundred at a time. */
export const TagPage = ({
  page,
  frame,
}: {
  readonly page: TagPageModel;
  readonly frame: PortalFrame;
}): ReactElement => {
  const { api, outline, tag } = page;
  const pages = Math.max(1, Math.ceil(tag.operations.length / pageLength));
  const at = Math.min(page.pageNumber, pages);
  const shown = tag.operations.slice((at - 1) * pageLength, at * pageLength);
  const title = tag.name || strings.api.untagged;
  return (
    <Layout frame={frame} title={[title, api.title]}>
      <div className="mx-auto grid max-w-[1440px] gap-x-8 px-4 sm:px-6 lg:grid-cols-[13.5rem_minmax(0,1fr)] xl:grid-cols-[16.25rem_minmax(0,60rem)] xl:justify-start xl:gap-x-14">
        <ApiNav api={api} outline={outline} tag={tag} />
        <article className="min-w-0 py-8">
          <Breadcrumbs
            items={[
              { title: strings.nav.apis, href: "/apis" },
              { title: api.title, href: apiPath(api.name) },
            ]}
          />
          <h1 className="mt-3 text-3xl font-semibold [overflow-wrap:anywhere]">{title}</h1>
          {tag.description === undefined ? null : (
            <Markdown text={tag.description} className="mt-4 max-w-[45rem] text-ink-soft" />
          )}
          <p className="mt-4 mb-4 text-sm text-ink-faint">{strings.api.operationCount(tag.operations.length)}</p>
          {shown.length === 0 ? null : (
            <OperationList api={api.name} entries={shown.map((operation) => ({ tag: tag.name, operation }))} />
          )}
          {pages === 1 ? null : (
            <nav aria-label={strings.tag.pages} className="mt-5 flex items-center gap-3 text-sm text-ink-soft">
              {at > 1 ? (
                <a className="button" href={`${tagPath(api.name, tag.name)}?page=${at - 1}`}>
                  {strings.tag.previous}
                </a>
              ) : null}
              {strings.tag.page(at, pages)}
              {at < pages ? (
                <a className="button" href={`${tagPath(api.name, tag.name)}?page=${at + 1}`}>
                  {strings.tag.next}
                </a>
              ) : null}
            </nav>
          )}
        </article>
      </div>
    </Layout>
  );
};
