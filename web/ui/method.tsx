import type { ReactElement } from "react";

const known = ["get", "post", "put", "patch", "delete", "head", "options", "query"];

/** The method of an operation, in its colour; the word itself says which. */
export const Method = ({ method }: { readonly method: string }): ReactElement => {
  const name = method.toLowerCase();
  return (
    <span className={known.includes(name) ? `method method-${name}` : "method"}>{shortNames[name] ?? method}</span>
  );
};

const shortNames: Readonly<Record<string, string>> = { delete: "DEL", options: "OPT" };
