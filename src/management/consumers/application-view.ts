import { z } from "zod";
import type { StoredApplication } from "../../store/repositories/applications.ts";

/** An application as it is shown. */
export const applicationSchema = z
  .object({
    id: z.string(),
    organizationId: z.string(),
    organization: z.string().describe("The organization's name."),
    name: z.string(),
    title: z.string().optional(),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: "Application" });

/** The view of a row. */
export const applicationView = (row: StoredApplication) => ({
  id: row.id,
  organizationId: row.organizationId,
  organization: row.organization,
  name: row.name,
  title: row.title,
  createdAt: row.createdAt.toISOString(),
});
