import { durationMs } from "../../base/duration.ts";
import type { ApiUnit, UnitOperation } from "../../model/snapshot.ts";
import type { Streams } from "../../model/streams.ts";
import { type LongStream, type StreamSettings, streamDefaults } from "../stream-settings.ts";

/**
 * What an API allows, and its operations instead: one object for all that say nothing of their own. WebSocket is allowed where nothing is
 * said: the policies decide about its handshake as about any call, and a backend's 101 must answer that very handshake.
 */
export const streamsFor = (unit: ApiUnit, open: Set<LongStream>): ((operation: UnitOperation) => StreamSettings) => {
  const common = settingsOf(unit.upgrade, unit.streams ?? {}, open);
  return ({ upgrade, streams }) =>
    upgrade === undefined && streams === undefined
      ? common
      : settingsOf(upgrade ?? unit.upgrade, { ...unit.streams, ...streams }, open);
};

const settingsOf = (upgrade: ApiUnit["upgrade"], streams: Streams, open: Set<LongStream>): StreamSettings => {
  const { drain } = streams;
  return {
    upgrade: upgrade === "none" ? [] : (upgrade ?? ["websocket"]),
    upgradeIdleMs: msOf(streams["idle-timeout"], streamDefaults.upgradeIdleMs),
    eventIdleMs: msOf(streams["idle-timeout"], streamDefaults.eventIdleMs),
    lifetimeMs: msOf(streams.lifetime, streamDefaults.lifetimeMs),
    frameBytesMax: streams["frame-bytes-max"] ?? streamDefaults.frameBytesMax,
    messageBytesMax: streams["message-bytes-max"] ?? streamDefaults.messageBytesMax,
    drainMs: drain === undefined || drain === "keep" ? null : msOf(drain, 0),
    open,
  };
};

const msOf = (duration: string | number | undefined, otherwise: number): number =>
  duration === undefined ? otherwise : (durationMs(duration) ?? otherwise);
