import type { ReactElement } from "react";
import type { ApiView, GatewayView } from "./shapes.ts";
import { strings } from "./strings.ts";

const words = strings.state;

/** How far one gateway is with one API at a revision. */
type GatewayState = "applied" | "applying" | "away" | "error";

/** The gateways that an API goes to. */
const gatewaysOf = (api: Pick<ApiView, "gateways">, gateways: readonly GatewayView[]): readonly GatewayView[] =>
  gateways.filter((gateway) => !api.gateways?.length || api.gateways.some((label) => gateway.labels.includes(label)));

/** A gateway runs a revision when it reported it or a later one, and the API compiled there. */
const stateOf = (gateway: GatewayView, api: string, revision: number): GatewayState => {
  if (!gateway.isConnected) return "away";
  if (gateway.revision < revision) return "applying";
  return gateway.unitErrors.some((error) => error.api === api) ? "error" : "applied";
};

const chips: Readonly<Record<GatewayState, { readonly mark: string; readonly className: string }>> = {
  applied: { mark: "✓", className: "chip chip-good" },
  applying: { mark: "…", className: "chip chip-accent" },
  away: { mark: "○", className: "chip" },
  error: { mark: "!", className: "chip chip-bad" },
};

/** The state of one gateway in a word and a mark, never by colour alone. */
const StateChip = ({ state }: { readonly state: GatewayState }): ReactElement => (
  <span className={chips[state].className} data-state={state}>
    <span aria-hidden="true" className={state === "applying" ? "pulse" : undefined}>
      {chips[state].mark}
    </span>
    {words[state]}
  </span>
);

/** `desired r42 · eu-1 r42 ✓ applied`: the truth per gateway instead of a banner. */
export const GatewayStates = ({
  api,
  revision,
  gateways,
}: {
  readonly api: Pick<ApiView, "name" | "gateways">;
  readonly revision: number;
  readonly gateways: readonly GatewayView[];
}): ReactElement => {
  const mine = gatewaysOf(api, gateways);
  if (mine.length === 0) return <p className="text-sm text-ink-faint">{words.none}</p>;
  return (
    <ul className="flex flex-col gap-1.5 text-sm" aria-live="polite">
      {mine.map((gateway) => (
        <li key={gateway.instance} className="flex flex-wrap items-center gap-2">
          <code className="[overflow-wrap:anywhere]">{gateway.instance}</code>
          <span className="text-ink-faint">{words.at(gateway.revision)}</span>
          <StateChip state={stateOf(gateway, api.name, revision)} />
        </li>
      ))}
    </ul>
  );
};

/** The same for a row of a list: one chip for all gateways. */
export const StateSummary = ({
  api,
  gateways,
}: {
  readonly api: ApiView;
  readonly gateways: readonly GatewayView[];
}): ReactElement => {
  const states = gatewaysOf(api, gateways)
    .map((gateway) => stateOf(gateway, api.name, api.revision))
    .filter((state) => state !== "away");
  if (states.length === 0) return <span className="chip">{strings.common.none}</span>;
  const applied = states.filter((state) => state === "applied").length;
  const state = states.includes("error") ? "error" : applied === states.length ? "applied" : "applying";
  const { mark, className } = chips[state];
  return (
    <span className={className} data-state={state}>
      <span aria-hidden="true">{mark}</span>
      {state === "error"
        ? words.error
        : state === "applied"
          ? words.all(states.length)
          : words.some(applied, states.length)}
    </span>
  );
};
