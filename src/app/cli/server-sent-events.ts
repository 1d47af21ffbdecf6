/** An event of a stream, WHATWG HTML section 9.2. */
export interface ServerSentEvent {
  readonly event: string;
  readonly data: string;
  readonly id: string;
}

/** An event that has more is taken for something else than a stream of events. */
const eventCharactersMax = 1024 * 1024;

/** The events of a stream of bytes as they come; comments, which keep connections alive, are skipped. */
export async function* serverSentEvents(
  stream: AsyncIterable<Uint8Array>,
): AsyncGenerator<ServerSentEvent, void, void> {
  const decoder = new TextDecoder();
  let rest = "";
  let fields: Record<string, string> = {};
  for await (const chunk of stream) {
    rest += decoder.decode(chunk, { stream: true });
    if (rest.length > eventCharactersMax) throw new Error(`an event has more than ${eventCharactersMax} characters`);
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "") {
        if (fields.data !== undefined)
          yield { event: fields.event ?? "message", data: fields.data, id: fields.id ?? "" };
        fields = {};
        continue;
      }
      const [, name = "", value = ""] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
      if (name !== "") fields[name] = name === "data" && fields.data !== undefined ? `${fields.data}\n${value}` : value;
    }
  }
}
