import type { ReactElement, ReactNode } from "react";
import type { OutlineOperation, OutlineTag } from "../../src/portals/api-outline.ts";
import type { PortalFrame, PortalPage } from "../../src/portals/portal-page.ts";
import { protectionsOfOperation } from "../../src/portals/protections.ts";
import { ApiNav } from "./api-nav.tsx";
import { authText } from "./auth-text.ts";
import { Breadcrumbs } from "./breadcrumbs.tsx";
import { CodeBlock } from "./code.tsx";
import { FilterForm } from "./filter-form.tsx";
import { Layout } from "./layout.tsx";
import { apiPath, documentPath, tagPath } from "./links.ts";
import { Markdown, plainText } from "./markdown.tsx";
import { OperationList } from "./operation-list.tsx";
import { curlText, sampleOf } from "./sample.ts";
import { strings } from "./strings.ts";

const words = strings.api;

/** Operations that stand on the page itself; the tags of a longer API are pages of their own. */
const listedMax = 120;
const foundMax = 100;

type ApiPageModel = Extract<PortalPage, { readonly kind: "api" }>;

/** An API at a glance: what it is, where it is, how to get in, a first call, what it can do. */
export const ApiPage = ({
  page,
  frame,
}: {
  readonly page: ApiPageModel;
  readonly frame: PortalFrame;
}): ReactElement => {
  const { api, outline, first, filter } = page;
  const about = api.description ?? outline.description ?? outline.summary;
  return (
    <Layout frame={frame} title={[api.title]} description={plainText(about ?? api.title, 160)}>
      <div className="mx-auto grid max-w-[1440px] gap-x-8 px-4 sm:px-6 lg:grid-cols-[13.5rem_minmax(0,1fr)] xl:grid-cols-[16.25rem_minmax(0,60rem)] xl:justify-start xl:gap-x-14">
        <ApiNav api={api} outline={outline} />
        <article className="min-w-0 py-8">
          <Breadcrumbs items={[{ title: strings.nav.apis, href: "/apis" }]} />
          <div className="mt-3 flex flex-wrap items-center gap-3">
            <h1 className="text-3xl font-semibold [overflow-wrap:anywhere]">{api.title}</h1>
            {outline.apiVersion === undefined ? null : <span className="chip">{outline.apiVersion}</span>}
            {api.isDeprecated ? <span className="chip chip-warn">{words.deprecated}</span> : null}
          </div>
          {api.isDeprecated ? (
            <p className="mt-4 rounded-lg bg-warn-tint px-4 py-2.5 text-sm text-warn">{words.deprecatedText}</p>
          ) : null}
          {about === undefined ? null : <Markdown text={about} className="mt-4 max-w-[45rem] text-ink-soft" />}
          <FactSheet page={page} frame={frame} />
          {first === undefined ? null : <Quickstart page={page} frame={frame} />}
          <section className="mt-12" aria-labelledby="operations">
            <div className="flex flex-wrap items-end gap-x-6 gap-y-3">
              <h2 id="operations" className="text-xl font-semibold">
                {words.operations}
                <span className="ml-2 text-sm font-normal text-ink-faint">{outline.operationCount}</span>
              </h2>
              <FilterForm
                action={`${apiPath(api.name)}#operations`}
                value={filter}
                label={words.filter}
                hint={words.filterHint}
              />
            </div>
            {filter === "" ? <Tags page={page} /> : <Found page={page} />}
          </section>
        </article>
      </div>
    </Layout>
  );
};

const FactSheet = ({ page, frame }: { readonly page: ApiPageModel; readonly frame: PortalFrame }): ReactElement => {
  const { api, outline } = page;
  const host = api.host;
  return (
    <dl className="card mt-8 grid gap-px overflow-hidden bg-line sm:grid-cols-2">
      <Fact name={words.baseUrl}>
        <code className="[overflow-wrap:anywhere]">
          {host === undefined ? frame.gatewayUrl : `http://${host}`}
          {api.basePath}
        </code>
      </Fact>
      <Fact name={words.auth}>{authText(api.protections)}</Fact>
      <Fact name={words.document}>
        <a className="text-accent underline underline-offset-3" href={documentPath(api.name)} download>
          {words.download}
        </a>
        <span className="text-ink-faint"> · {words.operationCount(outline.operationCount)}</span>
      </Fact>
      <Fact name={words.contact}>
        <Contact outline={outline} />
      </Fact>
    </dl>
  );
};

const Fact = ({ name, children }: { readonly name: string; readonly children: ReactNode }): ReactElement => (
  <div className="bg-raised px-5 py-3.5">
    <dt className="text-xs font-medium text-ink-faint">{name}</dt>
    <dd className="mt-0.5 text-sm">{children}</dd>
  </div>
);

