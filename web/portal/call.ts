import { islandStrings as words } from "./island-strings.ts";

const keyStore = "portico-key";
const tokenStore = "portico-token";
const keyHeader = "x-portico-key";

/** Bytes of an answer that are shown; the rest is counted. */
const shownBytesMax = 512 * 1024;

const prepared = new WeakSet<HTMLFormElement>();

/** Shows the form and puts the cursor where something is missing. */
export const openCallForm = (form: HTMLFormElement, opener: HTMLElement): void => {
  prepare(form, opener);
  form.hidden = false;
  opener.setAttribute("aria-expanded", "true");
  const empty = fieldsOf(form).find(
    (field) => field.value === "" && (field.dataset.call === "key" || isRequired(field)),
  );
  const first = empty ?? fieldsOf(form).find((field) => field.offsetParent !== null);
  (first ?? form.querySelector<HTMLElement>("[type=submit]"))?.focus();
};

const prepare = (form: HTMLFormElement, opener: HTMLElement): void => {
  if (prepared.has(form)) return;
  prepared.add(form);
  let running: AbortController | undefined;

  const close = (): void => {
    running?.abort();
    form.hidden = true;
    opener.setAttribute("aria-expanded", "false");
    opener.focus();
  };
  for (const [kind, store] of [
    ["key", keyStore],
    ["token", tokenStore],
  ] as const) {
    const field = fieldOf(form, kind);
    if (field === null) continue;
    field.value = sessionStorage.getItem(store) ?? "";
    field.addEventListener("input", () => sessionStorage.setItem(store, field.value.trim()));
  }
  form.querySelector("[data-call-close]")?.addEventListener("click", close);
  form.querySelector("[data-call-stop]")?.addEventListener("click", () => running?.abort());
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    running?.abort();
    running = new AbortController();
    void send(form, running.signal);
  });
};

type Field = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

const fieldsOf = (form: HTMLFormElement): readonly Field[] => [...form.querySelectorAll<Field>("[data-call]")];
const fieldOf = (form: HTMLFormElement, kind: string): Field | null =>
  form.querySelector<Field>(`[data-call="${kind}"]`);
const isRequired = (field: Field): boolean => field.dataset.required !== undefined;

/** What the person must change before the call can be sent. */
class Mistake extends Error {
  readonly field: Field;
  constructor(message: string, field: Field) {
    super(message);
    this.field = field;
  }
}

interface Instructions {
  readonly pathParams: Record<string, string>;
  readonly query: Record<string, string>;
  readonly headers: Record<string, string>;
  body?: string;
}

const instructionsOf = (form: HTMLFormElement): Instructions => {
  const instructions: Instructions = { pathParams: {}, query: {}, headers: {} };
  for (const field of fieldsOf(form)) {
    field.removeAttribute("aria-invalid");
    if (field.dataset.call !== "parameter") continue;
    const name = field.dataset.name ?? "";
    if (field.value === "") {
      if (isRequired(field)) throw new Mistake(words.required(name), field);
      continue;
    }
    const place = field.dataset.in;
    if (place === "path") instructions.pathParams[name] = field.value;
    if (place === "query" || place === "querystring") instructions.query[name] = field.value;
    if (place === "header") instructions.headers[name] = field.value;
  }
  const more = fieldOf(form, "headers");
  for (const line of (more?.value ?? "").split("\n")) {
    if (line.trim() === "" || more === null) continue;
    const [, name, value] = /^\s*([^\s:]+)\s*:\s*(.*?)\s*$/.exec(line) ?? [];
    if (name === undefined || value === undefined) throw new Mistake(words.badHeader(line.trim()), more);
    instructions.headers[name] = value;
  }
  const token = fieldOf(form, "token")?.value.trim() ?? "";
  if (token !== "") instructions.headers.Authorization ??= `Bearer ${token}`;
  const body = fieldOf(form, "body");
  if (body !== null && body.value !== "") {
    instructions.body = body.value;
    const hasType = Object.keys(instructions.headers).some((name) => name.toLowerCase() === "content-type");
    if (!hasType) instructions.headers["Content-Type"] = body.dataset.mediaType ?? "application/json";
  }
  return instructions;
};

