import { exitCodes } from "./command.ts";
import { CommandFailure } from "./failure.ts";

/**
 * A refusal of a request's members as a mistake in the flags of their names: `/path` is `--path`. Where all mistakes are of that kind the
 * command line was wrong. Anything else comes back as it is.
 */
export const inFlags = (thrown: unknown): unknown => {
  if (!(thrown instanceof CommandFailure) || thrown.failure.code !== "body.invalid") return thrown;
  const { failure } = thrown;
  const flagsOf = failure.findings.map(({ path }) => /^\/([a-z]+)(?:\/\d+)?$/.exec(path ?? "")?.[1]);
  if (flagsOf.length === 0 || flagsOf.includes(undefined)) return thrown;
  const findings = failure.findings.map((finding, index) => ({ ...finding, path: `--${flagsOf[index]}` }));
  return new CommandFailure({ ...failure, findings, exit: exitCodes.usage }, thrown);
};
