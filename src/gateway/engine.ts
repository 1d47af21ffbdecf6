import type {
  BesideBounds,
  BesideReply,
  Exchange,
  ExchangeOutcome,
  ForwardOptions,
  RouteFacts,
  Step,
} from "../exchange/exchange.ts";
import type { Recorder } from "../exchange/recorder.ts";
import type { Reply } from "../exchange/reply.ts";
import type { StreamSettings } from "./stream-settings.ts";
import type { BodySource } from "./wire/sides.ts";

/** What happens to a request on its way to a backend: each `sent` begins an attempt. */
export type UpstreamEvent = "queued" | "sent" | "reply" | "failed";

/** The recorder as the engine's own parts use it. */
export interface EngineRecorder extends Recorder {
  /**
   * `call` tells requests that run at once apart. `detail`: the place for `queued` and `sent`, the status for `reply`, the code for
   * `failed`.
   */
  upstream(call: object, event: UpstreamEvent, detail: string): void;
  /** A field was given to `setReplyHeader`. */
  replyHeader(name: string, value: string): void;
  /** What the next request to a backend says as `traceparent`; empty where the client's is handed on. */
  nextTraceparent(): string;
  /** A body is about to pass: the same one, perhaps with its first bytes kept. */
  tap(message: "request" | "reply", source: BodySource): BodySource;
}

/** A step that a policy left for the reply. */
export interface ReplyStep {
  readonly policy: string;
  readonly step: Step;
}

/**
 * An exchange as the engine's own parts see it: the wire makes it, the run decides about it. Exactly one of `answer` and
 * `deliver` is called, once; after it only the wire touches the exchange, which may end and be used again before the call returns.
 */
export interface EngineExchange extends Exchange {
  /** Set by the run when the route is found; before it a frozen object of empty strings. */
  route: RouteFacts;
  revision: number;
  fault: Exchange["fault"];
  record: EngineRecorder | null;
  /** The value of `Portico-Explain`, empty where the client sent none. */
  readonly explainToken: string;
  /** The client's `traceparent` where it is legal, else empty. */
  readonly clientTraceparent: string;
  /** Set by the run with the route: what upgraded connections and streams of events may do. */
  streams: StreamSettings;
  /** Whatever the run must keep with the exchange; one slot, so that the shape stays one. */
  runState: unknown;
  /**
   * Set to true by the run just before it concludes, if no step returned a promise: then nobody can still hold the exchange and the
   * object serves another request. Left false, the object is given to the garbage collector: always safe, a little slower.
   */
  isReusable: boolean;
  /** The client has gone: whatever is sent now reaches nobody. The run concludes all the same. */
  readonly isClientGone: boolean;
  /** Decoded parameters of the path, made on first use from what the router found. */
  setParams(make: () => Readonly<Record<string, string>>): void;
  /** Makes `x.reply` of a reply made here, so that outbound and on-error steps can change it; also done by `answer`. */
  setReply(reply: Reply): void;
  /** Gives up the reply that is there, so that the backend can be asked again. */
  dropReply(): void;
  /** Sends a reply made here, then ends the exchange; consumes or cuts off the rest of the request body as RFC 9112 section 9 asks. */
  answer(reply: Reply): void;
  /** Sends `x.reply` with the changes made to it, its body as a stream. */
  deliver(): void;
  /** Gives the steps of `onReply`, the last first, and forgets them; null where there are none. */
  takeReplySteps(): readonly ReplyStep[] | null;
  /** Asks those of `onBackendFault`, the last first, until one has a reply. */
  rescue(): Reply | undefined;
  /** How `x.askBeside` reaches the backend; set by the run. */
  besideAsker: ((x: EngineExchange, bounds: BesideBounds, then: (reply: BesideReply | null) => void) => void) | null;
  /** How `x.forward` reaches the backend; set by the run, since the run knows the backend. */
  forwarder: ((x: EngineExchange, options: ForwardOptions) => Promise<void>) | null;
}

/** What the wire hands each request to, when its head is complete and its framing is legal. Must not throw. */
export type Dispatch = (x: EngineExchange) => void;

/** Told about every exchange after its last byte or abort, also about requests refused before dispatch. */
export type Finished = (x: EngineExchange, outcome: ExchangeOutcome) => void;
