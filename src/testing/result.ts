/**
 * What came of a simulation, to be asked: each message with its end, every event, what left over
 * the wire, and what of the policy was reached. The one idea: laws and people read the same result,
 * and equal seeds give equal texts of it. Judges nothing itself.
 */
import type { TestPolicy } from './load-policy.ts';
import type { Scenario, Step } from './scenario.ts';
import type { Given, SinkSeen } from './sinks/seen.ts';
import type { Reached } from './watching.ts';
import type { Span } from './world/disk.ts';
import type { Copy } from './world/exchanger.ts';
import type { Dialled } from './world/network.ts';
import type { EndKind, MessageStory } from './world/witness.ts';

/** An event of the log, its body read. */
export interface Happening {
  readonly position: number;
  readonly turn: number;
  readonly at: number;
  readonly type: string;
  readonly stream: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A message as a client submitted it, and what the client heard. */
export interface Sent {
  readonly mark: string;
  readonly at: number;
  readonly from: string;
  readonly to: readonly string[];
  /** Sent after all faults had ended, to see whether there is a way out. */
  readonly isProbe: boolean;
  answeredAt: number | undefined;
  /** 250, or the code of the refusal; undefined: no answer came, the process had died. */
  code: number | undefined;
  text: string;
  /** Ids of the messages that it became; those that policy discarded are left out. */
  ids: readonly string[];
}

/** A message that was taken over. */
export interface MessageOutcome {
  readonly id: string;
  readonly queue: string;
  readonly acceptedAt: number;
  readonly attempts: number;
  /** By recipient; 'waiting' while there is no end. */
  readonly recipients: Readonly<Record<string, EndKind | 'waiting'>>;
}

/** A MAIL command on its way. */
export interface MailCommand {
  readonly at: number;
  readonly link: number;
}

/** What was seen. */
export interface Observed {
  readonly seed: number;
  readonly scenario: Scenario;
  readonly policy: TestPolicy;
  readonly startedAt: number;
  /** When each step began. */
  readonly steps: readonly { readonly at: number; readonly step: Step }[];
  /** When all faults had ended; undefined where the scenario does not settle. */
  readonly calmAt: number | undefined;
  readonly endedAt: number;
  readonly events: readonly Happening[];
  readonly messages: ReadonlyMap<string, MessageStory>;
  readonly sent: readonly Sent[];
  readonly dialled: readonly Dialled[];
  readonly mailed: readonly MailCommand[];
  readonly copies: readonly Copy[];
  /** By host name: the address it has. */
  readonly hosts: ReadonlyMap<string, string>;
  /** When nothing could be written, for the disk was full. */
  readonly diskFull: readonly Span[];
  /** What cannot be true of a log in good order. */
  readonly oddities: readonly string[];
  /** What the sinks of log hooks were given; none where the policy has no hooks. */
  readonly sinks: readonly SinkSeen[];
  /** What the engine told its operator. */
  readonly said: readonly string[];
  /** Why what still waits at the end waits, by queue. */
  readonly waiting: ReadonlyMap<string, string>;
  readonly reached: Reached;
}

const queuesOf = (events: readonly Happening[]): Map<string, string> => {
  const queues = new Map<string, string>();
  for (const { type, stream, body } of events) {
    if (!type.startsWith('message.') || typeof body['queue'] !== 'string') continue;
    queues.set(stream, body['queue']);
  }
  return queues;
};

/** The result of a simulation. */
export class Result {
  readonly observed: Observed;

  constructor(observed: Observed) {
    this.observed = observed;
  }

  /** Every message that was taken over, in order. */
  messages(): MessageOutcome[] {
    const queues = queuesOf(this.observed.events);
    return [...this.observed.messages.values()].map(({ id, to, ends, acceptedAt, offers }) => ({
      id,
      queue: queues.get(id) ?? '',
      acceptedAt,
      attempts: offers.length,
      recipients: Object.fromEntries(
        to.map((one, index) => [one, ends.get(index)?.kind ?? 'waiting'] as const),
      ),
    }));
  }

  /** Recipients by how they ended, and submissions that were refused. */
  outcomes(): Readonly<Record<EndKind | 'waiting' | 'refused', number>> {
    const none = { delivered: 0, bounced: 0, expired: 0, cancelled: 0, purged: 0, lost: 0 };
    const counts = { ...none, waiting: 0 };
    for (const { recipients } of this.messages()) {
      for (const end of Object.values(recipients)) counts[end] += 1;
    }
    const refused = this.observed.sent.filter(({ code }) => code !== undefined && code >= 400);
    return { ...counts, refused: refused.length };
  }

  /** The events, of one type or family (`source.*`) where it is named. */
  events(type?: string): readonly Happening[] {
    const { events } = this.observed;
    if (type === undefined) return events;
    const family = type.endsWith('*') ? type.slice(0, -1) : undefined;
    return events.filter((one) =>
      family === undefined ? one.type === type : one.type.startsWith(family),
    );
  }

  /** What the sink of a log hook was given, in the order in which it was sent. */
  sink(name: string): readonly Given[] {
    const { sinks } = this.observed;
    const sink = sinks.find((one) => one.name === name);
    if (sink !== undefined) return sink.given;
    const names = sinks.map((one) => one.name).join(', ');
    throw new Error(`there is no log hook '${name}'; there are: ${names || 'none'}`);
  }

  /** The whole log as text, one event a line: equal for equal seeds. */
  log(): string {
    return this.observed.events
      .map(({ at, turn, type, stream, body }) =>
        [at, turn, type, stream, JSON.stringify(body)].join(' '),
      )
      .join('\n');
  }
}
