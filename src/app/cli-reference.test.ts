import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { z } from "zod";
import { processSettingsSchema } from "../model/settings.ts";
import { commands } from "./cli/commands.ts";
import { cliReference } from "./cli-reference.ts";
import { settingRows } from "./settings.ts";

const file = new URL("../../docs/cli.md", import.meta.url);

test("docs/cli.md is what the commands say", () => {
  if (process.env.UPDATE_GOLDEN) writeFileSync(file, cliReference());
  assert.equal(readFileSync(file, "utf8"), cliReference());
});

test("every command of the contract is there", () => {
  const names = new Set(commands.map(({ name }) => name.split(" ")[0]));
  const promised =
    "up gateway control functions controller init import lint diff apply pull test try explain revisions rollback keys logs deploy translate mock doctor backup restore completion";
  assert.deepEqual(
    promised.split(" ").filter((name) => !names.has(name)),
    [],
  );
});

test("no flag takes a secret", () => {
  const flags = commands.flatMap(({ options }) => options ?? []).map((option) => option.flags);
  assert.ok(flags.length > 30);
  assert.deepEqual(
    flags.filter((text) => /--(token|key|password|secret)\b(?!-file)/.test(text)),
    [],
  );
});

test("portico.yaml knows the settings that may stand in a file, and no others", () => {
  const inFile = Object.entries(settingRows)
    .filter(([, row]) => row.isInFile)
    .map(([name]) => name);
  // A group of the file is a prefix of flags: `otlp: { endpoint }` is `--otlp-endpoint`.
  const names = Object.entries(processSettingsSchema.shape).flatMap(([name, schema]) => {
    const inner: unknown = schema.unwrap();
    return inner instanceof z.ZodObject ? Object.keys(inner.shape).map((member) => `${name}-${member}`) : [name];
  });
  assert.deepEqual(inFile.sort(), names.sort());
});
