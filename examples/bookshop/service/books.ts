/** One title of the shop. Prices in cents of the currency. */
export interface Book {
  readonly id: string;
  readonly title: string;
  readonly author: string;
  readonly year: number;
  readonly isbn: string;
  readonly priceCents: number;
  readonly currency: "EUR";
  readonly inStock: number;
  readonly tags: readonly string[];
}

const row = (
  id: string,
  title: string,
  author: string,
  year: number,
  isbn: string,
  priceCents: number,
  inStock: number,
  ...tags: string[]
): Book => ({ id, title, author, year, isbn, priceCents, currency: "EUR", inStock, tags });

/** The shop's stock when it opens: works long out of copyright, so that the sample belongs to everybody. */
export const openingStock: readonly Book[] = [
  row("moby-dick", "Moby-Dick; or, The Whale", "Herman Melville", 1851, "978-0-14-243724-7", 1290, 12, "novel", "sea"),
  row("middlemarch", "Middlemarch", "George Eliot", 1871, "978-0-14-143954-9", 1190, 7, "novel"),
  row("emma", "Emma", "Jane Austen", 1815, "978-0-14-143958-7", 890, 21, "novel"),
  row("frankenstein", "Frankenstein", "Mary Shelley", 1818, "978-0-14-143947-1", 790, 30, "novel", "science"),
  row("walden", "Walden", "Henry David Thoreau", 1854, "978-0-14-039044-5", 990, 4, "essay", "nature"),
  row(
    "origin-of-species",
    "On the Origin of Species",
    "Charles Darwin",
    1859,
    "978-0-14-043912-0",
    1490,
    9,
    "science",
    "nature",
  ),
  row("time-machine", "The Time Machine", "H. G. Wells", 1895, "978-0-14-143997-6", 690, 15, "novel", "science"),
  row("odyssey", "The Odyssey", "Homer", -700, "978-0-14-026886-7", 1390, 18, "poem", "sea"),
  row("dracula", "Dracula", "Bram Stoker", 1897, "978-0-14-143984-6", 850, 11, "novel"),
  row("jane-eyre", "Jane Eyre", "Charlotte Brontë", 1847, "978-0-14-144114-6", 890, 0, "novel"),
  row("anna-karenina", "Anna Karenina", "Leo Tolstoy", 1878, "978-0-14-303500-8", 1590, 6, "novel"),
  row("art-of-war", "The Art of War", "Sun Tzu", -450, "978-0-14-043919-9", 590, 25, "essay"),
];
