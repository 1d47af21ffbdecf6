import { Fragment, type ReactElement, type ReactNode } from "react";
import type { SchemaNode } from "../../src/portals/described-operation.ts";
import { Markdown } from "./markdown.tsx";
import { strings } from "./strings.ts";

const words = strings.operation;

/** A schema as a list of its fields; deeper ones open by themselves, without script. */
export const SchemaTree = ({ node }: { readonly node: SchemaNode }): ReactElement => {
  const isPlain = node.children.length === 0;
  return (
    <div className="text-sm">
      <p className="flex flex-wrap items-center gap-2 pb-1 text-ink-soft">
        <TypeText node={node} />
        <Flags node={node} />
      </p>
      <Facts node={node} />
      {isPlain ? null : <Children node={node} />}
      {isPlain && node.isTruncated ? <p className="node-note">{words.truncated}</p> : null}
    </div>
  );
};

const Children = ({ node }: { readonly node: SchemaNode }): ReactElement => (
  <ul className="schema">
    {node.children.map((child, index) => (
      // biome-ignore lint/suspicious/noArrayIndexKey: rendered once, on the server
      <li key={index}>
        <SchemaRow node={child} />
      </li>
    ))}
    {node.isTruncated ? <li className="node-note">{words.truncated}</li> : null}
  </ul>
);

const SchemaRow = ({ node }: { readonly node: SchemaNode }): ReactElement => (
  <>
    <p className="node">
      <NodeName node={node} />
      <TypeText node={node} />
      {node.isRequired ? <Required /> : null}
      <Flags node={node} />
    </p>
    <Facts node={node} />
    {node.isRecursive ? <p className="node-note">{words.recursive}</p> : null}
    {node.children.length > 0 ? (
      <details>
        <summary>{words.fields(node.children.length)}</summary>
        <Children node={node} />
      </details>
    ) : null}
    {node.children.length === 0 && node.isTruncated && !node.isRecursive ? (
      <p className="node-note">{words.truncated}</p>
    ) : null}
  </>
);

const NodeName = ({ node }: { readonly node: SchemaNode }): ReactElement => {
  if (node.role === "property") return <code>{node.name}</code>;
  const text = node.role === "choice" ? words.oneOf : node.role === "additional" ? words.additional : words.items;
  return <i>{text}</i>;
};

const TypeText = ({ node }: { readonly node: SchemaNode }): ReactElement => (
  <span className="node-type">
    {node.type}
    {node.refName === undefined || node.type.includes(node.refName) ? null : (
      <span className="text-ink-faint"> {node.refName}</span>
    )}
  </span>
);

/** The mark of what must be given. */
export const Required = (): ReactElement => <span className="node-required">{words.required}</span>;

const Flags = ({ node }: { readonly node: SchemaNode }): ReactNode => {
  const flags = [
    node.isDeprecated ? words.deprecated : undefined,
    node.isReadOnly ? words.readOnly : undefined,
    node.isWriteOnly ? words.writeOnly : undefined,
  ].filter((flag) => flag !== undefined);
  return flags.map((flag) => (
    <span key={flag} className="chip">
      {flag}
    </span>
  ));
};

/** What a schema says beside its type: description, bounds, allowed values, default. */
export const Facts = ({
  node,
  withoutDescription = false,
}: {
  readonly node: SchemaNode;
  readonly withoutDescription?: boolean;
}): ReactElement => (
  <>
    {node.description === undefined || withoutDescription ? null : (
      <Markdown text={node.description} className="node-text" />
    )}
    {node.constraints.length === 0 ? null : <p className="node-note">{node.constraints.join(", ")}</p>}
    {node.enum === undefined ? null : (
      <p className="node-note">
        {words.enum}
        {node.enum.map((value) => (
          <Fragment key={valueText(value)}>
            {" "}
            <code>{valueText(value)}</code>
          </Fragment>
        ))}
      </p>
    )}
    {node.default === undefined || node.default === null ? null : (
      <p className="node-note">
        {words.default} <code>{valueText(node.default)}</code>
      </p>
    )}
  </>
);

const valueText = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
