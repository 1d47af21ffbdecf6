import { parentPort } from "node:worker_threads";
import type { XsltStylesheet } from "libxslt-wasm";
import type { XslResult, XslTask } from "./xsl-transformer.ts";

/*
 * The thread of `xsl-transformer.ts`. After a trap the library's memory is not to be trusted: whoever asked replaces the thread.
 */

// What the library prints are pieces of bodies, which belong in no log; what is wrong is answered.
console.log = () => {};
console.error = () => {};
console.warn = () => {};
const library = await import("libxslt-wasm");

const stylesheetsMax = 50;
const stylesheets = new Map<string, XsltStylesheet>();

const stylesheetOf = async (text: string): Promise<XsltStylesheet> => {
  const known = stylesheets.get(text);
  if (known !== undefined) return known;
  const made = await library.XsltStylesheet.fromXmlDocument(await library.XmlDocument.fromString(text));
  const oldest = stylesheets.keys().next();
  if (stylesheets.size >= stylesheetsMax && oldest.done !== true) {
    stylesheets.get(oldest.value)?.delete();
    stylesheets.delete(oldest.value);
  }
  stylesheets.set(text, made);
  return made;
};

/** XPath string literals have no escapes: a value with both quotes is put together. */
const xpathText = (value: string): string => {
  if (!value.includes("'")) return `'${value}'`;
  if (!value.includes('"')) return `"${value}"`;
  return `concat(${value
    .split("'")
    .map((part) => `'${part}'`)
    .join(`, "'", `)})`;
};

const run = async ({ id, stylesheet, xml, parameters }: XslTask): Promise<XslResult> => {
  const compiled = await stylesheetOf(stylesheet);
  let source: Awaited<ReturnType<typeof library.XmlDocument.fromString>>;
  try {
    source = await library.XmlDocument.fromString(xml);
  } catch {
    return { id, fault: "the body is no XML", isOfBody: true };
  }
  const values = Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, xpathText(value)]));
  const result = await compiled.apply(source, values);
  const text = String(await compiled.applyToString(result));
  result.delete();
  source.delete();
  return { id, text };
};

parentPort?.on("message", (task: XslTask) => {
  run(task).then(
    (result) => parentPort?.postMessage(result),
    (thrown: unknown) => {
      const fault = thrown instanceof Error ? thrown.message : String(thrown);
      parentPort?.postMessage({ id: task.id, fault, isOfBody: false } satisfies XslResult);
    },
  );
});
