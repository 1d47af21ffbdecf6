import { Fragment, type ReactElement } from "react";
import type { DescribedContent, DescribedResponse } from "../../src/portals/described-operation.ts";
import { Markdown } from "./markdown.tsx";
import { ParameterList } from "./parameters.tsx";
import { SchemaTree } from "./schema.tsx";
import { strings } from "./strings.ts";

const words = strings.operation;

/** The answers of an operation: a tab for each status, in plain HTML. */
export const Responses = ({ responses }: { readonly responses: readonly DescribedResponse[] }): ReactElement | null =>
  responses.length === 0 ? null : (
    <section className="mt-10" aria-labelledby="responses">
      <h2 id="responses" className="pb-1 text-lg font-semibold">
        {words.responses}
      </h2>
      <div className="tabs tab-status" role="radiogroup" aria-label={words.responseTabs}>
        {responses.map((response, index) => (
          <Fragment key={response.status}>
            <input
              type="radio"
              name="response"
              id={`response-${response.status}`}
              defaultChecked={index === firstShown(responses)}
              autoComplete="off"
            />
            <label htmlFor={`response-${response.status}`}>
              <StatusDot status={response.status} />
              {response.status}
            </label>
            <div className="tab-panel border-t border-line pt-3">
              <ResponsePanel response={response} />
            </div>
          </Fragment>
        ))}
      </div>
    </section>
  );

/** Which answer is shown first: what one hopes for. */
export const firstShown = (responses: readonly DescribedResponse[]): number =>
  Math.max(
    0,
    responses.findIndex((response) => response.status.startsWith("2")),
  );

/** The class of a status as a colour; the number beside it says the same. */
export const StatusDot = ({ status }: { readonly status: string }): ReactElement => (
  <span aria-hidden="true" className={`status-dot status-${status.charAt(0)}`} />
);

const ResponsePanel = ({ response }: { readonly response: DescribedResponse }): ReactElement => (
  <>
    {response.description === undefined ? null : (
      <Markdown text={response.description} className="text-sm text-ink-soft" />
    )}
    {response.content.length === 0 ? <p className="mt-2 text-sm text-ink-faint">{words.noBody}</p> : null}
    <Contents contents={response.content} />
    {response.headers.length === 0 ? null : (
      <>
        <h3 className="mt-4 text-sm font-semibold">{words.responseHeaders}</h3>
        <ParameterList parameters={response.headers} />
      </>
    )}
  </>
);

/** Bodies by media type. */
export const Contents = ({ contents }: { readonly contents: readonly DescribedContent[] }): ReactElement => (
  <>
    {contents.map((content) => (
      <div key={content.mediaTypes.join(" ")} className="mt-3">
        <p className="mb-1 flex flex-wrap items-center gap-1.5">
          {content.mediaTypes.map((mediaType) => (
            <code key={mediaType} className="chip !font-normal">
              {mediaType}
            </code>
          ))}
          {content.isStream ? <span className="text-[0.8125rem] text-ink-faint">{words.stream}</span> : null}
        </p>
        {content.schema === undefined ? null : <SchemaTree node={content.schema} />}
      </div>
    ))}
  </>
);
