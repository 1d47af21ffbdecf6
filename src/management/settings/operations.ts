import { z } from "zod";
import { settingsName } from "../../model/resource.ts";
import { type Settings, settingsSchema } from "../../model/settings.ts";
import { type Change, findIn } from "../change.ts";
import { mergePatch } from "../merge-patch.ts";
import { defineOperation, type Operation } from "../operation.ts";
import { checkBody } from "../parse-request.ts";
import { putResource } from "../resources/collection.ts";

const bodySchema = settingsSchema.meta({ id: "Settings", description: "What `portico.yaml` says." });
const settingsBytesMax = 32 * 1024 * 1024;

const current = (change: Change): Settings => change.find("settings", settingsName)?.resource.body ?? {};

/** What portico.yaml says. */
export const getSettings: Operation = defineOperation({
  id: "getSettings",
  method: "GET",
  path: "/settings",
  tag: "Settings",
  summary: "Read the platform's settings",
  access: "settings.read",
  hasEtag: true,
  answers: { 200: { description: "The settings; an empty object where none were written.", schema: bodySchema } },
  run: async ({ tools }) => {
    const { resources } = await tools.configuration.read();
    return { status: 200, json: findIn(resources, "settings", settingsName)?.resource.body ?? {} };
  },
});

/** Replaces the settings. */
export const putSettings: Operation = defineOperation({
  id: "putSettings",
  method: "PUT",
  path: "/settings",
  tag: "Settings",
  summary: "Replace the platform's settings",
  access: "settings.write",
  body: bodySchema,
  bodyBytesMax: settingsBytesMax,
  hasEtag: true,
  answers: { 200: { description: "Replaced.", schema: bodySchema } },
  refusals: [412, 415, 422],
  run: (call) =>
    call.change(async (change) => {
      call.match(current(change));
      putResource(change, { kind: "settings", name: settingsName, body: call.body });
      return { status: 200, json: current(change) };
    }),
});

/** Changes fields of the settings. */
export const patchSettings: Operation = defineOperation({
  id: "patchSettings",
  method: "PATCH",
  path: "/settings",
  tag: "Settings",
  summary: "Change fields of the platform's settings",
  description: "JSON Merge Patch (RFC 7396).",
  access: "settings.write",
  body: z.record(z.string(), z.unknown()),
  bodyBytesMax: settingsBytesMax,
  hasEtag: true,
  answers: { 200: { description: "Changed.", schema: bodySchema } },
  refusals: [412, 415, 422],
  run: (call) =>
    call.change(async (change) => {
      call.match(current(change));
      const body = checkBody(settingsSchema, mergePatch(current(change), call.body));
      putResource(change, { kind: "settings", name: settingsName, body });
      return { status: 200, json: current(change) };
    }),
});
