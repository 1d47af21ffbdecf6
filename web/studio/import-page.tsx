import { useQueryClient } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { type FormEvent, type ReactElement, useCallback, useEffect, useRef, useState } from "react";
import { emptyForm, type ImportForm, type ImportSource, importBody } from "./import-document.ts";
import { ImportPreview } from "./import-preview.tsx";
import { ImportSettings } from "./import-settings.tsx";
import { ImportSourceField } from "./import-source.tsx";
import { management, taken } from "./management.ts";
import { Page } from "./page.tsx";
import { ProblemCard } from "./problem-card.tsx";
import { Published } from "./published.tsx";
import { forgetConfiguration } from "./queries.ts";
import type { ImportPlan } from "./shapes.ts";
import { strings } from "./strings.ts";

const words = strings.import;

/** How long the form must rest before it is looked at again. */
const restMs = 350;

type Step =
  | { readonly kind: "asking" }
  | { readonly kind: "reading" }
  | { readonly kind: "previewed"; readonly plan: ImportPlan }
  | { readonly kind: "refused"; readonly error: unknown }
  | { readonly kind: "publishing"; readonly plan: ImportPlan }
  | { readonly kind: "published"; readonly plan: ImportPlan };

/** From a document to a published API: look first, then publish. */
export const ImportPage = (): ReactElement => {
  const { name = "" } = useSearch({ from: "/shell/import" });
  const client = useQueryClient();
  const [source, setSource] = useState<ImportSource>();
  const [form, setForm] = useState<ImportForm>({ ...emptyForm, name });
  const [step, setStep] = useState<Step>({ kind: "asking" });
  const running = useRef<AbortController>(undefined);

  const look = useCallback(async (from: ImportSource, as: ImportForm): Promise<void> => {
    running.current?.abort();
    const mine = new AbortController();
    running.current = mine;
    try {
      const plan = await runImport(importBody(from, as, true), mine.signal);
      if (!mine.signal.aborted) setStep({ kind: "previewed", plan });
    } catch (error) {
      if (!mine.signal.aborted) setStep({ kind: "refused", error });
    }
  }, []);

  const take = (from: ImportSource): void => {
    setSource(from);
    lookedAt.current = form;
    setStep({ kind: "reading" });
    void look(from, form);
  };

  const lookedAt = useRef(form);
  useEffect(() => {
    if (source === undefined || lookedAt.current === form) return;
    const timer = setTimeout(() => {
      // What was published in the meantime needs no second look.
      if (lookedAt.current === form) return;
      lookedAt.current = form;
      void look(source, form);
    }, restMs);
    return () => clearTimeout(timer);
  }, [source, form, look]);

  const publish = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    if (source === undefined || step.kind !== "previewed") return;
    running.current?.abort();
    lookedAt.current = form;
    setStep({ kind: "publishing", plan: step.plan });
    try {
      const plan = await runImport(importBody(source, form, false));
      setStep({ kind: "published", plan });
      await forgetConfiguration(client);
    } catch (error) {
      setStep({ kind: "refused", error });
    }
  };

  const restart = (): void => {
    setSource(undefined);
    setForm(emptyForm);
    lookedAt.current = emptyForm;
    setStep({ kind: "asking" });
  };

  const twin = { path: "/apis", cli: cliOf(source, form) };
  if (step.kind === "published") {
    return (
      <Page title={words.published(step.plan.title ?? step.plan.api)} trail={[words.title]} twin={twin}>
        <Published plan={step.plan} revision={step.plan.revision ?? 0} onAgain={restart} />
      </Page>
    );
  }
  const plan = step.kind === "previewed" || step.kind === "publishing" ? step.plan : undefined;
  return (
    <Page title={words.title} trail={[strings.apis.title]} twin={twin}>
      <p className="-mt-3 mb-6 text-ink-soft">{words.lead}</p>
      <form
        className="grid items-start gap-6 lg:grid-cols-[minmax(0,1fr)_22rem]"
        onSubmit={(event) => void publish(event)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.currentTarget.requestSubmit();
        }}
        noValidate
      >
        <div className="flex min-w-0 flex-col gap-6">
          <ImportSourceField onSource={take} />
          <div aria-live="polite" className="flex flex-col gap-6">
            {step.kind === "reading" ? <p className="pulse text-sm text-ink-soft">{words.checking}</p> : null}
            {step.kind === "refused" ? <ProblemCard error={step.error} /> : null}
            {plan === undefined ? null : <ImportPreview plan={plan} />}
          </div>
        </div>
        <ImportSettings
          form={form}
          plan={plan}
          isPublishing={step.kind === "publishing"}
          onChange={(fields) => setForm((before) => ({ ...before, ...fields }))}
        />
      </form>
    </Page>
  );
};

const runImport = (body: ReturnType<typeof importBody>, signal?: AbortSignal): Promise<ImportPlan> =>
  taken(management.POST("/api/v1/apis:import", { body, ...(signal === undefined ? {} : { signal }) }));

const cliOf = (source: ImportSource | undefined, form: ImportForm): string => {
  const from = source === undefined ? "FILE" : "url" in source ? source.url : source.fileName;
  const options = Object.entries(form).flatMap(([key, value]) =>
    value.trim() === "" ? [] : [`--${key} ${value.trim()}`],
  );
  return ["./portico import", from, ...options].join(" ");
};
