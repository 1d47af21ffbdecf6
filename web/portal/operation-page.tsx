import type { ReactElement } from "react";
import type { PortalFrame, PortalPage } from "../../src/portals/portal-page.ts";
import { Method } from "../ui/method.tsx";
import { ApiNav } from "./api-nav.tsx";
import { authText } from "./auth-text.ts";
import { Breadcrumbs } from "./breadcrumbs.tsx";
import { CallForm } from "./call-form.tsx";
import { Layout } from "./layout.tsx";
import { apiPath, operationPath, tagPath } from "./links.ts";
import { Markdown, plainText } from "./markdown.tsx";
import { Parameters } from "./parameters.tsx";
import { Contents, Responses } from "./responses.tsx";
import { sampleOf } from "./sample.ts";
import { RequestSample, ResponseSample } from "./samples.tsx";
import { Required } from "./schema.tsx";
import { strings } from "./strings.ts";

const words = strings.operation;

type OperationPageModel = Extract<PortalPage, { readonly kind: "operation" }>;

/** One operation: what it takes and answers in the middle, the call itself at the side. */
export const OperationPage = ({
  page,
  frame,
}: {
  readonly page: OperationPageModel;
  readonly frame: PortalFrame;
}): ReactElement => {
  const { api, outline, tag, operation, protections } = page;
  const title = titleOf(operation);
  const sample = sampleOf(api, operation, protections, frame.gatewayUrl);
  const scopes = [...new Set(operation.security.flat().flatMap((one) => one.scopes))];
  return (
    <Layout
      frame={frame}
      title={[title, tag.name || strings.api.untagged, api.title]}
      description={plainText(operation.description ?? title, 160)}
    >
      <div className="mx-auto grid max-w-[1440px] gap-x-8 px-4 sm:px-6 lg:grid-cols-[13.5rem_minmax(0,1fr)_22rem] xl:grid-cols-[16.25rem_minmax(0,45rem)_minmax(24rem,26.25rem)] xl:justify-between">
        <ApiNav api={api} outline={outline} tag={tag} operationId={operation.id} />
        <article className="min-w-0 py-8">
          <Breadcrumbs
            items={[
              { title: strings.nav.apis, href: "/apis" },
              { title: api.title, href: apiPath(api.name) },
              { title: tag.name || strings.api.untagged, href: tagPath(api.name, tag.name) },
            ]}
          />
          <h1 className="mt-3 text-2xl font-semibold [overflow-wrap:anywhere] sm:text-[1.75rem]">{title}</h1>
          <p className="mt-3 flex flex-wrap items-center gap-2.5" data-copy-from>
            <Method method={operation.method} />
            <code className="min-w-0 font-mono text-sm [overflow-wrap:anywhere] text-ink-soft" data-copy-text>
              {api.basePath}
              <PathText path={operation.path} />
            </code>
            {operation.isDeprecated ? <span className="chip chip-warn">{words.deprecated}</span> : null}
          </p>
          {operation.isDeprecated ? (
            <p className="mt-4 rounded-lg bg-warn-tint px-4 py-2.5 text-sm text-warn">{words.deprecatedText}</p>
          ) : null}
          {operation.description === undefined || operation.description.trim() === title ? null : (
            <Markdown text={operation.description} className="mt-4 text-ink-soft" />
          )}
          <p className="mt-4 text-sm text-ink-soft">{authText(protections)}</p>
          {scopes.length === 0 ? null : (
            <p className="mt-2 flex flex-wrap items-center gap-1.5 text-sm text-ink-soft">
              {words.scopes}
              {scopes.map((scope) => (
                <code key={scope} className="chip !font-normal">
                  {scope}
                </code>
              ))}
            </p>
          )}
          <Parameters parameters={operation.parameters} />
          {operation.requestBody === undefined ? null : (
            <section className="mt-10" aria-labelledby="body">
              <h2 id="body" className="flex items-baseline gap-2 border-b border-line pb-2 text-lg font-semibold">
                {words.body}
                {operation.requestBody.isRequired ? <Required /> : null}
              </h2>
              {operation.requestBody.description === undefined ? null : (
                <Markdown text={operation.requestBody.description} className="mt-2 text-sm text-ink-soft" />
              )}
              <Contents contents={operation.requestBody.content} />
            </section>
          )}
          <Responses responses={operation.responses} />
        </article>
        <aside className="min-w-0 lg:row-span-2 lg:py-8" aria-label={strings.samples.request}>
          <div className="flex flex-col gap-4 *:shrink-0 lg:sticky lg:top-20 lg:-mx-1 lg:max-h-[calc(100dvh-6rem)] lg:overflow-y-auto lg:px-1 lg:pb-4">
            <button
              type="button"
              className="button button-primary needs-script self-start max-lg:fixed max-lg:right-4 max-lg:bottom-4 max-lg:z-40 max-lg:!min-h-11 max-lg:shadow-high"
              data-call-open
              aria-expanded="false"
              aria-controls="call"
            >
              {strings.samples.tryIt}
              <kbd className="ml-1 rounded max-lg:hidden border border-current/40 px-1 text-[0.6875rem] leading-4 opacity-80">
                t
              </kbd>
            </button>
            <CallForm api={api} operation={operation} protections={protections} />
            <RequestSample sample={sample} />
            <ResponseSample operation={operation} />
          </div>
        </aside>
        <div className="min-w-0 lg:col-start-2 lg:row-start-2">
          <Neighbours page={page} />
        </div>
      </div>
    </Layout>
  );
};

