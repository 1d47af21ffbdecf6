/** The values of `name` in a query without its `?`, in order, percent- and plus-decoded. */
export const queryValues = (query: string, name: string): readonly string[] => {
  const values: string[] = [];
  forEachPair(query, (pair) => {
    const equals = pair.indexOf("=");
    if (decodeQueryPart(equals < 0 ? pair : pair.slice(0, equals)) === name) {
      values.push(equals < 0 ? "" : decodeQueryPart(pair.slice(equals + 1)));
    }
  });
  return values;
};

/** The query with all `name` replaced by `values` at the place of the first (or at the end); null removes. Others stay byte for byte. */
export const withQueryParameter = (query: string, name: string, values: readonly string[] | null): string => {
  const made = (values ?? []).map((value) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
  const pairs: string[] = [];
  let isPlaced = false;
  forEachPair(query, (pair) => {
    const equals = pair.indexOf("=");
    if (decodeQueryPart(equals < 0 ? pair : pair.slice(0, equals)) !== name) pairs.push(pair);
    else if (!isPlaced) {
      isPlaced = true;
      pairs.push(...made);
    }
  });
  if (!isPlaced) pairs.push(...made);
  return pairs.join("&");
};

const forEachPair = (query: string, each: (pair: string) => void): void => {
  for (const pair of query.split("&")) if (pair !== "") each(pair);
};

/** What is not valid percent-encoding or not UTF-8 stays as it came: it is data, and the backend decides about it. */
const decodeQueryPart = (part: string): string => {
  if (!/[%+]/.test(part)) return part;
  const spaced = part.replaceAll("+", " ");
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
};
