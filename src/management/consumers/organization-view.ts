import { z } from "zod";
import type { StoredOrganization } from "../../store/repositories/organizations.ts";

/** An organization as it is shown. */
export const organizationSchema = z
  .object({ id: z.string(), name: z.string(), title: z.string().optional(), createdAt: z.iso.datetime() })
  .meta({ id: "Organization" });

/** The view of a row. */
export const organizationView = (row: StoredOrganization) => ({
  id: row.id,
  name: row.name,
  title: row.title,
  createdAt: row.createdAt.toISOString(),
});
