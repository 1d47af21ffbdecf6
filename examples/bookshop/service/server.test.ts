import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import type { Book } from "./books.ts";
import { createBookshop } from "./server.ts";
import { type Order, openShop } from "./shop.ts";

describe("the bookshop's service", () => {
  const server = createBookshop(openShop(() => new Date("2026-01-02T03:04:05Z")));
  let base = "";
  before(async () => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    assert.ok(address !== null && typeof address === "object");
    base = `http://127.0.0.1:${address.port}`;
  });
  after(() => {
    server.close();
    server.closeAllConnections();
  });

  const read = async <T>(path: string, init?: RequestInit): Promise<T> =>
    (await (await fetch(`${base}${path}`, init)).json()) as T;
  const order = (lines: unknown, consumer = "acme"): Promise<Response> =>
    fetch(`${base}/orders`, { method: "POST", headers: { "x-consumer": consumer }, body: JSON.stringify({ lines }) });

  test("lists books in pages that fit together", async () => {
    const first = await read<{ items: Book[]; next: string }>("/books?limit=5");
    const second = await read<{ items: Book[]; next?: string }>(`/books?limit=100&after=${first.next}`);
    assert.equal(first.items.length, 5);
    assert.equal(second.items.length, 7);
    assert.equal(second.next, undefined);
    assert.equal(new Set([...first.items, ...second.items].map((book) => book.id)).size, 12);
  });

  test("HEAD answers as GET does, without the body", async () => {
    for (const path of ["/books", "/books/emma", "/books/nothing"]) {
      const [get, head] = [await fetch(`${base}${path}`), await fetch(`${base}${path}`, { method: "HEAD" })];
      assert.equal(head.status, get.status, path);
      assert.equal(head.headers.get("content-length"), get.headers.get("content-length"), path);
      assert.equal(await head.text(), "");
      await get.text();
    }
  });

  test("filters by tag and stock", async () => {
    const { items } = await read<{ items: Book[] }>("/books?tag=novel&inStock=false");
    assert.deepEqual(
      items.map((book) => book.id),
      ["jane-eyre"],
    );
  });

  test("an order takes from the stock, and its cancellation gives back", async () => {
    const before = await read<Book>("/books/emma");
    const placed = await order([{ bookId: "emma", quantity: 2 }]);
    assert.equal(placed.status, 201);
    const { id, totalCents } = (await placed.json()) as Order;
    assert.equal(totalCents, 2 * before.priceCents);
    assert.equal((await read<Book>("/books/emma")).inStock, before.inStock - 2);
    const cancelled = await read<Order>(`/orders/${id}`, { method: "DELETE", headers: { "x-consumer": "acme" } });
    assert.equal(cancelled.status, "cancelled");
    assert.equal((await read<Book>("/books/emma")).inStock, before.inStock);
  });

  test("one customer does not see another's order", async () => {
    const { id } = (await (await order([{ bookId: "emma" }])).json()) as Order;
    assert.equal((await fetch(`${base}/orders/${id}`, { headers: { "x-consumer": "other" } })).status, 404);
    assert.equal((await fetch(`${base}/orders/${id}`, { headers: { "x-consumer": "acme" } })).status, 200);
  });

  test("refuses what is not in stock, what it does not know, and what is not an order", async () => {
    assert.equal((await order([{ bookId: "jane-eyre" }])).status, 409);
    assert.equal((await order([{ bookId: "no-such-book" }])).status, 422);
    assert.equal((await order("emma")).status, 422);
    assert.equal((await fetch(`${base}/books?limit=0`)).status, 422);
    assert.equal((await fetch(`${base}/nothing`)).status, 404);
  });
});
