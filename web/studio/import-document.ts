import type { components } from "../ui/generated/management.ts";

type ImportRequest = components["schemas"]["ImportRequest"];

/** The most bytes that a document may have. */
export const documentBytesMax = 32 * 1024 * 1024;

/** A document as it is sent: by content, or by address. */
export type ImportSource = { readonly fileName: string; readonly contentBase64: string } | { readonly url: string };

/** How an API is to be published; empty fields are left to the platform. */
export interface ImportForm {
  readonly name: string;
  readonly path: string;
  readonly protect: "" | "key" | "jwt" | "none";
  readonly backend: string;
}

export const emptyForm: ImportForm = { name: "", path: "", protect: "", backend: "" };

/** The body of `POST /apis:import`. */
export const importBody = (source: ImportSource, form: ImportForm, dryRun: boolean): ImportRequest => {
  const [name, path, backend] = [form.name.trim(), form.path.trim(), form.backend.trim()];
  return {
    document: source,
    dryRun,
    ...(name === "" ? {} : { name }),
    ...(path === "" ? {} : { path }),
    ...(form.protect === "" ? {} : { protect: form.protect }),
    ...(backend === "" ? {} : { backend }),
  };
};

/** Narrows a text to a protection of the form. */
export const protectOf = (text: string): ImportForm["protect"] =>
  text === "key" || text === "jwt" || text === "none" ? text : "";

/** Bytes in base64, in pieces: a whole document as arguments of one call would overflow the stack. */
export const base64Of = (bytes: Uint8Array): string => {
  let binary = "";
  for (let at = 0; at < bytes.length; at += 0x8000) binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(binary);
};

/** What a pasted text is most likely called. */
export const pastedName = (text: string): string =>
  text.trimStart().startsWith("{") ? "openapi.json" : "openapi.yaml";

/** A size in words. */
export const sizeText = (bytes: number): string =>
  bytes < 1024
    ? `${bytes} B`
    : bytes < 1024 * 1024
      ? `${Math.round(bytes / 1024)} KB`
      : `${(bytes / 1048576).toFixed(1)} MB`;
