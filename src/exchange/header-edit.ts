import { z } from "zod";
import type { Exchange } from "./exchange.ts";
import { type Headers, tokenPattern } from "./headers.ts";
import type { PolicyTools, Value } from "./policy.ts";
import { oneOrMany, textValue } from "./policy-schema.ts";

/** What happens where the thing to set is there already. */
export const existsActions = ["override", "skip", "append", "delete"] as const;
type ExistsAction = (typeof existsActions)[number];

/** The attributes of `set-header`, also where it stands within another policy. */
export const headerEditSchema = z.strictObject({
  name: z.string().min(1).max(4096),
  "exists-action": z.enum(existsActions).default("override"),
  value: oneOrMany(textValue, 50).optional(),
});

/** Fields that the engine owns: a policy that set them could split or merge messages (RFC 9112 section 11). */
const ownedNames = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** A change of one header, ready to be made to any headers. */
export interface HeaderEdit {
  readonly action: ExistsAction;
  /** The header's name; throws where an expression gives one that may not be set. */
  name(x: Exchange): string;
  values(x: Exchange): readonly string[];
  apply(x: Exchange, headers: Headers): void;
}

/** Builds a change of one header and reports its mistakes below `path`. */
export const headerEdit = (config: z.infer<typeof headerEditSchema>, path: string, tools: PolicyTools): HeaderEdit => {
  const name = tools.value(config.name, "string", `${path}.name`);
  const action = config["exists-action"];
  if (name.constant !== undefined) {
    if (!tokenPattern.test(name.constant)) tools.mistake(`${path}.name`, "not a legal header name");
    else if (ownedNames.has(name.constant.toLowerCase()))
      tools.mistake(`${path}.name`, `\`${name.constant}\` belongs to the engine and cannot be set by a policy`);
  }
  if (action === "delete" && config.value !== undefined) tools.mistake(`${path}.value`, "`delete` takes no value");
  if (action !== "delete" && (config.value === undefined || config.value.length === 0))
    tools.mistake(`${path}.value`, `\`${action}\` needs a value`);
  const values = (config.value ?? []).map((value, index) => tools.value(value, "string", `${path}.value[${index}]`));
  const nameOf = (x: Exchange): string => name.constant ?? checkedName(name.of(x));
  return {
    action,
    name: nameOf,
    values: (x) => values.map((value) => value.of(x)),
    apply: (x, headers) => change(x, headers, nameOf(x), action, values),
  };
};

const change = (
  x: Exchange,
  headers: Headers,
  name: string,
  action: ExistsAction,
  values: readonly Value<string>[],
): void => {
  if (action === "delete") {
    headers.delete(name);
    return;
  }
  if (action === "skip" && headers.has(name)) return;
  for (const [index, value] of values.entries()) {
    if (index === 0 && action !== "append") headers.set(name, value.of(x));
    else headers.append(name, value.of(x));
  }
};

const checkedName = (name: string): string => {
  if (!tokenPattern.test(name) || ownedNames.has(name.toLowerCase()))
    throw new RangeError(`a policy may not set the header ${JSON.stringify(name.slice(0, 80))}`);
  return name;
};
