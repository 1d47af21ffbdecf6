/**
 * Whether a request comes from a page of this origin. Browsers say so in `Sec-Fetch-Site` (Fetch Metadata) or, for a POST, in
 * `Origin`; a request that says neither comes from no browser page and is refused as well: the relay is for pages only.
 */
export const isSameOrigin = (request: Request): boolean => {
  const site = request.headers.get("sec-fetch-site");
  if (site !== null && site !== "same-origin") return false;
  const origin = request.headers.get("origin");
  if (origin === null) return site === "same-origin";
  const host = request.headers.get("host") ?? new URL(request.url).host;
  return URL.canParse(origin) && new URL(origin).host === host;
};
