/** Rows in aligned columns under a heading; `none` where there are no rows. Cut to the width of a screen where one is given. */
export const table = (
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  none: string,
  columnsMax?: number,
): string => {
  if (rows.length === 0) return `${none}\n`;
  const widths = headings.map((heading, index) =>
    Math.max(heading.length, ...rows.map((row) => cell(row, index).length)),
  );
  const line = (row: readonly string[]): string => {
    const text = headings
      .map((_, index) => cell(row, index).padEnd(widths[index] ?? 0))
      .join("  ")
      .trimEnd();
    return columnsMax !== undefined && text.length > columnsMax ? `${text.slice(0, columnsMax - 1)}…` : text;
  };
  return `${[headings, ...rows].map(line).join("\n")}\n`;
};

// A control character in a name must not reach the screen.
const cell = (row: readonly string[], index: number): string =>
  (row[index] ?? "").replace(/[\u0000-\u001f\u007f-\u009f]/g, "?");

/** A count with its noun: `1 file`, `2 files`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;
