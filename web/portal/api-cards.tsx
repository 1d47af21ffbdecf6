import type { ReactElement } from "react";
import type { PortalApi } from "../../src/portals/portal-api.ts";
import { CodeBlock } from "./code.tsx";
import { apiPath } from "./links.ts";
import { plainText } from "./markdown.tsx";
import { strings } from "./strings.ts";

/** APIs as cards. */
export const ApiCards = ({ apis }: { readonly apis: readonly PortalApi[] }): ReactElement => (
  <ul className="grid gap-4 sm:grid-cols-2 lg:grid-cols-3">
    {apis.map((api) => (
      <li key={api.name}>
        <a
          href={apiPath(api.name)}
          className="card group flex h-full flex-col px-5 py-4 transition-colors hover:border-line-strong hover:bg-hover"
        >
          <span className="flex items-center gap-2">
            <span className="font-semibold [overflow-wrap:anywhere]">{api.title}</span>
            {api.version === undefined ? null : <span className="chip">{api.version}</span>}
            {api.isDeprecated ? <span className="chip chip-warn">{strings.api.deprecated}</span> : null}
          </span>
          <code className="mt-0.5 text-[0.8125rem] [overflow-wrap:anywhere] text-ink-faint">{api.basePath || "/"}</code>
          {api.description === undefined ? null : (
            <span className="mt-2 line-clamp-3 text-sm text-ink-soft">{plainText(api.description, 200)}</span>
          )}
          {api.tags.length === 0 ? null : (
            <span className="mt-auto flex flex-wrap gap-1.5 pt-3">
              {api.tags.slice(0, 5).map((tag) => (
                <span key={tag} className="chip">
                  {tag}
                </span>
              ))}
            </span>
          )}
        </a>
      </li>
    ))}
  </ul>
);

/** What stands where no API is published yet: why, and the line that changes it. */
export const NoApis = (): ReactElement => (
  <div className="mx-auto max-w-xl py-10 text-center">
    <h2 className="text-xl font-semibold">{strings.apis.none}</h2>
    <p className="mt-2 mb-5 text-ink-soft">{strings.apis.noneText}</p>
    <div className="text-left">
      <CodeBlock title={strings.apis.noneTitle} text={strings.apis.noneCommand} language="shell" />
    </div>
  </div>
);
