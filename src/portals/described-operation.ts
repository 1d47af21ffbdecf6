import { z } from "zod";

/** One line of a schema, with what lies below it. */
export interface SchemaNode {
  readonly role: "root" | "property" | "items" | "additional" | "choice";
  readonly name?: string | undefined;
  readonly type: string;
  readonly refName?: string | undefined;
  readonly isRequired: boolean;
  readonly isDeprecated: boolean;
  readonly isReadOnly: boolean;
  readonly isWriteOnly: boolean;
  readonly title?: string | undefined;
  readonly description?: string | undefined;
  readonly constraints: readonly string[];
  readonly enum?: readonly unknown[] | undefined;
  readonly default?: unknown;
  readonly example?: unknown;
  readonly children: readonly SchemaNode[];
  readonly isTruncated: boolean;
  readonly isRecursive: boolean;
}

const schemaNodeSchema: z.ZodType<SchemaNode> = z.lazy(() =>
  z.object({
    role: z.enum(["root", "property", "items", "additional", "choice"]),
    name: z.string().optional(),
    type: z.string(),
    refName: z.string().optional(),
    isRequired: z.boolean(),
    isDeprecated: z.boolean(),
    isReadOnly: z.boolean(),
    isWriteOnly: z.boolean(),
    title: z.string().optional(),
    description: z.string().optional(),
    constraints: z.array(z.string()),
    enum: z.array(z.unknown()).optional(),
    default: z.unknown().optional(),
    example: z.unknown().optional(),
    children: z.array(schemaNodeSchema),
    isTruncated: z.boolean(),
    isRecursive: z.boolean(),
  }),
);

const parameterSchema = z.object({
  name: z.string(),
  in: z.enum(["path", "query", "header", "cookie", "querystring"]),
  isRequired: z.boolean(),
  isDeprecated: z.boolean(),
  description: z.string().optional(),
  schema: schemaNodeSchema.optional(),
  example: z.unknown().optional(),
});
export type DescribedParameter = z.infer<typeof parameterSchema>;

const exampleSchema = z.object({
  name: z.string().optional(),
  summary: z.string().optional(),
  mediaType: z.string(),
  text: z.string(),
  isGiven: z.boolean(),
  isTruncated: z.boolean(),
});

const contentSchema = z.object({
  mediaTypes: z.array(z.string()),
  isStream: z.boolean(),
  schema: schemaNodeSchema.optional(),
  examples: z.array(exampleSchema),
});
export type DescribedContent = z.infer<typeof contentSchema>;

const responseSchema = z.object({
  status: z.string(),
  description: z.string().optional(),
  headers: z.array(parameterSchema),
  content: z.array(contentSchema),
});
export type DescribedResponse = z.infer<typeof responseSchema>;

/** An operation as the management API describes it: bounded, references resolved. */
export const describedOperationSchema = z.object({
  id: z.string(),
  method: z.string(),
  path: z.string(),
  summary: z.string().optional(),
  description: z.string().optional(),
  tags: z.array(z.string()),
  isDeprecated: z.boolean(),
  security: z.array(z.array(z.object({ scheme: z.string(), scopes: z.array(z.string()) }))),
  parameters: z.array(parameterSchema),
  requestBody: z
    .object({ isRequired: z.boolean(), description: z.string().optional(), content: z.array(contentSchema) })
    .optional(),
  responses: z.array(responseSchema),
});
export type DescribedOperation = z.infer<typeof describedOperationSchema>;
