import type { Role } from "./rights.ts";

/** Who sends a request. */
export interface Actor {
  /** As audit and revisions name it: `owner`, `user anna`, `user anna (token ci)`. */
  readonly name: string;
  readonly roles: readonly Role[];
  readonly userId: string | undefined;
  readonly by: "owner-token" | "token" | "session" | "platform";
  /** Set for a session, so that it can be ended. */
  readonly sessionId: string | undefined;
}
