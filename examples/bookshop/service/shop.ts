import { type Book, openingStock } from "./books.ts";

/** One line of an order. */
export interface OrderLine {
  readonly bookId: string;
  readonly quantity: number;
}

/** An order as its customer sees it. */
export interface Order {
  readonly id: string;
  readonly customer: string;
  readonly status: "placed" | "cancelled";
  readonly lines: readonly OrderLine[];
  readonly totalCents: number;
  readonly currency: "EUR";
  readonly placedAt: string;
}

/** What the shop refuses, with the status that says so over HTTP. */
export interface Refusal {
  readonly status: 404 | 409 | 422;
  readonly detail: string;
}

export const isRefusal = (value: object): value is Refusal => "detail" in value;

export interface BookFilter {
  readonly author?: string;
  readonly tag?: string;
  readonly inStock?: boolean;
  readonly limit: number;
  readonly after?: string;
}

/** Catalogue and orders of one shop, in memory: the newest `ordersMax` orders are kept. */
export interface Shop {
  books(filter: BookFilter): { readonly items: readonly Book[]; readonly next?: string };
  book(id: string): Book | undefined;
  orders(customer: string): readonly Order[];
  order(customer: string, id: string): Order | Refusal;
  place(customer: string, lines: readonly OrderLine[]): Order | Refusal;
  cancel(customer: string, id: string): Order | Refusal;
}

const ordersMax = 10_000;

/** Opens a shop; time is an argument so that tests own it. */
export const openShop = (now: () => Date): Shop => {
  const stock = new Map(openingStock.map((book) => [book.id, book]));
  const orders = new Map<string, Order>();
  let number = 1000;

  const take = (line: OrderLine, sign: 1 | -1): void => {
    const book = stock.get(line.bookId);
    if (book) stock.set(book.id, { ...book, inStock: book.inStock - sign * line.quantity });
  };
  const find = (customer: string, id: string): Order | Refusal => {
    const order = orders.get(id);
    return order?.customer === customer ? order : { status: 404, detail: `There is no order ${id}.` };
  };

  return {
    books: ({ author, tag, inStock, limit, after }) => {
      const all = [...stock.values()].filter(
        (book) =>
          (author === undefined || book.author.toLowerCase().includes(author.toLowerCase())) &&
          (tag === undefined || book.tags.includes(tag)) &&
          (inStock === undefined || book.inStock > 0 === inStock),
      );
      const from = after === undefined ? 0 : all.findIndex((book) => book.id === after) + 1;
      const items = all.slice(from, from + limit);
      const last = items.at(-1);
      return last && from + limit < all.length ? { items, next: last.id } : { items };
    },
    book: (id) => stock.get(id),
    orders: (customer) => [...orders.values()].filter((order) => order.customer === customer),
    order: find,
    place: (customer, lines) => {
      let totalCents = 0;
      for (const line of lines) {
        const book = stock.get(line.bookId);
        if (!book) return { status: 422, detail: `There is no book ${line.bookId}.` };
        const wanted = lines
          .filter((other) => other.bookId === line.bookId)
          .reduce((sum, other) => sum + other.quantity, 0);
        if (book.inStock < wanted) return { status: 409, detail: `Only ${book.inStock} of ${book.title} in stock.` };
        totalCents += book.priceCents * line.quantity;
      }
      for (const line of lines) take(line, 1);
      number += 1;
      const order: Order = {
        id: `o-${number}`,
        customer,
        status: "placed",
        lines,
        totalCents,
        currency: "EUR",
        placedAt: now().toISOString(),
      };
      orders.set(order.id, order);
      const oldest = orders.keys().next();
      if (orders.size > ordersMax && !oldest.done) orders.delete(oldest.value);
      return order;
    },
    cancel: (customer, id) => {
      const order = find(customer, id);
      if (isRefusal(order)) return order;
      if (order.status === "cancelled") return { status: 409, detail: `Order ${id} is cancelled already.` };
      for (const line of order.lines) take(line, -1);
      const cancelled: Order = { ...order, status: "cancelled" };
      orders.set(id, cancelled);
      return cancelled;
    },
  };
};
