/** One thing wrong with a unit, with its file and the path in it. */
export interface Mistake {
  readonly file?: string;
  readonly path?: string;
  readonly message: string;
}

/** The mistakes of one unit, all of them up to a bound. */
export interface Mistakes {
  readonly list: readonly Mistake[];
  add(file: string, path: string, message: string): void;
}

const mistakesMax = 200;

/** An empty list. `redact` takes secrets out of every message before it is kept. */
export const collectMistakes = (redact: (text: string) => string): Mistakes => {
  const list: Mistake[] = [];
  return {
    list,
    add: (file, path, message) => {
      if (list.length >= mistakesMax) return;
      const mistake: Mistake = {
        ...(file === "" ? {} : { file }),
        ...(path === "" ? {} : { path }),
        message: redact(message),
      };
      // Two operations that share a step would report its mistake twice.
      if (list.some((one) => one.file === mistake.file && one.path === mistake.path && one.message === mistake.message))
        return;
      list.push(mistake);
    },
  };
};
