import type { Clock } from "../base/clock.ts";
import type { ClientCertificate } from "../exchange/client-certificate.ts";
import {
  type Body,
  type Caller,
  callerOf,
  type Exchange,
  type ExchangeFault,
  type RouteFacts,
} from "../exchange/exchange.ts";
import type { Headers } from "../exchange/headers.ts";

/*
 * What expressions see of an exchange. Each noun is a view: nothing is copied or built until an expression asks for that field.
 */

/** The top of every expression: its getters are the names that an expression may begin with. */
export class Scope {
  readonly #x: Exchange;
  readonly #clock: Clock;
  constructor(x: Exchange, clock: Clock) {
    this.#x = x;
    this.#clock = clock;
  }
  get request(): RequestView {
    return new RequestView(this.#x);
  }
  get response(): ResponseView {
    return new ResponseView(this.#x);
  }
  get caller(): CallerView {
    return new CallerView(this.#x.caller ?? nobody);
  }
  get api(): ApiView {
    return new ApiView(this.#x.route);
  }
  get operation(): OperationView {
    return new OperationView(this.#x.route);
  }
  get variables(): ReadonlyMap<string, unknown> {
    const variables = this.#x.variables;
    return lazyMap(
      (name) => numberAsCel(variables.get(name)),
      () => new Map([...variables].map(([name, value]) => [name, numberAsCel(value)])),
    );
  }
  get error(): ErrorView {
    return new ErrorView(this.#x.fault ?? noFault);
  }
  get now(): Date {
    return new Date(this.#clock.nowMs());
  }
}

/** `request`: as it came, with the changes that policies made to method, headers and query. */
export class RequestView {
  readonly #x: Exchange;
  constructor(x: Exchange) {
    this.#x = x;
  }
  get method(): string {
    return this.#x.request.method;
  }
  get scheme(): string {
    return this.#x.request.scheme;
  }
  get host(): string {
    return this.#x.request.host;
  }
  get path(): string {
    return this.#x.request.path;
  }
  get queryString(): string {
    return this.#x.request.query;
  }
  get url(): string {
    const { scheme, host, path, query } = this.#x.request;
    return `${scheme}://${host}${path}${query === "" ? "" : `?${query}`}`;
  }
  get ip(): string {
    return this.#x.request.clientIp;
  }
  get id(): string {
    return this.#x.id;
  }
  get certificate(): ReadonlyMap<string, unknown> {
    return certificateMap(this.#x.request.clientCertificate);
  }
  get headers(): ReadonlyMap<string, string> {
    return headerMap(this.#x.request.headers);
  }
  get query(): ReadonlyMap<string, string> {
    const request = this.#x.request;
    return lazyMap(
      (name) => request.queryParameter(name),
      () => {
        const all = new Map<string, string>();
        for (const [name, value] of new URLSearchParams(request.upstreamQuery))
          if (!all.has(name)) all.set(name, value);
        return all;
      },
    );
  }
  get body(): string {
    return textOfBody(this.#x.request.body);
  }
  get json(): unknown {
    return jsonOfBody(this.#x.request.body);
  }
  get params(): ReadonlyMap<string, string> {
    const params = this.#x.request.params;
    return lazyMap(
      (name) => (Object.hasOwn(params, name) ? params[name] : undefined),
      () => new Map(Object.entries(params)),
    );
  }
}

/** Every field is there also where the client has shown no certificate, so that an expression need not ask twice. */
const certificateMap = (certificate: ClientCertificate | null): ReadonlyMap<string, unknown> => {
  if (certificate === null) return noCertificate;
  const field = (name: string): unknown => {
    if (name === "isPresent") return true;
    if (name === "notBefore") return new Date(certificate.notBeforeMs);
    if (name === "notAfter") return new Date(certificate.notAfterMs);
    return noCertificate.has(name) ? Reflect.get(certificate, name) : undefined;
  };
  return lazyMap(field, () => new Map([...noCertificate.keys()].map((name) => [name, field(name)])));
};

const noCertificate: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ["isPresent", false],
  ["isVerified", false],
  ["subject", ""],
  ["commonName", ""],
  ["issuer", ""],
  ["serialNumber", ""],
  ["thumbprint", ""],
  ["thumbprintSha256", ""],
  ["alternativeNames", []],
  ["dnsNames", []],
  ["notBefore", new Date(0)],
  ["notAfter", new Date(0)],
  ["pem", ""],
]);

/** `response`: status 0 and no headers while there is none. */
export class ResponseView {
  readonly #x: Exchange;
  constructor(x: Exchange) {
    this.#x = x;
  }
  get status(): bigint {
    return BigInt(this.#x.reply?.status ?? 0);
  }
  get headers(): ReadonlyMap<string, string> {
    const reply = this.#x.reply;
    return reply ? headerMap(reply.headers) : new Map();
  }
  get body(): string {
    const reply = this.#x.reply;
    return reply === null ? "" : textOfBody(reply.body);
  }
  get json(): unknown {
    const reply = this.#x.reply;
    return reply === null ? null : jsonOfBody(reply.body);
  }
}

/** `caller`: empty strings where nobody is known. */
export class CallerView {
  readonly #caller: Caller;
  constructor(caller: Caller) {
    this.#caller = caller;
  }
  get kind(): string {
    return this.#caller.kind;
  }
  get subscription(): string {
    return this.#caller.subscription;
  }
  get application(): string {
    return this.#caller.application;
  }
  get organization(): string {
    return this.#caller.organization;
  }
  get product(): string {
    return this.#caller.product;
  }
  get plan(): string {
    return this.#caller.plan;
  }
  get subject(): string {
    return this.#caller.subject;
  }
  get claims(): Readonly<Record<string, unknown>> {
    return this.#caller.claims;
  }
}

/** `api`: where the call was routed to. */
export class ApiView {
  readonly #route: RouteFacts;
  constructor(route: RouteFacts) {
    this.#route = route;
  }
  get name(): string {
    return this.#route.api;
  }
  get title(): string {
    return this.#route.apiTitle;
  }
  get path(): string {
    return this.#route.apiPath;
  }
  get version(): string {
    return this.#route.version;
  }
}

/** `operation`: its id, method and path template. */
export class OperationView {
  readonly #route: RouteFacts;
  constructor(route: RouteFacts) {
    this.#route = route;
  }
  get id(): string {
    return this.#route.operation;
  }
  get method(): string {
    return this.#route.method;
  }
  get path(): string {
    return this.#route.pathTemplate;
  }
}

/** `error`: what went wrong, in `on-error`; empty strings elsewhere. */
export class ErrorView {
  readonly #fault: ExchangeFault;
  constructor(fault: ExchangeFault) {
    this.#fault = fault;
  }
  get code(): string {
    return this.#fault.code;
  }
  get source(): string {
    return this.#fault.source;
  }
  get section(): string {
    return this.#fault.section;
  }
  get message(): string {
    return this.#fault.message;
  }
}

const wholeOf = (body: Body): Uint8Array => {
  const { whole } = body;
  if (whole === undefined) throw new Error("the body has not been read");
  return whole;
};

const textOfBody = (body: Body): string => Buffer.from(wholeOf(body)).toString("utf8");

/** Parsed once for the same bytes: conditions of one policy often ask for the same body again and again. */
const parsedBodies = new WeakMap<Uint8Array, unknown>();

const jsonOfBody = (body: Body): unknown => {
  const bytes = wholeOf(body);
  if (!parsedBodies.has(bytes)) {
    const text = Buffer.from(bytes).toString("utf8");
    // Whole numbers are integers for CEL, at any depth.
    parsedBodies.set(bytes, text === "" ? null : JSON.parse(text, (_key, value: unknown) => numberAsCel(value)));
  }
  return parsedBodies.get(bytes);
};

const nobody = callerOf({ kind: "" });
const noFault: ExchangeFault = { code: "", source: "", section: "", message: "" };

/** CEL writes `1` for an integer and would refuse `variables.n + 1` for a JavaScript number; whole numbers become integers. */
const numberAsCel = (value: unknown): unknown =>
  typeof value === "number" && Number.isSafeInteger(value) ? BigInt(value) : value;

const headerMap = (headers: Headers): ReadonlyMap<string, string> =>
  lazyMap(
    (name) => headers.get(name),
    () => {
      const all = new Map<string, string>();
      for (const [name, value] of headers.entries()) {
        const lower = name.toLowerCase();
        if (!all.has(lower)) all.set(lower, value);
      }
      return all;
    },
  );

const lazyMap = <V>(find: (name: string) => V | undefined, all: () => Map<string, V>): ReadonlyMap<string, V> =>
  new LazyMap(find, all);

/** A map that looks up without being built, and is built when it is walked. */
class LazyMap<V> extends Map<string, V> {
  readonly #find: (name: string) => V | undefined;
  readonly #make: () => Map<string, V>;
  #all: Map<string, V> | undefined;
  constructor(find: (name: string) => V | undefined, all: () => Map<string, V>) {
    super();
    this.#find = find;
    this.#make = all;
  }
  #built(): Map<string, V> {
    this.#all ??= this.#make();
    return this.#all;
  }
  override get(name: string): V | undefined {
    return this.#find(name);
  }
  override has(name: string): boolean {
    return this.#find(name) !== undefined;
  }
  override get size(): number {
    return this.#built().size;
  }
  override keys(): MapIterator<string> {
    return this.#built().keys();
  }
  override values(): MapIterator<V> {
    return this.#built().values();
  }
  override entries(): MapIterator<[string, V]> {
    return this.#built().entries();
  }
  override [Symbol.iterator](): MapIterator<[string, V]> {
    return this.#built().entries();
  }
}
// The library tells a CEL map by `constructor === Map`; a lazy map is one in every other respect.
Object.defineProperty(LazyMap.prototype, "constructor", { value: Map });
