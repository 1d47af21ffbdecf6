/** Both applications keep the visitor's choice here, so that pages come in the right colours from the first byte. */
export const themeOf = (request: Request): "light" | "dark" | undefined => {
  const match = /(?:^|;\s*)portico-theme=(light|dark)(?:;|$)/.exec(request.headers.get("cookie") ?? "");
  return match?.[1] === "light" || match?.[1] === "dark" ? match[1] : undefined;
};
