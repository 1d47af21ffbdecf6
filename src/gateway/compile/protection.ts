import type { Exchange, Step, StepResult } from "../../exchange/exchange.ts";
import type { Reply } from "../../exchange/reply.ts";
import { type CompiledStep, isWaiting } from "./compiled-step.ts";

/** What a protection is called in `protect`, the policy that does it, and the challenge of its 401. */
export const protections = {
  key: { policy: "key-auth", challenge: 'ApiKey header="X-API-Key"', missing: "key.missing" },
  jwt: { policy: "validate-jwt", challenge: "Bearer", missing: "token.missing" },
} as const;
export type ProtectionKind = keyof typeof protections;

/** A protection's name and its built policy. */
export interface BuiltProtection {
  readonly kind: ProtectionKind;
  readonly step: CompiledStep;
}

/**
 * The step that runs before everything else. Of several protections any one suffices; they are tried in order. Where all refuse,
 * the caller hears about the credential that was sent rather than about the one that was not. A 401 says how to do better
 * (RFC 9110 section 15.5.2).
 */
export const protectionStep = (alternatives: readonly BuiltProtection[]): CompiledStep | null => {
  const [first, second] = alternatives;
  if (first === undefined) return null;
  const challenges = alternatives.map((one) => protections[one.kind].challenge);
  const step = second === undefined ? challenging(first.step.step, challenges) : anyOf(alternatives, challenges);
  return { ...first.step, step };
};

const challenging =
  (step: Step, challenges: readonly string[]): Step =>
  (x) => {
    const result = step(x);
    if (result === undefined) return undefined;
    return isWaiting(result) ? result.then((reply) => challenged(reply, challenges)) : challenged(result, challenges);
  };

const anyOf =
  (alternatives: readonly BuiltProtection[], challenges: readonly string[]): Step =>
  (x) => {
    // The usual case, a valid key in first place, is answered without waiting.
    const result = alternatives[0]?.step.step(x);
    if (result === undefined) {
      x.record?.note("admitted by", alternatives[0]?.kind ?? "");
      return undefined;
    }
    return tryRest(alternatives, challenges, x, result);
  };

const tryRest = async (
  alternatives: readonly BuiltProtection[],
  challenges: readonly string[],
  x: Exchange,
  first: StepResult | Promise<StepResult>,
): Promise<Reply | undefined> => {
  let refusal: Reply | undefined;
  for (const [index, alternative] of alternatives.entries()) {
    const reply = index === 0 ? await first : await alternative.step.step(x);
    if (reply === undefined) {
      x.record?.note("admitted by", alternative.kind);
      return undefined;
    }
    x.record?.note(`refused by ${alternative.kind}`, reply.problem?.code ?? String(reply.status));
    const isAbsent = reply.problem?.code === protections[alternative.kind].missing;
    if (refusal === undefined || (!isAbsent && isAboutAbsence(refusal))) refusal = reply;
  }
  return challenged(refusal, challenges);
};

const isAboutAbsence = (reply: Reply): boolean =>
  Object.values(protections).some((row) => row.missing === reply.problem?.code);

// biome-ignore lint/suspicious/noConfusingVoidType: a step that lets the call pass may simply not return.
const challenged = (reply: Reply | undefined | void, challenges: readonly string[]): Reply | undefined => {
  if (reply === undefined) return undefined;
  if (reply.status !== 401) return reply;
  // The policy that refused names its own challenge, with the error in it; the others that would do are added.
  const named = reply.headers
    .filter(([name]) => name.toLowerCase() === "www-authenticate")
    .map(([, challenge]) => schemeOf(challenge));
  const missing = challenges.filter((challenge) => !named.includes(schemeOf(challenge)));
  if (missing.length === 0) return reply;
  return {
    ...reply,
    headers: [...reply.headers, ...missing.map((challenge) => ["www-authenticate", challenge] as const)],
  };
};

const schemeOf = (challenge: string): string => (challenge.split(" ")[0] ?? "").toLowerCase();
