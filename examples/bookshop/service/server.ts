import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { isRefusal, type OrderLine, openShop, type Shop } from "./shop.ts";

/**
 * The bookshop's microservice: plain HTTP, no idea of keys, limits or users. The gateway in front identifies the caller and
 * says who it is in `X-Consumer`; the service listens on this machine only.
 */
export const createBookshop = (shop: Shop = openShop(() => new Date())): Server =>
  createServer((request, response) => {
    answer(shop, request, response).catch((error: unknown) => {
      console.error(error);
      if (!response.headersSent) problem(response, 500, "The shop has an internal error.");
      else response.destroy();
    });
  });

/** What every path through the service ends with: the response, ended. */
type Answer = ServerResponse;

const bodyBytesMax = 64 * 1024;

const answer = async (shop: Shop, request: IncomingMessage, response: ServerResponse): Promise<Answer> => {
  const url = new URL(request.url ?? "/", "http://bookshop");
  const [collection, id, ...rest] = url.pathname.split("/").slice(1).map(decodeURIComponent);
  // HEAD is GET whose body Node does not send (RFC 9110 section 9.3.2).
  const method = request.method === "HEAD" ? "GET" : (request.method ?? "GET");
  const customer = String(request.headers["x-consumer"] ?? "walk-in");
  if (rest.length > 0) return problem(response, 404, "There is nothing here.");

  switch (`${method} /${collection}${id === undefined ? "" : "/{id}"}`) {
    case "GET /healthz":
      return json(response, 200, { status: "ok" });
    case "GET /books":
      return listBooks(shop, url.searchParams, response);
    case "GET /books/{id}": {
      const book = shop.book(id ?? "");
      return book ? json(response, 200, book) : problem(response, 404, `There is no book ${id}.`);
    }
    case "GET /orders":
      return json(response, 200, { items: shop.orders(customer) });
    case "POST /orders": {
      const lines = orderLines(await readJson(request));
      if (typeof lines === "string") return problem(response, 422, lines);
      const order = shop.place(customer, lines);
      if (isRefusal(order)) return problem(response, order.status, order.detail);
      response.setHeader("location", `/orders/${order.id}`);
      return json(response, 201, order);
    }
    case "GET /orders/{id}": {
      const order = shop.order(customer, id ?? "");
      return isRefusal(order) ? problem(response, order.status, order.detail) : json(response, 200, order);
    }
    case "DELETE /orders/{id}": {
      const order = shop.cancel(customer, id ?? "");
      return isRefusal(order) ? problem(response, order.status, order.detail) : json(response, 200, order);
    }
    default:
      return problem(response, 404, "There is nothing here.");
  }
};

const listBooks = (shop: Shop, query: URLSearchParams, response: ServerResponse): Answer => {
  const limit = Number(query.get("limit") ?? 20);
  if (!Number.isInteger(limit) || limit < 1 || limit > 100)
    return problem(response, 422, "`limit` is a number from 1 to 100.");
  const author = query.get("author");
  const tag = query.get("tag");
  const inStock = query.get("inStock");
  const after = query.get("after");
  return json(
    response,
    200,
    shop.books({
      limit,
      ...(author === null ? {} : { author }),
      ...(tag === null ? {} : { tag }),
      ...(inStock === null ? {} : { inStock: inStock === "true" }),
      ...(after === null ? {} : { after }),
    }),
  );
};

const readJson = async (request: IncomingMessage): Promise<unknown> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) return undefined;
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    // Not JSON: the caller is told what an order looks like.
    return undefined;
  }
};

const orderLines = (body: unknown): readonly OrderLine[] | string => {
  const expected = 'Send {"lines": [{"bookId": "emma", "quantity": 1}]}.';
  if (body === null || typeof body !== "object" || !("lines" in body) || !Array.isArray(body.lines)) return expected;
  if (body.lines.length === 0 || body.lines.length > 50) return "An order has 1 to 50 lines.";
  const lines: OrderLine[] = [];
  for (const line of body.lines) {
    const { bookId, quantity = 1 } = line ?? {};
    if (typeof bookId !== "string" || !Number.isInteger(quantity) || quantity < 1 || quantity > 100) return expected;
    lines.push({ bookId, quantity });
  }
  return lines;
};

const json = (response: ServerResponse, status: number, value: unknown, mediaType = "application/json"): Answer => {
  const body = JSON.stringify(value);
  response.writeHead(status, { "content-type": mediaType, "content-length": Buffer.byteLength(body) });
  return response.end(body);
};

const problem = (response: ServerResponse, status: number, detail: string): Answer =>
  json(response, status, { type: "about:blank", status, detail }, "application/problem+json");