const send = async (form: HTMLFormElement, signal: AbortSignal): Promise<void> => {
  const problem = form.querySelector<HTMLElement>("[data-call-problem]");
  const result = form.querySelector<HTMLElement>("[data-call-result]");
  const stop = form.querySelector<HTMLElement>("[data-call-stop]");
  if (problem === null || result === null || stop === null) return;
  problem.textContent = "";
  let instructions: Instructions;
  try {
    instructions = instructionsOf(form);
  } catch (thrown) {
    if (!(thrown instanceof Mistake)) throw thrown;
    problem.textContent = thrown.message;
    thrown.field.setAttribute("aria-invalid", "true");
    thrown.field.focus();
    return;
  }
  const view = openView(result);
  stop.hidden = false;
  form.setAttribute("aria-busy", "true");
  try {
    const key = fieldOf(form, "key")?.value.trim() ?? "";
    const response = await fetch(form.dataset.relay ?? "", {
      method: "POST",
      headers: { "content-type": "application/json", ...(key === "" ? {} : { [keyHeader]: key }) },
      body: JSON.stringify(instructions),
      signal,
    });
    if (response.headers.get("x-relay-status") === null) {
      const refusal: unknown = await response.json();
      result.hidden = true;
      problem.textContent =
        refusal !== null && typeof refusal === "object" && "detail" in refusal
          ? String(refusal.detail)
          : words.noAnswer;
      return;
    }
    await showAnswer(view, response);
  } catch {
    // Stopped by the person, or the portal cannot be reached: both are told.
    if (signal.aborted) view.note(words.stopped);
    else problem.textContent = result.dataset.state === "receiving" ? words.broke : words.noAnswer;
    if (result.dataset.state === "sending") result.hidden = true;
  } finally {
    stop.hidden = true;
    form.removeAttribute("aria-busy");
  }
};

interface View {
  readonly result: HTMLElement;
  head(status: number, text: string, timeMs: string): void;
  size(bytes: number): void;
  headers(fields: readonly (readonly [string, string])[]): void;
  body(text: string, isJson?: boolean): void;
  note(text: string): void;
}

const element = (tag: string, className: string, text = ""): HTMLElement => {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
};

const openView = (result: HTMLElement): View => {
  const line = element("p", "flex flex-wrap items-center gap-x-3 gap-y-1 text-sm", words.sending);
  // Said aloud once it is known; what grows below is there to be read, not to be listened to.
  line.setAttribute("role", "status");
  const size = element("p", "text-[0.8125rem] text-ink-faint empty:hidden");
  const note = element("p", "text-[0.8125rem] text-ink-soft empty:hidden mt-1");
  const details = element("details", "mt-2 text-[0.8125rem]");
  const list = element("dl", "mt-1 grid gap-x-3 gap-y-0.5 font-mono text-xs");
  details.append(element("summary", "text-ink-soft", words.headers), list);
  details.hidden = true;
  const block = element("div", "code-block mt-2");
  const pre = element("pre", "max-h-96 overflow-auto");
  pre.tabIndex = 0;
  pre.setAttribute("role", "region");
  pre.setAttribute("aria-label", words.body);
  block.append(pre);
  block.hidden = true;
  result.replaceChildren(line, size, note, details, block);
  result.hidden = false;
  result.dataset.state = "sending";
  return {
    result,
    head: (status, text, timeMs) => {
      const dot = element("span", `status-dot status-${String(status).charAt(0)}`);
      line.replaceChildren(
        dot,
        element("strong", "font-mono font-semibold", `${status} ${text}`.trim()),
        element("span", "text-ink-faint", `${timeMs} ms`),
      );
    },
    size: (bytes) => {
      size.textContent = words.bytes(bytes);
    },
    headers: (fields) => {
      list.replaceChildren(
        ...fields.map(([name, value]) => {
          const row = element("div", "[overflow-wrap:anywhere]");
          row.append(element("dt", "inline text-ink-faint", `${name}: `), element("dd", "inline", value));
          return row;
        }),
      );
      details.hidden = fields.length === 0;
    },
    body: (text, isJson = false) => {
      pre.replaceChildren(...(isJson && text.length <= colouredLengthMax ? coloured(text) : [text]));
      block.hidden = text === "";
    },
    note: (text) => {
      note.textContent = text;
    },
  };
};