const Contact = ({ outline }: { readonly outline: ApiPageModel["outline"] }): ReactElement => {
  const { contact, license } = outline;
  const name = contact?.name ?? contact?.email ?? contact?.url;
  const href = safeUrl(contact?.url) ?? (contact?.email === undefined ? undefined : `mailto:${contact.email}`);
  const parts = [
    name === undefined ? undefined : { text: name, href },
    license?.name === undefined ? undefined : { text: license.name, href: safeUrl(license.url) },
    outline.termsOfService === undefined ? undefined : { text: words.terms, href: safeUrl(outline.termsOfService) },
  ].filter((part) => part !== undefined);
  if (parts.length === 0) return <span className="text-ink-faint">–</span>;
  return (
    <>
      {parts.map((part, index) => (
        <span key={part.text}>
          {index === 0 ? null : <span className="text-ink-faint"> · </span>}
          {part.href === undefined ? (
            part.text
          ) : (
            <a
              className="underline decoration-line-strong underline-offset-3"
              href={part.href}
              rel="nofollow noreferrer"
            >
              {part.text}
            </a>
          )}
        </span>
      ))}
    </>
  );
};

/** Only what a browser opens as a page: a document may say `javascript:` as well. */
const safeUrl = (url: string | undefined): string | undefined =>
  url !== undefined && /^https?:\/\//i.test(url) && URL.canParse(url) ? url : undefined;

const Quickstart = ({
  page,
  frame,
}: {
  readonly page: ApiPageModel;
  readonly frame: PortalFrame;
}): ReactElement | null => {
  const { api, first } = page;
  if (first === undefined) return null;
  const protections = protectionsOfOperation(api, first.id);
  const lead = protections.includes("key")
    ? words.quickstartLead
    : protections.includes("jwt")
      ? words.quickstartToken
      : words.quickstartOpen;
  return (
    <section className="mt-12" aria-labelledby="quickstart">
      <h2 id="quickstart" className="text-xl font-semibold">
        {words.quickstart}
      </h2>
      <p className="mt-1 mb-3 text-sm text-ink-soft">{lead}</p>
      <CodeBlock
        title={first.summary ?? `${first.method} ${first.path}`}
        text={curlText(sampleOf(api, first, protections, frame.gatewayUrl))}
        language="shell"
      />
    </section>
  );
};

const Tags = ({ page }: { readonly page: ApiPageModel }): ReactElement => {
  const { api, outline } = page;
  if (outline.operationCount > listedMax) return <TagCards page={page} />;
  return (
    <>
      {outline.tags
        .filter((tag) => tag.operations.length > 0)
        .map((tag) => (
          <section key={tag.name} className="mt-8" aria-label={tag.name || words.untagged}>
            <TagHead api={api.name} tag={tag} />
            <OperationList api={api.name} entries={tag.operations.map((operation) => ({ tag: tag.name, operation }))} />
          </section>
        ))}
    </>
  );
};

const TagHead = ({ api, tag }: { readonly api: string; readonly tag: OutlineTag }): ReactElement => (
  <div className="mb-3">
    <h3 className="font-semibold">
      <a href={tagPath(api, tag.name)} className="hover:underline">
        {tag.name || words.untagged}
      </a>
    </h3>
    {tag.description === undefined && tag.summary === undefined ? null : (
      <p className="text-sm text-ink-soft">{plainText(tag.description ?? tag.summary ?? "", 240)}</p>
    )}
  </div>
);

const TagCards = ({ page }: { readonly page: ApiPageModel }): ReactElement => (
  <ul className="mt-5 grid gap-3 sm:grid-cols-2 xl:grid-cols-3">
    {page.outline.tags
      .filter((tag) => tag.operations.length > 0)
      .map((tag) => (
        <li key={tag.name}>
          <a href={tagPath(page.api.name, tag.name)} className="card flex h-full flex-col px-4 py-3 hover:bg-hover">
            <span className="text-sm font-semibold [overflow-wrap:anywhere]">{tag.name || words.untagged}</span>
            <span className="text-[0.8125rem] text-ink-faint">{words.operationCount(tag.operations.length)}</span>
            {tag.description === undefined ? null : (
              <span className="mt-1 line-clamp-2 text-[0.8125rem] text-ink-soft">
                {plainText(tag.description, 120)}
              </span>
            )}
          </a>
        </li>
      ))}
  </ul>
);

const Found = ({ page }: { readonly page: ApiPageModel }): ReactElement => {
  const { api, outline, filter } = page;
  const wanted = filter.toLowerCase();
  const isFound = (operation: OutlineOperation): boolean =>
    `${operation.method} ${operation.path} ${operation.summary ?? ""} ${operation.id}`.toLowerCase().includes(wanted);
  const found = outline.tags.flatMap((tag) =>
    tag.operations.filter(isFound).map((operation) => ({ tag: tag.name, operation })),
  );
  const entries = [...new Map(found.map((entry) => [entry.operation.id, entry])).values()];
  return (
    <div className="mt-5">
      <p className="mb-3 text-sm text-ink-soft" role="status">
        {words.found(entries.length, filter)} {entries.length > foundMax ? words.foundFirst(foundMax) : null}{" "}
        <a className="text-accent underline underline-offset-3" href={`${apiPath(api.name)}#operations`}>
          {strings.apis.clear}
        </a>
      </p>
      {entries.length === 0 ? null : <OperationList api={api.name} entries={entries.slice(0, foundMax)} />}
    </div>
  );
};
