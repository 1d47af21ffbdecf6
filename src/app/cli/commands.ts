import { apply } from "./apply.ts";
import { backup } from "./backup.ts";
import type { CommandSpec } from "./command.ts";
import { completionFor } from "./completion.ts";
import { control } from "./control.ts";
import { diff } from "./diff.ts";
import { doctor } from "./doctor.ts";
import { explain } from "./explain.ts";
import { gateway } from "./gateway.ts";
import { importApi } from "./import.ts";
import { init } from "./init.ts";
import { keyCommands } from "./keys.ts";
import { lint } from "./lint.ts";
import { logs } from "./logs.ts";
import { notYetCommands } from "./not-yet.ts";
import { policiesNew } from "./policies-new.ts";
import { pull } from "./pull.ts";
import { restore } from "./restore.ts";
import { revisions } from "./revisions.ts";
import { rollback } from "./rollback.ts";
import { runTests } from "./run-tests.ts";
import { signIn } from "./sign-in.ts";
import { tryCall } from "./try.ts";
import { up } from "./up.ts";

/** Every command, in the order of help and docs. */
export const commands: readonly CommandSpec[] = [
  up,
  gateway,
  control,
  init,
  importApi,
  lint,
  runTests,
  policiesNew,
  diff,
  apply,
  pull,
  tryCall,
  ...keyCommands,
  revisions,
  rollback,
  logs,
  explain,
  signIn,
  doctor,
  backup,
  restore,
  completionFor(() => commands),
  ...notYetCommands,
];
