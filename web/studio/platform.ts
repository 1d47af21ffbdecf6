// What the server says about the platform's other addresses, written into the page as it is sent.
const metaOf = (name: string): string | undefined =>
  document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)?.content || undefined;

/** What applications call. */
export const gatewayUrl: string = metaOf("portico-gateway") ?? "http://127.0.0.1:8080";

/** Where API users read; absent where no portal runs beside this studio. */
export const portalUrl: string | undefined = metaOf("portico-portal");

/** Where the studio itself stands: its command lines name it. */
export const studioUrl: string = location.origin;
