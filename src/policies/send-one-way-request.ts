import { z } from "zod";
import { messageOf } from "../base/fault.ts";
import { definePolicy, type Policy } from "../exchange/policy.ts";
import { sideCall, sideCallAttributes } from "../expressions/side-call.ts";

const inFlightMax = 256;
const schema = z.strictObject(sideCallAttributes);

interface InFlight {
  inFlight: number;
  dispose?(): void;
}

/** Calls a URL and does not wait; see docs. */
export const sendOneWayRequest: Policy = definePolicy({
  name: "send-one-way-request",
  group: "control",
  summary: "Calls a URL beside the exchange without waiting for the answer.",
  docs: `The attributes are those of \`send-request\`, without \`response-variable-name\` and \`ignore-error\`. The call goes on at once; an answer is thrown away, and a call that fails is a line of the log.
At most ${inFlightMax} such calls of one policy and thread are under way; what comes beyond is dropped with a warning.`,
  sections: ["inbound", "backend", "outbound", "on-error"],
  schema,
  examples: [
    {
      title: "Tell a chat",
      config: {
        "set-url": "https://hooks.internal.example/orders",
        "set-method": "POST",
        "set-body": { value: "={'text': 'order by ' + caller.organization}" },
        timeout: "5s",
      },
    },
  ],
  build: (config, tools) => {
    const prepare = sideCall(config, tools);
    const state = tools.shared(`send-one-way-request ${tools.at}`, (): InFlight => ({ inFlight: 0 }));
    return async (x) => {
      const { url, options } = await prepare(x);
      if (state.inFlight >= inFlightMax) {
        tools.log.warn("a one-way call was dropped: too many are under way", { requestId: x.id, inFlightMax });
        return;
      }
      state.inFlight += 1;
      const { id } = x;
      void tools
        .fetch(url, options)
        .catch((thrown: unknown) =>
          tools.log.warn("a one-way call failed", { requestId: id, reason: messageOf(thrown) }),
        )
        .finally(() => {
          state.inFlight -= 1;
        });
    };
  },
});