/** What an operation is called: its summary, else a description that is no longer than one, else its method and path. */
const titleOf = (operation: OperationPageModel["operation"]): string => {
  if (operation.summary !== undefined && operation.summary !== "") return operation.summary;
  const description = operation.description?.trim() ?? "";
  if (description !== "" && description.length <= 80 && !/[\n`[*]/.test(description)) return description;
  return `${operation.method} ${operation.path}`;
};

const PathText = ({ path }: { readonly path: string }): ReactElement => (
  <>
    {path.split(/(\{[^{}]*\})/).map((part, index) =>
      part.startsWith("{") ? (
        // biome-ignore lint/suspicious/noArrayIndexKey: rendered once, on the server
        <span key={index} className="text-accent">
          {part}
        </span>
      ) : (
        part
      ),
    )}
  </>
);

const Neighbours = ({ page }: { readonly page: OperationPageModel }): ReactElement | null => {
  const { api, tag, operation } = page;
  const at = tag.operations.findIndex((one) => one.id === operation.id);
  const previous = tag.operations[at - 1];
  const next = tag.operations[at + 1];
  if (previous === undefined && next === undefined) return null;
  return (
    <nav aria-label={words.neighbours} className="mt-8 mb-8 grid gap-3 sm:grid-cols-2">
      {previous === undefined ? (
        <span />
      ) : (
        <Neighbour api={api.name} tag={tag.name} one={previous} word={words.previous} />
      )}
      {next === undefined ? null : <Neighbour api={api.name} tag={tag.name} one={next} word={words.next} isEnd />}
    </nav>
  );
};

const Neighbour = ({
  api,
  tag,
  one,
  word,
  isEnd = false,
}: {
  readonly api: string;
  readonly tag: string;
  readonly one: {
    readonly id: string;
    readonly method: string;
    readonly path: string;
    readonly summary?: string | undefined;
  };
  readonly word: string;
  readonly isEnd?: boolean;
}): ReactElement => (
  <a
    href={operationPath(api, tag, one.id)}
    className={`card block px-4 py-3 hover:bg-hover ${isEnd ? "sm:text-right" : ""}`}
  >
    <span className="block text-xs text-ink-faint">{word}</span>
    <span className="line-clamp-2 text-sm font-medium [overflow-wrap:anywhere]">
      {one.summary ?? `${one.method} ${one.path}`}
    </span>
  </a>
);
