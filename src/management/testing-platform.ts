import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { httpBackend } from "../backends/http.ts";
import { mockBackend } from "../backends/mock.ts";
import { systemClock } from "../base/clock.ts";
import { jsonLog, silentLog } from "../base/log.ts";
import { compileValue } from "../expressions/value.ts";
import { checkUnit } from "../gateway/compile/check-unit.ts";
import { keyAuth } from "../policies/key-auth.ts";
import { rateLimit } from "../policies/rate-limit.ts";
import { setHeader } from "../policies/set-header.ts";
import { migrate } from "../store/migrate.ts";
import { migrationSteps } from "../store/migrations/steps.ts";
import type { Tables } from "../store/schema.ts";
import { openTestDatabase, type TestDatabase } from "../store/testing-database.ts";
import { newBearer } from "./bearer.ts";
import { type Management, openManagement } from "./management.ts";
import { secretBox } from "./secret-box.ts";
import type { CheckUnits } from "./units.ts";

/** A management API over a database of its own, for tests. */
export interface TestPlatform {
  readonly management: Management;
  readonly database: TestDatabase<Tables>;
  readonly ownerToken: string;
  readonly gatewayToken: string;
  /** In hex. */
  readonly secretKey: string;
  readonly scratchDir: string;
  /** Every line that was logged. */
  readonly logged: string[];
  /** A request below `/api/v1`; as the owner unless `token` says otherwise, `""` for nobody. */
  call(method: string, path: string, body?: unknown, options?: CallOptions): Promise<TestAnswer>;
  /** A request below `/gateway/v1` as a gateway. */
  gateway(path: string, body: unknown, signal?: AbortSignal): Promise<Response>;
  /** Another control process on the same database. */
  another(): Promise<Management>;
  close(): Promise<void>;
}

/** What a test may say beside method, path and body. */
export interface CallOptions {
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer with its body read. */
export interface TestAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The JSON of the body; members are read with `at`. */
  readonly json: unknown;
  /** A member of the JSON by path: `at("items", 0, "name")`. */
  at(...path: readonly (string | number)[]): unknown;
}

const prepare = (db: Parameters<typeof migrate<Tables>>[0]) => migrate(db, migrationSteps, { log: silentLog });

/** Compiles units with the real engine and the policies that the tests name. */
export const checkWithEngine: CheckUnits = (units) =>
  units.flatMap(
    (unit) =>
      checkUnit(unit, {
        policies: [keyAuth, rateLimit, setHeader],
        backends: [httpBackend, mockBackend],
        compileValue,
      }) ?? [],
  );

/** Opens a platform. */
export const openTestPlatform = async (): Promise<TestPlatform> => {
  const database = await openTestDatabase<Tables>({ prepare });
  const scratchDir = await mkdtemp(join(tmpdir(), "portico-management-"));
  const logged: string[] = [];
  const ownerToken = newBearer("owner");
  const gatewayToken = newBearer("gateway");
  const key = randomBytes(32);
  const open = (): Promise<Management> =>
    openManagement({
      db: database.db,
      databaseUrl: database.url,
      clock: systemClock,
      log: jsonLog({ level: "debug", write: (line) => logged.push(line) }),
      box: secretBox(key),
      checkUnits: checkWithEngine,
      ownerToken,
      gatewayToken,
      environment: {},
      mayFetchPrivate: true,
      scratchDir,
      pollMs: 50,
    });
  const management = await open();
  const others: Management[] = [];
  return {
    management,
    database,
    ownerToken,
    gatewayToken,
    secretKey: key.toString("hex"),
    scratchDir,
    logged,
    call: (method, path, body, options = {}) => answerOf(management, ownerToken, method, path, body, options),
    gateway: (path, body, signal) =>
      management.fetch(
        new Request(`http://control.test/gateway/v1${path}`, {
          method: "POST",
          headers: { authorization: `Bearer ${gatewayToken}`, "content-type": "application/json" },
          body: JSON.stringify(body),
          ...(signal === undefined ? {} : { signal }),
        }),
      ),
    another: async () => {
      const other = await open();
      others.push(other);
      return other;
    },
    close: async () => {
      for (const one of [management, ...others]) await one.stop();
      await database.close();
      await rm(scratchDir, { recursive: true, force: true });
    },
  };
};

const answerOf = async (
  management: Management,
  ownerToken: string,
  method: string,
  path: string,
  body: unknown,
  options: CallOptions,
): Promise<TestAnswer> => {
  const token = options.token ?? ownerToken;
  const isBytes = body instanceof Uint8Array;
  const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
  const response = await management.fetch(
    new Request(`http://control.test/api/v1${path}`, {
      method,
      headers: {
        host: "control.test",
        ...(token === "" ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { "content-type": isBytes ? "application/octet-stream" : type }),
        ...options.headers,
      },
      ...(body === undefined ? {} : { body: isBytes ? new Uint8Array(body) : JSON.stringify(body) }),
    }),
  );
  const text = await response.text();
  const isJson = /json/.test(response.headers.get("content-type") ?? "");
  const json: unknown = isJson && text !== "" ? JSON.parse(text) : undefined;
  return {
    status: response.status,
    headers: response.headers,
    text,
    json,
    at: (...steps) => {
      let here = json;
      for (const step of steps) {
        if (here === null || typeof here !== "object") return undefined;
        here = Array.isArray(here) && step === -1 ? here.at(-1) : Reflect.get(here, step);
      }
      return here;
    },
  };
};

/** A small OpenAPI document; `operations` are ids, each served at a path of its own. */
export const testDocument = (title: string, operations: readonly string[] = ["listThings"]): string =>
  JSON.stringify({
    openapi: "3.1.0",
    info: { title, version: "1" },
    paths: Object.fromEntries(
      operations.map((id) => [
        `/${id}`,
        {
          get: {
            operationId: id,
            responses: { 200: { description: "Well.", content: { "application/json": { example: { id } } } } },
          },
        },
      ]),
    ),
  });

/** The body of an import of `testDocument`. */
export const importBody = (
  name: string,
  more: Readonly<Record<string, unknown>> = {},
  operations?: readonly string[],
): Readonly<Record<string, unknown>> => ({
  name,
  path: `/${name}`,
  backend: "mock",
  document: {
    fileName: "openapi.json",
    contentBase64: Buffer.from(testDocument(name, operations)).toString("base64"),
  },
  ...more,
});
