import type { KeyObject } from "node:crypto";
import type { Kysely } from "kysely";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { UnitError } from "../model/snapshot.ts";
import type { Tables } from "../store/schema.ts";
import type { Configuration } from "./configuration.ts";
import type { DocumentLibrary } from "./documents.ts";
import type { ExplanationRing } from "./requests/explanation-ring.ts";
import type { RequestRing } from "./requests/request-ring.ts";
import type { SecretBox } from "./secret-box.ts";
import type { UnitWorkshop } from "./units.ts";
import type { WriteQueue } from "./write-queue.ts";

/** Told of each committed revision, so that it can be delivered at once. */
type AnnounceRevision = (revision: number) => void;

/** Everything that operations use; nothing is global. */
export interface ManagementTools {
  readonly db: Kysely<Tables>;
  readonly clock: Clock;
  readonly log: Log;
  readonly configuration: Configuration;
  readonly documents: DocumentLibrary;
  readonly units: UnitWorkshop;
  readonly box: SecretBox;
  /** Writes of this process, one after the other. */
  readonly writes: WriteQueue;
  readonly announce: AnnounceRevision;
  /** APIs that cannot be made into what gateways run, as delivery last found. */
  readonly deliveryErrors: () => readonly UnitError[];
  readonly requests: RequestRing;
  readonly explanations: ExplanationRing;
  /** Signs the tokens that ask gateways to explain calls. */
  readonly explainKey: KeyObject;
  /** Where the database is, for backup and restore, which open connections of their own. */
  readonly databaseUrl: string;
  /** Forgets what is kept in memory of the database, after a restore replaced it. */
  readonly forget: () => void;
  /** SHA-256 of the owner token in hex. */
  readonly ownerTokenDigest: string;
  /** SHA-256 of the gateways' token in hex. */
  readonly gatewayTokenDigest: string;
  /** Whether documents may be fetched from private addresses. */
  readonly mayFetchPrivate: boolean;
  /** Where temporary files go. */
  readonly scratchDir: string;
}
