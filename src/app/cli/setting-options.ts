import { type SettingName, type Settings, settingRows, settingsFile, settingsFrom } from "../settings.ts";
import type { Call, OptionSpec } from "./command.ts";

/** Settings as flags of a command. */
export const settingOptions = (names: readonly SettingName[]): readonly OptionSpec[] =>
  names.map((name) => {
    const { flag, env, defaultText, description } = settingRows[name];
    return { flags: flag, description, env, defaultText };
  });

/** The settings of one call: flags, then environment, then the portico.yaml of a directory (the current one unless told). */
export const settingsOfCall = async (call: Call, directory: string = call.terminal.cwd): Promise<Settings> =>
  settingsFrom({
    flag: (name) => call.text(name) ?? (call.isSet(name) ? true : undefined),
    env: call.terminal.env,
    file: await settingsFile(directory),
  });
