/** A JSON column that holds a list of texts. */
export const textsOf = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((entry) => typeof entry === "string") : [];

/** A JSON column that holds texts by name. */
export const textsByName = (value: unknown): Readonly<Record<string, string>> => {
  const texts: Record<string, string> = {};
  if (value === null || typeof value !== "object") return texts;
  for (const [name, text] of Object.entries(value)) if (typeof text === "string") texts[name] = text;
  return texts;
};
