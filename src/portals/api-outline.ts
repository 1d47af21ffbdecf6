import { z } from "zod";
import { tagSlug } from "./tag-slug.ts";

const outlineOperationSchema = z.object({
  id: z.string(),
  method: z.string(),
  path: z.string(),
  summary: z.string().optional(),
  isDeprecated: z.boolean(),
});
export type OutlineOperation = z.infer<typeof outlineOperationSchema>;

const outlineTagSchema = z.object({
  /** Empty for operations without a tag. */
  name: z.string(),
  summary: z.string().optional(),
  description: z.string().optional(),
  parent: z.string().optional(),
  operations: z.array(outlineOperationSchema),
});
export type OutlineTag = z.infer<typeof outlineTagSchema>;

/** What a navigation needs of a whole document, as the management API gives it. */
export const apiOutlineSchema = z.object({
  title: z.string(),
  apiVersion: z.string().optional(),
  summary: z.string().optional(),
  description: z.string().optional(),
  termsOfService: z.string().optional(),
  contact: z
    .object({ name: z.string().optional(), url: z.string().optional(), email: z.string().optional() })
    .optional(),
  license: z.object({ name: z.string().optional(), url: z.string().optional() }).optional(),
  tags: z.array(outlineTagSchema),
  operationCount: z.number(),
});
export type ApiOutline = z.infer<typeof apiOutlineSchema>;

/** The tag that an address names. */
export const tagOfSlug = (outline: ApiOutline, slug: string): OutlineTag | undefined =>
  outline.tags.find((tag) => tagSlug(tag.name) === slug);
