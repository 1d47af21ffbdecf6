import type { ReactElement } from "react";
import type { DescribedOperation, DescribedParameter } from "../../src/portals/described-operation.ts";
import type { PortalApi } from "../../src/portals/portal-api.ts";
import { relayPath } from "./links.ts";
import { bodyOf, exampleText } from "./sample.ts";
import { strings } from "./strings.ts";

const words = strings.form;

/** The form of "Try it": made on the server, hidden until it is asked for; its script comes with the first click. */
export const CallForm = ({
  api,
  operation,
  protections,
}: {
  readonly api: PortalApi;
  readonly operation: DescribedOperation;
  readonly protections: readonly ("key" | "jwt")[];
}): ReactElement => {
  const parameters = operation.parameters.filter((parameter) => parameter.in !== "cookie");
  const body = bodyOf(operation);
  return (
    <form
      id="call"
      className="call-form card gap-4 p-4"
      hidden
      data-relay={relayPath(api.name, operation.id)}
      data-method={operation.method}
      aria-labelledby="call-title"
      noValidate
      autoComplete="off"
    >
      <div className="flex items-center gap-3">
        <h2 id="call-title" className="text-base font-semibold">
          {words.title}
        </h2>
        <button type="button" className="button button-quiet -mr-2 ml-auto" data-call-close>
          {words.close}
        </button>
      </div>
      {protections.includes("key") ? (
        <label className="flex flex-col gap-1 text-sm font-medium">
          {words.key}
          <input
            className="field font-mono"
            type="password"
            data-call="key"
            autoComplete="off"
            spellCheck={false}
            aria-describedby="call-key-hint"
          />
          <span id="call-key-hint" className="text-xs font-normal text-ink-faint">
            {words.keyHint}
          </span>
        </label>
      ) : null}
      {protections.includes("jwt") ? (
        <label className="flex flex-col gap-1 text-sm font-medium">
          {words.token}
          <input className="field font-mono" type="password" data-call="token" autoComplete="off" spellCheck={false} />
        </label>
      ) : null}
      {parameters.length === 0 ? null : (
        <fieldset className="flex flex-col gap-3">
          <legend className="mb-2 text-sm font-semibold">{words.parameters}</legend>
          {parameters.map((parameter) => (
            <ParameterField key={`${parameter.in} ${parameter.name}`} parameter={parameter} />
          ))}
        </fieldset>
      )}
      {body === undefined ? null : (
        <label className="flex flex-col gap-1 text-sm font-medium">
          <span className="flex items-baseline gap-2">
            {words.body}
            <code className="text-xs font-normal text-ink-faint">{body.mediaType}</code>
          </span>
          <textarea
            className="field min-h-40 font-mono !text-[0.8125rem] leading-relaxed"
            data-call="body"
            data-media-type={body.mediaType}
            defaultValue={body.text}
            spellCheck={false}
            rows={Math.min(14, Math.max(5, body.text.split("\n").length))}
          />
        </label>
      )}
      <details className="text-sm">
        <summary className="text-ink-soft">{words.moreHeaders}</summary>
        <label className="mt-2 flex flex-col gap-1 text-xs text-ink-faint">
          {words.moreHeadersHint}
          <textarea className="field font-mono !text-[0.8125rem]" data-call="headers" rows={2} spellCheck={false} />
        </label>
      </details>
      <div className="flex items-center gap-3">
        <button type="submit" className="button button-primary">
          {words.send}
        </button>
        <button type="button" className="button" data-call-stop hidden>
          {words.cancel}
        </button>
        <span className="ml-auto hidden text-xs text-ink-faint sm:block">
          <kbd className="key-cap">Ctrl</kbd> <kbd className="key-cap">↵</kbd>
        </span>
      </div>
      <p className="text-sm text-bad empty:hidden" role="alert" data-call-problem />
      <div data-call-result hidden />
    </form>
  );
};

const ParameterField = ({ parameter }: { readonly parameter: DescribedParameter }): ReactElement => {
  const shared = {
    className: "field font-mono !text-[0.8125rem]",
    "data-call": "parameter",
    "data-in": parameter.in,
    "data-name": parameter.name,
    "data-required": parameter.isRequired ? "" : undefined,
    "aria-required": parameter.isRequired,
  };
  const options = parameter.schema?.enum?.filter((value) => value !== null).map(String);
  // What is optional starts empty: an example that is sent unasked would filter answers away.
  const initial = parameter.isRequired ? exampleText(parameter) : "";
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the control is the input or the select below
    <label className="flex flex-col gap-1 text-sm">
      <span className="flex flex-wrap items-baseline gap-x-2">
        <code className="font-medium break-all">{parameter.name}</code>
        <span className="text-xs text-ink-faint">{parameter.in}</span>
        {parameter.isRequired ? (
          <span className="text-xs font-medium text-warn">{strings.operation.required}</span>
        ) : null}
      </span>
      {options === undefined || options.length === 0 ? (
        <input
          {...shared}
          type="text"
          defaultValue={initial}
          placeholder={parameter.isRequired ? undefined : exampleText(parameter)}
          spellCheck={false}
        />
      ) : (
        <select {...shared} defaultValue={initial}>
          {parameter.isRequired ? null : <option value="" />}
          {options.map((option) => (
            <option key={option} value={option}>
              {option}
            </option>
          ))}
        </select>
      )}
    </label>
  );
};
