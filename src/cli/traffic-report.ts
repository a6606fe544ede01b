/**
 * What a run of the load source has to tell: the running counts and the report made of them, for
 * programs (JSON) and for people. Pure.
 */

import type { LatencyTally } from '../domain/latency.ts';
import { count, counted } from './terminal.ts';
import type { Mishap } from './traffic-desk.ts';

/** Counts while a run goes on. */
export interface TrafficTally {
  sent: number;
  accepted: number;
  refused: number;
  unknown: number;
  putBack: number;
  recipientsAccepted: number;
  recipientsRefused: number;
  hasGivenUp: boolean;
  readonly codes: Record<number, number>;
  readonly examples: Record<number, string>;
  readonly connections: Record<Mishap | 'opened', number>;
}

/** The result of a run. */
export interface TrafficReport {
  /** Messages planned and begun. */
  readonly messages: number;
  readonly accepted: number;
  /** Answered 4xx or 5xx. */
  readonly refused: number;
  /** Sent completely and never answered: the server may have them or not. */
  readonly unknown: number;
  /** Begun and not sent when the run was cut short. */
  readonly unsent: number;
  /** Sent again from the start because a connection was lost before the body. */
  readonly resent: number;
  readonly recipientsAccepted: number;
  readonly recipientsRefused: number;
  readonly seconds: number;
  readonly messagesPerSecond: number;
  /** From MAIL (open loop: from the time due) to the answer of accepted messages. */
  readonly latencyMs: {
    readonly p50: number;
    readonly p90: number;
    readonly p99: number;
    readonly max: number;
  };
  /** How often each class of reply came, without greetings and go-aheads. */
  readonly replies: Readonly<Record<'2xx' | '4xx' | '5xx' | 'other', number>>;
  readonly codes: Readonly<Record<number, number>>;
  /** The first text that came with each code that is not good. */
  readonly examples: Readonly<Record<number, string>>;
  readonly connections: Readonly<Record<Mishap | 'opened', number>>;
  /** True when the run ended because no connection could be had. */
  readonly hasGivenUp: boolean;
  /** Processor time of this whole process during the run. */
  readonly cpuSeconds: number;
}

/** Counts at zero. */
export const noTally = (): TrafficTally => ({
  sent: 0,
  accepted: 0,
  refused: 0,
  unknown: 0,
  putBack: 0,
  recipientsAccepted: 0,
  recipientsRefused: 0,
  hasGivenUp: false,
  codes: {},
  examples: {},
  connections: { opened: 0, refused: 0, reset: 0, timedOut: 0 },
});

const round = (value: number, digits: number): number => Number(value.toFixed(digits));

const classify = (codes: Readonly<Record<number, number>>): TrafficReport['replies'] => {
  const replies = { '2xx': 0, '4xx': 0, '5xx': 0, other: 0 };
  for (const [code, times] of Object.entries(codes)) {
    const first = code.length === 3 ? code[0] : '';
    if (first === '2') replies['2xx'] += times;
    else if (first === '4') replies['4xx'] += times;
    else if (first === '5') replies['5xx'] += times;
    else replies.other += times;
  }
  return replies;
};

/** Makes the report of the counts. */
export const formatReport = (
  tally: TrafficTally,
  latency: LatencyTally,
  seconds: number,
  cpuSeconds: number,
  unsent: number,
): TrafficReport => ({
  messages: tally.sent,
  accepted: tally.accepted,
  refused: tally.refused,
  unknown: tally.unknown,
  unsent,
  resent: tally.putBack - unsent,
  recipientsAccepted: tally.recipientsAccepted,
  recipientsRefused: tally.recipientsRefused,
  seconds: round(seconds, 3),
  messagesPerSecond: seconds > 0 ? round(tally.accepted / seconds, 1) : 0,
  latencyMs: {
    p50: round(latency.quantileMs(0.5), 3),
    p90: round(latency.quantileMs(0.9), 3),
    p99: round(latency.quantileMs(0.99), 3),
    max: round(latency.maxMs, 3),
  },
  replies: classify(tally.codes),
  codes: { ...tally.codes },
  examples: { ...tally.examples },
  connections: { ...tally.connections },
  hasGivenUp: tally.hasGivenUp,
  cpuSeconds: round(cpuSeconds, 2),
});

/** The report for people. */
export const describeReport = (report: TrafficReport): string => {
  const { latencyMs, replies, connections } = report;
  const lines = [
    `accepted     ${count(report.accepted)} of ${counted(report.messages, 'message')}`,
    `speed        ${counted(report.messagesPerSecond, 'message')}/s over ${report.seconds} s`,
    `latency      p50 ${latencyMs.p50} ms, p90 ${latencyMs.p90} ms, p99 ${latencyMs.p99} ms, ` +
      `max ${latencyMs.max} ms`,
    `replies      2xx ${count(replies['2xx'])}, 4xx ${count(replies['4xx'])}, ` +
      `5xx ${count(replies['5xx'])}, other ${count(replies.other)}`,
    `connections  ${count(connections.opened)} opened, ${count(connections.refused)} refused, ` +
      `${count(connections.reset)} lost, ${count(connections.timedOut)} timed out`,
  ];
  if (report.unknown > 0) lines.push(`unknown      ${count(report.unknown)} sent but not answered`);
  if (report.unsent > 0) lines.push(`unsent       ${count(report.unsent)}`);
  for (const [code, text] of Object.entries(report.examples)) {
    lines.push(`example      ${code} ${text.replaceAll('\n', ' / ')}`);
  }
  return lines.join('\n');
};
