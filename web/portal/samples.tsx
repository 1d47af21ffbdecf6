import { Fragment, type ReactElement } from "react";
import type { DescribedOperation } from "../../src/portals/described-operation.ts";
import { CodeText, CopyButton } from "./code.tsx";
import { firstShown, StatusDot } from "./responses.tsx";
import { curlText, isJson, type Sample, typescriptText } from "./sample.ts";
import { strings } from "./strings.ts";

const words = strings.samples;

/** The call in two languages. */
export const RequestSample = ({ sample }: { readonly sample: Sample }): ReactElement => {
  const languages = [
    { id: "curl", title: words.curl, text: curlText(sample), language: "shell" },
    { id: "typescript", title: words.typescript, text: typescriptText(sample), language: "typescript" },
  ] as const;
  return (
    <section className="code-block" aria-label={words.request}>
      <div className="tabs tab-code" role="radiogroup" aria-label={words.languages}>
        {languages.map(({ id, title, text, language }, index) => (
          <Fragment key={id}>
            <input type="radio" name="language" id={`language-${id}`} defaultChecked={index === 0} autoComplete="off" />
            <label htmlFor={`language-${id}`}>{title}</label>
            <div className="tab-panel [&>pre]:max-h-96" data-copy-from>
              <CodeText text={text} language={language} label={title} />
              {/* Below the text: over it, it would hide the end of a line in a narrow window. */}
              <p className="flex min-h-9 items-center border-t border-code-line pr-1 pl-4 text-xs text-code-faint">
                <CopyButton />
              </p>
            </div>
          </Fragment>
        ))}
      </div>
    </section>
  );
};

/** An example of each answer. */
export const ResponseSample = ({ operation }: { readonly operation: DescribedOperation }): ReactElement | null => {
  const responses = operation.responses.filter((response) => response.content.some((one) => one.examples.length > 0));
  if (responses.length === 0) return null;
  return (
    <section className="code-block" aria-label={words.response}>
      <div className="tabs tab-code" role="radiogroup" aria-label={words.responseStatus}>
        {responses.map((response, index) => {
          const content = response.content.find((one) => one.examples.length > 0);
          const example = content?.examples[0];
          return example === undefined ? null : (
            <Fragment key={response.status}>
              <input
                type="radio"
                name="example"
                id={`example-${response.status}`}
                defaultChecked={index === firstShown(responses)}
                autoComplete="off"
              />
              <label htmlFor={`example-${response.status}`} className="gap-2 font-mono">
                <StatusDot status={response.status} />
                {response.status}
              </label>
              <div className="tab-panel [&>pre]:max-h-96" data-copy-from>
                <CodeText
                  text={example.text}
                  language={isJson(example.mediaType) ? "json" : "text"}
                  label={`${words.response} ${response.status}`}
                />
                <p className="flex min-h-9 items-center gap-2 border-t border-code-line pr-1 pl-4 text-xs text-code-faint">
                  <span className="truncate">{example.mediaType}</span>
                  <span aria-hidden="true">·</span>
                  <span className="whitespace-nowrap">
                    {example.isTruncated ? words.shortened : example.isGiven ? words.given : words.generated}
                  </span>
                  <CopyButton />
                </p>
              </div>
            </Fragment>
          );
        })}
      </div>
    </section>
  );
};