const showAnswer = async (view: View, response: Response): Promise<void> => {
  const status = Number(response.headers.get("x-relay-status"));
  const text = decodeURIComponent(response.headers.get("x-relay-status-text") ?? "");
  const timeMs = Math.round(Number(response.headers.get("x-relay-time-ms"))).toString();
  const fields = fieldsFrom(response.headers.get("x-relay-headers"));
  const mediaType = fields.find(([name]) => name.toLowerCase() === "content-type")?.[1] ?? "";
  view.result.dataset.state = "receiving";
  view.result.dataset.status = String(status);
  view.head(status, text, timeMs);
  view.headers(fields);
  view.note(words.receiving);
  const isText = mediaType === "" || /json|text|xml|yaml|javascript|urlencoded|event-stream/i.test(mediaType);
  const decoder = new TextDecoder();
  let shown = "";
  let bytes = 0;
  const reader = response.body?.getReader();
  for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
    if (isText && bytes < shownBytesMax) shown += decoder.decode(part.value, { stream: true });
    bytes += part.value.byteLength;
    view.size(bytes);
    // Events are worth seeing as they come; JSON only once it is whole.
    if (isText) view.body(shown);
  }
  if (isText) view.body(pretty(shown, mediaType), /json/i.test(mediaType));
  view.result.dataset.state = "done";
  view.note(noteOf(status, bytes, isText));
};

const noteOf = (status: number, bytes: number, isText: boolean): string => {
  const why = words.why[status];
  if (why !== undefined) return why;
  if (bytes === 0) return words.empty;
  if (!isText) return words.binary(words.bytes(bytes));
  return bytes > shownBytesMax ? words.cut : "";
};

const pretty = (text: string, mediaType: string): string => {
  if (!/json/i.test(mediaType) || /jsonl|ndjson|json-seq/i.test(mediaType)) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    // What calls itself JSON and is none is shown as it came.
    return text;
  }
};

/** Longer answers are shown plain: a span for each word of them would make the page slow. */
const colouredLengthMax = 50_000;
const jsonWord = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\b\d[\d.eE+-]*/g;

/** JSON with its names and values in colour. Texts become text nodes: nothing of an answer is ever markup. */
const coloured = (text: string): readonly (string | Node)[] => {
  const parts: (string | Node)[] = [];
  let at = 0;
  for (const match of text.matchAll(jsonWord)) {
    const word = match[1] ?? match[0];
    const kind =
      match[1] === undefined ? (/^[tfn]/.test(word) ? "word" : "number") : match[2] === undefined ? "string" : "name";
    parts.push(text.slice(at, match.index), element("span", `c-${kind}`, word));
    at = match.index + word.length;
  }
  return [...parts, text.slice(at)];
};

const fieldsFrom = (text: string | null): readonly (readonly [string, string])[] => {
  const value: unknown = JSON.parse(decodeURIComponent(text ?? "%5B%5D"));
  if (!Array.isArray(value)) return [];
  return value.flatMap((pair: unknown) =>
    Array.isArray(pair) && pair.length === 2 ? [[String(pair[0]), String(pair[1])] as const] : [],
  );
};
