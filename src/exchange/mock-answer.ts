import { emptyReply, type Reply, replyWith } from "./reply.ts";

/** A ready answer from an API's document. */
export interface MockAnswer {
  readonly status: number;
  readonly mediaType?: string;
  readonly body?: string;
}

/** What a caller, or a policy's configuration, asks of a mock; undefined where it does not care. */
export interface MockWish {
  readonly status?: number | undefined;
  readonly mediaType?: string | undefined;
  /** Which of the answers that fit, counted from 0. */
  readonly index?: number | undefined;
  /** The `Accept` field of the request. */
  readonly accept?: string | undefined;
}

/**
 * Picks an answer: of the wished status, else of the first 2xx, else of the first there is; among those of the wished media type, or
 * the one that `Accept` likes best (RFC 9110 section 12.5.1). Undefined where there is none of the wished status or type.
 */
export const pickMock = (answers: readonly MockAnswer[], wish: MockWish): MockAnswer | undefined => {
  const status =
    wish.status ?? (answers.find((answer) => answer.status >= 200 && answer.status < 300) ?? answers[0])?.status;
  const ofStatus = answers.filter((answer) => answer.status === status);
  const fitting =
    wish.mediaType === undefined
      ? byPreference(ofStatus, wish.accept)
      : ofStatus.filter((answer) => isSameType(answer.mediaType, wish.mediaType ?? ""));
  if (wish.index !== undefined) return fitting[wish.index];
  return fitting[0];
};

/** The reply that a mock answer makes; one without a media type has no body. */
export const mockReply = (answer: MockAnswer): Reply =>
  answer.mediaType === undefined || answer.body === undefined
    ? emptyReply(answer.status)
    : replyWith(answer.status, answer.mediaType, answer.body);

const isSameType = (mediaType: string | undefined, wished: string): boolean =>
  mediaType !== undefined && essence(mediaType) === essence(wished);

const essence = (mediaType: string): string => (mediaType.split(";")[0] ?? "").trim().toLowerCase();

interface Range {
  readonly type: string;
  readonly quality: number;
}

const rangesMax = 32;

/** Answers from the best liked to the least, those with quality 0 left out; all, where none is liked: a mock rather answers than refuses. */
const byPreference = (answers: readonly MockAnswer[], accept: string | undefined): readonly MockAnswer[] => {
  if (accept === undefined || answers.length < 2) return answers;
  const ranges = accept.split(",", rangesMax).map(rangeOf);
  const scored = answers
    .map((answer, index) => ({ answer, index, quality: qualityOf(answer.mediaType, ranges) }))
    .filter((scored) => scored.quality > 0)
    .sort((a, b) => b.quality - a.quality || a.index - b.index);
  return scored.length === 0 ? answers : scored.map((scored) => scored.answer);
};

const rangeOf = (text: string): Range => {
  const [type = "", ...parameters] = text.split(";").map((part) => part.trim().toLowerCase());
  const quality = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2);
  const number = quality === undefined ? 1 : Number(quality);
  return { type, quality: Number.isFinite(number) ? Math.min(1, Math.max(0, number)) : 0 };
};

/** The most specific range decides: `text/html`, then `text/*`, then `*` of everything. */
const qualityOf = (mediaType: string | undefined, ranges: readonly Range[]): number => {
  if (mediaType === undefined) return 0.001;
  const type = essence(mediaType);
  const group = `${type.split("/")[0]}/*`;
  for (const wanted of [type, group, "*/*"]) {
    const range = ranges.find((candidate) => candidate.type === wanted);
    if (range) return range.quality;
  }
  return 0;
};
