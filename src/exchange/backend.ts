import type { z } from "zod";
import type { Exchange, ForwardOptions } from "./exchange.ts";
import type { Reply } from "./reply.ts";

/**
 * Told once: nothing, when the engine has the reply's head in `x.reply`; a reply that the backend made itself, which goes on to
 * `outbound` like any other; or a refusal (with `problem`), which is a fault of the call.
 */
export type Settled = (reply: Reply | undefined) => void;

/** Something that answers calls. Either sets the exchange's reply through its tools, or settles with a reply made here. */
export interface BuiltBackend {
  send(x: Exchange, options: ForwardOptions, settled: Settled): void;
  dispose(): void;
}

/** A target of the engine's HTTP client. */
export interface UpstreamTarget {
  readonly url: string;
  readonly connectTimeoutMs: number;
  readonly timeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly connectionsMax: number;
  readonly pendingMax: number;
  readonly preserveHost: boolean;
  readonly tls: { readonly serverName?: string; readonly ca?: string; readonly verify: boolean };
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly query: readonly (readonly [name: string, value: string])[];
}

/** What a backend kind is built with. */
export interface BackendTools {
  readonly at: string;
  mistake(path: string, message: string): void;
  /** The engine's HTTP/1.1 client to one target, with its pool of connections: they outlive swaps while the target is the same. */
  upstream(target: UpstreamTarget): BuiltBackend;
  /** Mock answers of an operation, from its document. */
  mocksOf(
    operation: string,
  ): readonly { readonly status: number; readonly mediaType?: string; readonly body?: string }[];
}

/** A kind of backend: its schema checks `backends/NAME.yaml`, `build` makes what answers. */
export interface BackendKind {
  readonly kind: string;
  readonly summary: string;
  readonly schema: z.ZodType<unknown>;
  build(config: unknown, tools: BackendTools): BuiltBackend;
}

/** Makes a kind of its definition, with the configuration's type inside only. */
export const defineBackend = <C>(definition: {
  readonly kind: string;
  readonly summary: string;
  readonly schema: z.ZodType<C>;
  build(config: C, tools: BackendTools): BuiltBackend;
}): BackendKind => ({
  ...definition,
  build: (config, tools) => definition.build(definition.schema.parse(config), tools),
});
