import type { Pipeline } from "../compile/pipeline.ts";
import { recordedList } from "./recorded-steps.ts";

const pipelines = new WeakMap<Pipeline, Pipeline>();

/** The recorded form of a pipeline. */
export const recordedPipeline = (plain: Pipeline): Pipeline => {
  let recorded = pipelines.get(plain);
  if (recorded === undefined) {
    recorded = {
      inbound: recordedList(plain.inbound),
      backend: recordedList(plain.backend),
      outbound: recordedList(plain.outbound),
      onError: recordedList(plain.onError),
    };
    pipelines.set(plain, recorded);
  }
  return recorded;
};
