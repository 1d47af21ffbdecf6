import type { ReactElement } from "react";
import type { DescribedParameter } from "../../src/portals/described-operation.ts";
import { Markdown } from "./markdown.tsx";
import { exampleText } from "./sample.ts";
import { Facts, Required, SchemaTree } from "./schema.tsx";
import { strings } from "./strings.ts";

const places = ["path", "query", "querystring", "header", "cookie"] as const;

/** The example of a text of which nothing is known. */
const meaningless = "string";

/** The parameters of an operation, by where they stand. */
export const Parameters = ({ parameters }: { readonly parameters: readonly DescribedParameter[] }): ReactElement => (
  <>
    {places.map((place) => {
      const here = parameters.filter((parameter) => parameter.in === place);
      return here.length === 0 ? null : (
        <section key={place} className="mt-10" aria-labelledby={`parameters-${place}`}>
          <h2 id={`parameters-${place}`} className="border-b border-line pb-2 text-lg font-semibold">
            {strings.operation.parameters[place]}
          </h2>
          <ParameterList parameters={here} />
        </section>
      );
    })}
  </>
);

/** Parameters or headers, one after the other. */
export const ParameterList = ({ parameters }: { readonly parameters: readonly DescribedParameter[] }): ReactElement => (
  <ul className="schema text-sm">
    {parameters.map((parameter) => (
      <li key={`${parameter.in} ${parameter.name}`}>
        <ParameterRow parameter={parameter} />
      </li>
    ))}
  </ul>
);

const ParameterRow = ({ parameter }: { readonly parameter: DescribedParameter }): ReactElement => {
  const { schema } = parameter;
  const example = exampleText(parameter);
  const isTree = schema !== undefined && schema.children.length > 0;
  // A parameter's own description stands first; its schema's would only say the same again.
  const hasOwn = parameter.description !== undefined;
  return (
    <>
      <p className="node">
        <code>{parameter.name}</code>
        {schema === undefined || isTree ? null : <span className="node-type">{schema.type}</span>}
        {parameter.isRequired ? <Required /> : null}
        {parameter.isDeprecated ? <span className="chip">{strings.operation.deprecated}</span> : null}
      </p>
      {parameter.description === undefined ? null : <Markdown text={parameter.description} className="node-text" />}
      {schema === undefined ? null : isTree ? (
        <SchemaTree node={schema} />
      ) : (
        <Facts node={schema} withoutDescription={hasOwn} />
      )}
      {example === "" || example === meaningless || schema?.enum !== undefined ? null : (
        <p className="node-note">
          {strings.operation.example} <code>{example}</code>
        </p>
      )}
    </>
  );
};
