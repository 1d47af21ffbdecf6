import type { ClientCertificate } from "../../exchange/client-certificate.ts";
import type { ExchangeRequest } from "../../exchange/exchange.ts";
import { Head } from "./head.ts";
import { HeadFields } from "./head-fields.ts";
import { latin1Of } from "./latin1.ts";
import { MessageBody } from "./message-body.ts";
import { queryValues, withQueryParameter } from "./query.ts";
import type { TlsFacts } from "./sides.ts";

const noParams: Readonly<Record<string, string>> = Object.freeze({});

/** The request of an exchange: offsets into the bytes that came, and strings once somebody has asked. */
export class WireRequest implements ExchangeRequest {
  readonly head: Head = new Head();
  readonly fields: HeadFields = new HeadFields();
  readonly body: MessageBody = new MessageBody(true);
  method = "";
  scheme: "http" | "https" = "http";
  host = "";
  clientIp = "";
  /** What is known of the client's TLS connection; null: it speaks plain. */
  tls: TlsFacts | null = null;
  /** Protocols that the client wants to change to, in lower case, `,` between them; almost always empty. */
  upgrade = "";
  /** Where the path begins in the target: behind `http://host` of an absolute-form target (RFC 9112 section 3.2.2). */
  pathStart = 0;
  #path: string | null = null;
  #query: string | null = null;
  #upstreamPath: string | null = null;
  #upstreamQuery: string | null = null;
  #params: Readonly<Record<string, string>> | null = null;
  #makeParams: (() => Readonly<Record<string, string>>) | null = null;

  constructor() {
    // A new request must show its fields like one that is used again.
    this.fields.reset(this.head);
  }

  reset(): void {
    this.head.release();
    this.fields.reset(this.head);
    this.body.reset(null);
    this.method = "";
    this.scheme = "http";
    this.host = "";
    this.clientIp = "";
    this.tls = null;
    this.upgrade = "";
    this.pathStart = 0;
    this.#path = null;
    this.#query = null;
    this.#upstreamPath = null;
    this.#upstreamQuery = null;
    this.#params = null;
    this.#makeParams = null;
  }

  get headers(): HeadFields {
    return this.fields;
  }

  get clientCertificate(): ClientCertificate | null {
    return this.tls === null ? null : this.tls.clientCertificate;
  }

  get path(): string {
    const { head } = this;
    if (this.#path === null)
      this.#path = latin1Of(head.bytes, this.pathStart, head.pathEnd) || (head.targetEnd > head.targetStart ? "/" : "");
    return this.#path;
  }

  get query(): string {
    const { head } = this;
    if (this.#query === null)
      this.#query = head.pathEnd < head.targetEnd ? latin1Of(head.bytes, head.pathEnd + 1, head.targetEnd) : "";
    return this.#query;
  }

  get originalTarget(): string {
    return this.query === "" ? this.path : `${this.path}?${this.query}`;
  }

  /** Path and query for the backend are parts of what came over the wire: their bytes have been looked at. */
  get isTargetAsCame(): boolean {
    return (
      (this.#upstreamPath === null || this.path.endsWith(this.#upstreamPath)) &&
      (this.#upstreamQuery === null || this.#upstreamQuery === this.#query)
    );
  }

  get upstreamPath(): string {
    return this.#upstreamPath ?? this.path;
  }

  set upstreamPath(path: string) {
    this.#upstreamPath = path;
  }

  get upstreamQuery(): string {
    return this.#upstreamQuery ?? this.query;
  }

  set upstreamQuery(query: string) {
    this.#upstreamQuery = query;
  }

  get params(): Readonly<Record<string, string>> {
    if (this.#params === null) this.#params = this.#makeParams?.() ?? noParams;
    return this.#params;
  }

  setParams(make: () => Readonly<Record<string, string>>): void {
    this.#makeParams = make;
    this.#params = null;
  }

  queryParameter(name: string): string | undefined {
    return this.upstreamQuery === "" ? undefined : queryValues(this.upstreamQuery, name)[0];
  }

  queryParameters(name: string): readonly string[] {
    return this.upstreamQuery === "" ? [] : queryValues(this.upstreamQuery, name);
  }

  setQueryParameter(name: string, values: readonly string[] | null): void {
    this.upstreamQuery = withQueryParameter(this.upstreamQuery, name, values);
  }
}
