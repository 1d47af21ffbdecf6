import type { ProblemTable } from "../base/problem.ts";

/**
 * What commands and the start of the platform refuse. They end with an exit code; the status is what the same mistake would be over
 * HTTP. Codes are never reused.
 */
export const programProblems = {
  "data.unusable": {
    status: 500,
    title: "Data directory not usable",
    help: "It cannot be made or written: the message says why. Choose another with `--data DIR`.",
  },
  "up.port_unavailable": {
    status: 409,
    title: "Port not available",
    help: "Another program listens there. Choose other ports with `--port-base N`.",
  },
  "port.in_use": { status: 409, title: "Port in use", help: "Another program listens on the port. Choose another." },
  "port.not_opened": {
    status: 500,
    title: "Port cannot be opened",
    help: "The address is not of this machine, or the port needs more rights.",
  },
  "gateway.listen_failed": {
    status: 500,
    title: "Gateway cannot listen",
    help: "The address is not of this machine, or the port needs more rights.",
  },
  "gateway.certificate_invalid": {
    status: 422,
    title: "Certificate not usable",
    help: "The certificate of `--tls-cert` or its key cannot be used: both are PEM, the chain begins with the leaf, and the key belongs to it.",
  },
  "gateway.tls_file_unreadable": {
    status: 422,
    title: "Certificate file not readable",
    help: "The file is missing, or the gateway may not read it.",
  },
  "gateway.thread_failed": {
    status: 500,
    title: "Gateway thread failed",
    help: "A thread ended before it listened. The log has the reason.",
  },
  "role.failed": { status: 500, title: "Role did not start", help: "The message has the reason." },
  "management.refused": { status: 502, title: "Refused by the management API", help: "The message has its answer." },
  "control.refused": {
    status: 502,
    title: "Control refused the gateway",
    help: "Compare the gateway's token with control's `gateway-token`.",
  },
  "bundle.unreadable": {
    status: 400,
    title: "Bundle not readable",
    help: "The directory is missing, too large, or leads out of itself by a symbolic link.",
  },
  "bundle.empty": {
    status: 422,
    title: "No bundle there",
    help: "The directory holds no file of a bundle. `portico init DIR` starts one; with `--owner` an empty directory is meant.",
  },
  "settings.invalid": {
    status: 422,
    title: "Settings not valid",
    help: "Correct `portico.yaml`, the flag or the variable that the message names.",
  },
  "cli.usage": { status: 400, title: "Wrong usage", help: "`portico COMMAND --help` shows the options. Exit code 2." },
  "cli.unknown_command": {
    status: 404,
    title: "Unknown command",
    help: "`portico --help` lists the commands. Exit code 2.",
  },
  "cli.declined": { status: 409, title: "Declined", help: "The question was answered with no; nothing was changed." },
  "cli.interrupted": { status: 499, title: "Interrupted", help: "The command was ended from outside." },
  "cli.file_exists": {
    status: 409,
    title: "File exists",
    help: "Give another name, or `--force` where the command has it.",
  },
  "cli.file_unreadable": { status: 404, title: "File not readable", help: "The message has the path and the reason." },
  "cli.file_unwritable": { status: 403, title: "File not writable", help: "The message has the path and the reason." },
  "cli.document_unreachable": {
    status: 502,
    title: "Document not reachable",
    help: "The message has the address and the reason. Fetch it another way and give the file.",
  },
  "cli.input_too_large": {
    status: 413,
    title: "Input too large",
    help: "Give a file instead of standard input, or less.",
  },
  "cli.key_invalid": {
    status: 422,
    title: "Not a key",
    help: "A key begins with `ptk_` and is given by standard input, file or `PORTICO_KEY`.",
  },
  "cli.token_missing": {
    status: 401,
    title: "Token missing",
    help: "Start a platform, name its `--data`, or give `--token-file` or `PORTICO_TOKEN`.",
  },
  "cli.token_unreadable": {
    status: 401,
    title: "Token not readable",
    help: "The message has the path and the reason.",
  },
  "cli.token_invalid": {
    status: 401,
    title: "Not a token",
    help: "The file or variable does not hold one line of a token.",
  },
  "cli.token_withheld": {
    status: 401,
    title: "Token withheld",
    help: "This machine's owner token is not sent to another machine unasked.",
  },
  "cli.endpoints_invalid": {
    status: 500,
    title: "Endpoints not readable",
    help: "Start the platform again, or give `--url`.",
  },
  "explanation.not_found": {
    status: 404,
    title: "No explanation",
    help: "Kept are the newest calls that asked for it with `portico try --explain`, those of the gateway's share (`--explain-sample`) and failed ones.",
  },
  "explanation.refused": {
    status: 403,
    title: "The gateway did not explain the call",
    help: "The message has the reason: the token is for another API, has expired, was made by another platform, or too many calls asked.",
  },
  "cli.fault": {
    status: 500,
    title: "Internal error",
    help: "A fault of the command itself. `PORTICO_DEBUG=1` prints where.",
  },
} as const satisfies ProblemTable;
