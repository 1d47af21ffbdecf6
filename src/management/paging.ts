import { z } from "zod";
import { refuse } from "./refuse.ts";

/** Query parameters of a list. */
export const pageQuerySchema = z.object({
  limit: z.coerce.number().int().min(1).max(500).optional().describe("Entries per page; 50 unless told."),
  cursor: z.string().max(500).optional().describe("The `next` of the page before."),
});

/** A list as it is answered. */
export const pageOf = <S extends z.ZodType>(item: S) =>
  z.object({
    items: z.array(item),
    next: z.string().optional().describe("The cursor of the next page; absent on the last."),
  });

const limitDefault = 50;

/** How many entries the page holds. */
export const limitOf = (query: { readonly limit?: number | undefined }): number => query.limit ?? limitDefault;

/** What a cursor points behind; refuses a text that is no cursor of ours. */
export const placeOf = (query: { readonly cursor?: string | undefined }): string | undefined => {
  if (query.cursor === undefined) return undefined;
  const place = Buffer.from(query.cursor, "base64url").toString("utf8");
  if (!place.startsWith("after:")) throw notACursor();
  return place.slice("after:".length);
};

/** The same for lists in the order of numbers. */
export const numberPlaceOf = (query: { readonly cursor?: string | undefined }): number | undefined => {
  const place = placeOf(query);
  if (place === undefined) return undefined;
  const number = Number(place);
  if (!Number.isSafeInteger(number)) throw notACursor();
  return number;
};

/** The same for lists in the order of ids. */
export const idPlaceOf = (query: { readonly cursor?: string | undefined }): string | undefined => {
  const place = placeOf(query);
  if (place !== undefined && !/^[0-9a-f-]{36}$/.test(place)) throw notACursor();
  return place;
};

/** A page of `rows`, which are one more than `limit` where there is more. */
export const pageJson = <Row, Item>(
  rows: readonly Row[],
  limit: number,
  placeOfRow: (row: Row) => string,
  itemOf: (row: Row) => Item,
): { readonly items: readonly Item[]; readonly next?: string } => {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const hasMore = rows.length > limit && last !== undefined;
  return {
    items: shown.map(itemOf),
    ...(hasMore ? { next: Buffer.from(`after:${placeOfRow(last)}`).toString("base64url") } : {}),
  };
};

const notACursor = () =>
  refuse("parameter.invalid", "cursor: is not the `next` of a page", [
    { parameter: "cursor", message: "is not the `next` of a page" },
  ]);
