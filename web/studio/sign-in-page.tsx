import { useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type FormEvent, type ReactElement, useCallback, useEffect, useRef, useState } from "react";
import { Mark } from "../ui/brand.tsx";
import { CodeBlock } from "./code-block.tsx";
import { Problem } from "./management.ts";
import { ProblemCard } from "./problem-card.tsx";
import { signIn, takeTokenFromAddress, tokenOf } from "./session.ts";
import { takePendingToken } from "./sign-in-token.ts";
import { strings } from "./strings.ts";

const words = strings.signIn;

/** The one card before the studio: a link opens it by itself, a token by hand. */
export const SignInPage = (): ReactElement => {
  const navigate = useNavigate();
  const client = useQueryClient();
  const { from } = useSearch({ from: "/sign-in" });
  const [error, fail] = useState<unknown>();
  const [isWorking, work] = useState(false);
  const hasStarted = useRef(false);

  const enter = useCallback(
    async (token: string): Promise<void> => {
      work(true);
      fail(undefined);
      try {
        await signIn(token);
        client.clear();
        await navigate({ href: from ?? "/apis", replace: true });
      } catch (thrown) {
        fail(thrown);
      } finally {
        work(false);
      }
    },
    [client, from, navigate],
  );

  useEffect(() => {
    document.title = `${words.title} | ${strings.product}`;
    // A link works once: React may run an effect twice, the exchange must not.
    if (hasStarted.current) return;
    hasStarted.current = true;
    const token = takePendingToken();
    if (token !== undefined) void enter(token);
  }, [enter]);

  // A link that is pasted over the address of this very page loads nothing: only what follows the # changes.
  useEffect(() => {
    const look = (): void => {
      const token = takeTokenFromAddress();
      if (token !== undefined) void enter(token);
    };
    addEventListener("hashchange", look);
    return () => removeEventListener("hashchange", look);
  }, [enter]);

  return (
    <main id="main" className="grid min-h-dvh place-items-center bg-sunken px-4 py-10">
      <div className="card w-full max-w-[25rem] px-7 py-8">
        <Mark size={30} />
        <h1 className="mt-4 text-xl font-semibold">{words.title}</h1>
        <p className="mt-1.5 text-sm text-ink-soft">{from === undefined ? words.lead : words.ended}</p>
        <SignInForm isWorking={isWorking} onToken={(token) => void enter(token)} />
        {error === undefined ? null : <div className="mt-5">{<Refusal error={error} />}</div>}
      </div>
    </main>
  );
};

const SignInForm = ({
  isWorking,
  onToken,
}: {
  readonly isWorking: boolean;
  readonly onToken: (token: string) => void;
}): ReactElement => {
  const [text, setText] = useState("");
  const [isEmpty, setEmpty] = useState(false);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setEmpty(text.trim() === "");
    if (text.trim() !== "") onToken(tokenOf(text));
  };
  return (
    <form onSubmit={submit} className="mt-6 flex flex-col gap-4" noValidate>
      <label className="flex flex-col gap-1.5 text-sm font-medium">
        {words.field}
        <input
          className="field font-mono"
          type="password"
          autoComplete="off"
          spellCheck={false}
          value={text}
          aria-invalid={isEmpty}
          aria-describedby="sign-in-hint"
          onChange={(event) => setText(event.target.value)}
        />
        <span id="sign-in-hint" className={`text-xs font-normal ${isEmpty ? "text-bad" : "text-ink-faint"}`}>
          {isEmpty ? words.empty : words.hint}
        </span>
      </label>
      <button type="submit" className="button button-primary !min-h-10" disabled={isWorking}>
        {isWorking ? words.working : words.button}
      </button>
    </form>
  );
};

const Refusal = ({ error }: { readonly error: unknown }): ReactElement => {
  const isUsed = error instanceof Problem && (error.status === 401 || error.status === 400 || error.status === 422);
  if (!isUsed) return <ProblemCard error={error} />;
  return (
    <div role="alert" className="text-sm">
      <p className="mb-3 text-bad">{words.used}</p>
      <CodeBlock title={strings.common.cli} text={words.command} language="shell" />
    </div>
  );
};
