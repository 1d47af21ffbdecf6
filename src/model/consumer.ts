import { z } from "zod";
import { nameSchema } from "./names.ts";

/** Who owns applications; people come and go. */
export interface Organization {
  readonly id: string;
  readonly name: string;
  readonly title?: string;
}

/** A program that calls APIs. */
export interface Application {
  readonly id: string;
  readonly organizationId: string;
  readonly name: string;
  readonly title?: string;
}

/** Life of a subscription; only `active` may call. */
export const subscriptionStates = {
  pending: { mayCall: false },
  active: { mayCall: true },
  suspended: { mayCall: false },
  rejected: { mayCall: false },
  ended: { mayCall: false },
} as const;
export type SubscriptionState = keyof typeof subscriptionStates;
export const subscriptionStateSchema = z.enum(["pending", "active", "suspended", "rejected", "ended"]);

/** An application's use of a product under a plan, with two key slots. */
export interface Subscription {
  readonly id: string;
  readonly applicationId: string;
  readonly product: string;
  readonly plan: string;
  readonly state: SubscriptionState;
}

export const keySlots = ["primary", "secondary"] as const;
export type KeySlot = (typeof keySlots)[number];

/** A name for a consumer's noun: the same rule as for resources. */
export const consumerNameSchema = nameSchema;
