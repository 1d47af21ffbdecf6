import { strings } from "./strings.ts";

/** How long ago something was, in words. */
export const agoText = (atMs: number, nowMs: number): string => {
  const seconds = Math.round((nowMs - atMs) / 1000);
  if (seconds < 5) return strings.time.now;
  if (seconds < 60) return strings.time.seconds(seconds);
  if (seconds < 3600) return strings.time.minutes(Math.round(seconds / 60));
  if (seconds < 86_400) return strings.time.hours(Math.round(seconds / 3600));
  return strings.time.days(Math.round(seconds / 86_400));
};
