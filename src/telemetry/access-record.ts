import type { Exchange, ExchangeOutcome } from "../exchange/exchange.ts";

/**
 * One line of the access log: JSON, ended by a line feed. Of the query only the names of its parameters, of the headers nothing:
 * values may be secrets.
 */
export const accessRecord = (x: Exchange, outcome: ExchangeOutcome): string => {
  const { request, route, caller, fault } = x;
  let line = `{"time":"${timeText(x.startedAtMs)}","id":${JSON.stringify(x.id)}`;
  line += `,"method":${JSON.stringify(request.method)},"host":${JSON.stringify(request.host)},"path":${JSON.stringify(request.path)}`;
  if (request.query !== "") line += `,"query":${JSON.stringify(queryNames(request.query))}`;
  line += `,"status":${outcome.status},"durationMs":${Math.round(outcome.durationMs * 1000) / 1000}`;
  line += `,"requestBytes":${outcome.requestBytes},"responseBytes":${outcome.responseBytes}`;
  line += `,"clientIp":${JSON.stringify(request.clientIp)},"revision":${x.revision}`;
  if (route.api !== "") line += `,"api":${JSON.stringify(route.api)}`;
  if (route.version !== "") line += `,"version":${JSON.stringify(route.version)}`;
  if (route.operation !== "") line += `,"operation":${JSON.stringify(route.operation)}`;
  if (caller !== null) {
    if (caller.subscription !== "") line += `,"subscription":${JSON.stringify(caller.subscription)}`;
    if (caller.application !== "") line += `,"application":${JSON.stringify(caller.application)}`;
    if (caller.organization !== "") line += `,"organization":${JSON.stringify(caller.organization)}`;
    if (caller.product !== "") line += `,"product":${JSON.stringify(caller.product)}`;
    if (caller.subject !== "") line += `,"subject":${JSON.stringify(caller.subject)}`;
  }
  const { traceId } = x;
  if (traceId !== "") line += `,"traceId":"${traceId}"`;
  if (fault !== null) line += `,"code":${JSON.stringify(fault.code)}`;
  if (fault !== null && fault.source !== "") line += `,"source":${JSON.stringify(fault.source)}`;
  if (outcome.stream !== undefined && outcome.stream !== null) {
    const { kind, protocol, ending, closeCode } = outcome.stream;
    line += `,"stream":"${kind}","ending":"${ending}"`;
    if (protocol !== "") line += `,"protocol":${JSON.stringify(protocol)}`;
    if (closeCode !== 0) line += `,"closeCode":${closeCode}`;
  }
  if (outcome.isAborted) line += ',"aborted":true';
  return `${line}}\n`;
};

let second = -1;
let secondText = "";

const timeText = (ms: number): string => {
  const whole = Math.floor(ms / 1000);
  if (whole !== second) {
    second = whole;
    secondText = new Date(whole * 1000).toISOString().slice(0, 20);
  }
  return `${secondText}${String(Math.floor(ms) % 1000).padStart(3, "0")}Z`;
};

const namesMax = 50;

/** The names in a query, as they came. A part without `=` is a name too: but it might be a value, so only its presence is told. */
const queryNames = (query: string): readonly string[] => {
  const names: string[] = [];
  for (const part of query.split("&", namesMax)) {
    const equals = part.indexOf("=");
    names.push(equals < 0 ? "?" : part.slice(0, equals));
  }
  return names;
};
