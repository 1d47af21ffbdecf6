import { Worker } from "node:worker_threads";
import { Fault, messageOf } from "../base/fault.ts";

/** What the thread is asked, and what it answers. */
export interface XslTask {
  readonly id: number;
  readonly stylesheet: string;
  readonly xml: string;
  readonly parameters: Readonly<Record<string, string>>;
}
export type XslResult =
  | { readonly id: number; readonly text: string }
  | { readonly id: number; readonly fault: string; readonly isOfBody: boolean };

/** Transforms by XSLT in a thread of its own. */
export interface Transformer {
  /** Rejects with a Fault `request.body_invalid` for a body that is no XML, `policy.fault` for a stylesheet that fails or takes too long. */
  transform(stylesheet: string, xml: string, parameters: Readonly<Record<string, string>>): Promise<string>;
  dispose(): void;
}

const transformMsMax = 2_000;
const waitingMax = 256;

interface Waiting {
  readonly task: XslTask;
  readonly answer: PromiseWithResolvers<string>;
}

/** A transformer; its thread is started by the first task, and replaced after one that does not end. Tasks run one after the other. */
export const xslTransformer = (): Transformer => {
  let worker: Worker | null = null;
  let current: Waiting | null = null;
  let timer: NodeJS.Timeout | undefined;
  const waiting: Waiting[] = [];
  let nextId = 0;

  const settle = (act: (answer: Waiting["answer"]) => void): void => {
    clearTimeout(timer);
    const done = current;
    current = null;
    if (done !== null) act(done.answer);
    next();
  };

  const replace = (why: string): void => {
    const old = worker;
    worker = null;
    old?.removeAllListeners();
    void old?.terminate();
    settle((answer) => answer.reject(stylesheetFault(why)));
  };

  const received = (result: XslResult): void => {
    if (result.id !== current?.task.id) return;
    if ("text" in result) settle((answer) => answer.resolve(result.text));
    else if (result.isOfBody) settle((answer) => answer.reject(bodyFault()));
    else replace(result.fault);
  };

  const start = (): Worker => {
    const started = new Worker(new URL("./xsl-thread.ts", import.meta.url), {
      name: "xsl",
      // What libxml2 prints are messages about bodies: they may hold what callers sent.
      stdout: true,
      stderr: true,
    });
    started.unref();
    started.on("message", received);
    started.on("error", (error) => replace(messageOf(error)));
    started.on("exit", () => replace("its thread ended"));
    return started;
  };

  const next = (): void => {
    if (current !== null) return;
    const first = waiting.shift();
    if (first === undefined) return;
    current = first;
    worker ??= start();
    timer = setTimeout(() => replace(`it took more than ${transformMsMax} ms`), transformMsMax);
    worker.postMessage(first.task);
  };

  return {
    transform: (stylesheet, xml, parameters) => {
      if (/<!DOCTYPE/i.test(xml)) return Promise.reject(bodyFault());
      if (waiting.length >= waitingMax) return Promise.reject(stylesheetFault("too many bodies wait"));
      nextId += 1;
      const answer = Promise.withResolvers<string>();
      waiting.push({ task: { id: nextId, stylesheet, xml, parameters }, answer });
      next();
      return answer.promise;
    },
    dispose: () => {
      for (const { answer } of waiting.splice(0)) answer.reject(stylesheetFault("it is no longer used"));
      replace("it is no longer used");
    },
  };
};

const bodyFault = (): Fault =>
  new Fault("request.body_invalid", { public: "The body is not well-formed XML.", status: 400 });

const stylesheetFault = (why: string): Fault =>
  new Fault("policy.fault", { public: "A policy could not transform the body.", internal: `stylesheet: ${why}` });
