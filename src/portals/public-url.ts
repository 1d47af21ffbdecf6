/**
 * The address that readers of a page can use. A server that listens on every address (`0.0.0.0`, `::`) has none of its own: the
 * name by which the page was asked for stands in.
 */
export const publicUrl = (url: string, request: Request): string => {
  const parsed = new URL(url);
  if (parsed.hostname !== "0.0.0.0" && parsed.hostname !== "[::]") return url.replace(/\/+$/, "");
  const host = request.headers.get("host") ?? new URL(request.url).host;
  const asked = `${parsed.protocol}//${host}`;
  if (!URL.canParse(asked)) return url.replace(/\/+$/, "");
  parsed.hostname = new URL(asked).hostname;
  return parsed.href.replace(/\/+$/, "");
};
