/** OTLP's JSON: attributes as a list, 64-bit numbers as decimal text, ids in hex, enumerations as numbers. */
export type OtlpJson = { readonly [name: string]: unknown };

type AttributeValue = string | number | boolean | null | undefined;

/** Attributes of those values that are there. */
export const attributesOf = (values: Readonly<Record<string, AttributeValue>>): readonly OtlpJson[] =>
  Object.entries(values).flatMap(([key, value]) =>
    value === undefined || value === null || value === "" ? [] : [{ key, value: otlpValue(value) }],
  );

const otlpValue = (value: string | number | boolean): OtlpJson => {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
};

/** Nanoseconds since 1970 of milliseconds since 1970 and microseconds on top. */
export const nanosOf = (ms: number, us = 0): string =>
  String(BigInt(Math.round(ms)) * 1_000_000n + BigInt(Math.round(us)) * 1000n);
