import type { ReactElement } from "react";
import type { PortalFrame, PortalPage } from "../../src/portals/portal-page.ts";
import { ApiCards, NoApis } from "./api-cards.tsx";
import { FilterForm } from "./filter-form.tsx";
import { Layout } from "./layout.tsx";
import { strings } from "./strings.ts";

const shownMax = 60;
const excerptMax = 9;

/** The front door: what this is, and the first APIs. */
export const HomePage = ({
  page,
  frame,
}: {
  readonly page: Extract<PortalPage, { readonly kind: "home" }>;
  readonly frame: PortalFrame;
}): ReactElement => (
  <Layout frame={frame} title={[]} description={strings.home.lead}>
    <section className="border-b border-line bg-sunken">
      <div className="relative mx-auto max-w-[1120px] px-4 py-16 sm:px-6 sm:py-24">
        <Colonnade />
        <h1 className="text-4xl font-semibold tracking-[-0.03em] sm:text-[3.25rem]">{strings.home.title}</h1>
        <p className="mt-4 max-w-xl text-lg text-ink-soft">{strings.home.lead}</p>
        <a href="/apis" className="button button-primary mt-8 !min-h-11 !px-5 !text-[0.9375rem]">
          {strings.home.browse}
        </a>
      </div>
    </section>
    <div className="mx-auto max-w-[1120px] px-4 py-12 sm:px-6">
      {page.apis.length === 0 ? (
        <NoApis />
      ) : (
        <section aria-labelledby="listed">
          <h2 id="listed" className="mb-5 text-xl font-semibold">
            {strings.home.listed}
          </h2>
          <ApiCards apis={page.apis.slice(0, excerptMax)} />
        </section>
      )}
      <ol className="mt-16 grid gap-8 sm:grid-cols-3">
        {strings.home.steps.map((step, index) => (
          <li key={step.title} className="border-t-2 border-accent pt-3">
            <h2 className="font-semibold">
              <span className="mr-2 font-mono text-sm font-normal text-ink-faint">{index + 1}</span>
              {step.title}
            </h2>
            <p className="mt-1 text-sm text-ink-soft">{step.text}</p>
          </li>
        ))}
      </ol>
    </div>
  </Layout>
);

/** All APIs, with a filter. */
export const ApisPage = ({
  page,
  frame,
}: {
  readonly page: Extract<PortalPage, { readonly kind: "apis" }>;
  readonly frame: PortalFrame;
}): ReactElement => {
  const wanted = page.filter.toLowerCase();
  const found = page.apis.filter((api) =>
    `${api.title} ${api.name} ${api.description ?? ""} ${api.basePath} ${api.tags.join(" ")}`
      .toLowerCase()
      .includes(wanted),
  );
  return (
    <Layout frame={frame} title={[strings.apis.title]}>
      <div className="mx-auto max-w-[1120px] px-4 py-10 sm:px-6">
        <div className="mb-7 flex flex-wrap items-end gap-x-6 gap-y-4">
          <div>
            <h1 className="text-3xl font-semibold">{strings.apis.title}</h1>
            <p className="mt-1 text-ink-soft">{strings.apis.lead(page.apis.length)}</p>
          </div>
          {page.apis.length === 0 ? null : (
            <FilterForm action="/apis" value={page.filter} label={strings.apis.filter} />
          )}
        </div>
        {page.apis.length === 0 ? (
          <NoApis />
        ) : found.length === 0 ? (
          <p className="py-10 text-center text-ink-soft" role="status">
            {strings.apis.noMatch(page.filter)}.{" "}
            <a href="/apis" className="text-accent underline underline-offset-3">
              {strings.apis.clear}
            </a>
          </p>
        ) : (
          <ApiCards apis={found.slice(0, shownMax)} />
        )}
      </div>
    </Layout>
  );
};

/** The house's namesake: a row of arches, drawn in hairlines. */
const Colonnade = (): ReactElement => (
  <svg
    viewBox="0 0 420 260"
    fill="none"
    aria-hidden="true"
    className="pointer-events-none absolute right-6 bottom-0 hidden w-[26rem] text-line-strong lg:block"
  >
    {[0, 1, 2, 3].map((index) => (
      <g key={index} stroke={index === 2 ? "var(--accent)" : "currentColor"} strokeWidth="1.5">
        <path d={`M${14 + index * 100} 259V106a46 46 0 0 1 92 0v153`} />
        <path d={`M${26 + index * 100} 259V108a34 34 0 0 1 68 0v151`} />
        <path d={`M${10 + index * 100} 106h20m60 0h20`} />
      </g>
    ))}
    <path d="M0 40h420M8 30h404M20 20h380" stroke="currentColor" strokeWidth="1.5" />
  </svg>
);
