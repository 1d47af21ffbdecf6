import { refuse } from "../../exchange/refuse.ts";
import { emptyReply, replyWith } from "../../exchange/reply.ts";
import { noTls, type TlsState } from "../../model/tls.ts";
import type { Dispatch, EngineExchange } from "../engine.ts";
import { WireExchange } from "../wire/wire-exchange.ts";

/** What happens to requests before they are routed, because of how they came. */
export interface Front {
  readonly dispatch: Dispatch;
  use(state: TlsState): void;
  /** Answers of HTTP-01 challenges by their token (RFC 8555 section 8.3). */
  takeChallenges(answers: Readonly<Record<string, string>>): void;
  /** The port that this gateway speaks HTTPS on; 0: none. */
  takeHttpsPort(port: number): void;
}

const challengePath = "/.well-known/acme-challenge/";

/** Answers challenges, sends plain callers to HTTPS where that is wanted, and sets HSTS; everything else goes on to `next`. */
export const createFront = (next: Dispatch): Front => {
  let { redirect, redirectPort, hsts } = noTls;
  let answers = new Map<string, string>();
  let httpsPort = 0;

  const answer = (x: EngineExchange, reply: Parameters<EngineExchange["answer"]>[0]): void => {
    x.isReusable = true;
    x.answer(reply);
  };

  return {
    dispatch: (x) => {
      if (x.request.scheme === "https") {
        // RFC 6797 section 7.2: only over HTTPS.
        if (hsts !== "") x.setReplyHeader("Strict-Transport-Security", hsts);
        next(x);
        return;
      }
      if (answers.size > 0 && x.request.path.startsWith(challengePath)) {
        const text = answers.get(x.request.path.slice(challengePath.length));
        if (text !== undefined) {
          answer(x, replyWith(200, "application/octet-stream", text));
          return;
        }
      }
      if (!redirect || httpsPort === 0 || cameByHttps(x)) {
        next(x);
        return;
      }
      const host = x.request.host.replace(/:\d*$/, "");
      if (host === "") {
        answer(x, refuse("request.host_invalid"));
        return;
      }
      const port = redirectPort === 0 ? httpsPort : redirectPort;
      const location = `https://${host}${port === 443 ? "" : `:${port}`}${x.request.originalTarget}`;
      // 308 keeps the method and the body (RFC 9110 section 15.4.9).
      answer(x, emptyReply(308, [["location", location]]));
    },
    use: (state) => {
      ({ redirect, redirectPort, hsts } = state);
    },
    takeChallenges: (given) => {
      answers = new Map(Object.entries(given));
    },
    takeHttpsPort: (port) => {
      httpsPort = port;
    },
  };
};

/** A trusted proxy in front has ended TLS itself. */
const cameByHttps = (x: EngineExchange): boolean =>
  x instanceof WireExchange &&
  x.client?.isPeerTrusted === true &&
  x.request.headers.get("x-forwarded-proto")?.trim().toLowerCase() === "https";
