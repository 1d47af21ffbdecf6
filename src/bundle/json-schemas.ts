import { z } from "zod";
import { policyStepSchema } from "../model/policy-document.ts";
import { type ResourceKind, resourceKinds, resourceSchemas } from "../model/resource.ts";
import { scenarioFileSchema } from "./scenario-file.ts";

/** A policy as editors are to know it. */
export interface PolicyHint {
  readonly name: string;
  readonly summary: string;
  /** JSON Schema of its configuration. */
  readonly schema: object;
  /** True where a bare value may stand for the configuration. */
  readonly hasShorthand: boolean;
}

/** Where `init` puts the JSON Schemas; the leading dot keeps them out of the bundle. */
export const schemaFolder = ".portico/schemas";

/** The file of a kind's JSON Schema, relative to the bundle. */
export const schemaPathOf = (kind: ResourceKind): string => `${schemaFolder}/${kind}.schema.json`;

/** The JSON Schema of every file of a bundle by path, made from the schemas that the files are checked with. */
export const jsonSchemas = (policies: readonly PolicyHint[] = []): ReadonlyMap<string, string> =>
  new Map([
    ...resourceKinds.map((kind): [string, string] => [schemaPathOf(kind), textOf(schemaOf(kind, policies))]),
    [scenarioSchemaPath, textOf(z.toJSONSchema(scenarioFileSchema, { io: "input" }))],
  ]);

/** The file of the JSON Schema of `tests/NAME.test.yaml`. */
const scenarioSchemaPath = `${schemaFolder}/scenarios.schema.json`;

const textOf = (schema: object): string => `${JSON.stringify(schema, null, 2)}\n`;

const schemaOf = (kind: ResourceKind, policies: readonly PolicyHint[]): object =>
  z.toJSONSchema(resourceSchemas[kind], {
    io: "input",
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema !== policyStepSchema || policies.length === 0) return;
      for (const name of Object.keys(jsonSchema)) Reflect.deleteProperty(jsonSchema, name);
      Object.assign(jsonSchema, {
        anyOf: [
          { const: "base", description: "Runs the outer scope's section here." },
          {
            type: "object",
            minProperties: 1,
            maxProperties: 1,
            additionalProperties: false,
            properties: stepProperties(policies),
          },
        ],
      });
    },
  });

const stepProperties = (policies: readonly PolicyHint[]): Readonly<Record<string, object>> =>
  Object.fromEntries(
    policies.map(({ name, summary, schema, hasShorthand }) => [
      name,
      hasShorthand
        ? { description: summary, anyOf: [schema, { type: ["string", "number", "boolean"] }] }
        : { description: summary, ...schema },
    ]),
  );
