/**
 * The routes about process and machine: machine-info, memory, what the event loop is at, the level
 * of the log, compaction of bodies. Expensive ones are bounded, and only one of a kind runs at a
 * time. Knows no mail.
 */
import type { FastifyInstance } from 'fastify';
import type { EngineNumbers } from '../domain/inspection.ts';
import { OptionValueError, showValue } from '../domain/option-error.ts';
import { text, wholeNumber } from '../domain/option-kinds.ts';
import type { Kind } from '../domain/options.ts';
import { option, optional, required } from '../domain/options.ts';
import type { Timers } from '../ports/timers.ts';
import { count, says, timeText, words } from './answer-kinds.ts';
import type { MachineFacts } from './machine.ts';
import {
  describeMachine,
  describeMemory,
  describeNumbers,
  describeResources,
  watchLoop,
} from './machine.ts';
import type { NoteAct } from './notes.ts';
import { Refused } from './refusals.ts';
import { addRoute, bodyOf, queryOf } from './route.ts';

/** What these routes stand on. */
export interface MachineDesk {
  readonly facts: () => MachineFacts;
  readonly timers: Timers;
  numbers(): EngineNumbers;
  /** What bodies take on disk: names and bytes or counts. */
  bodies(): Readonly<Record<string, number>>;
  /** Sets the level of the log, as Pino names it. */
  setLogLevel(level: string): void;
  /** Starts a round of compacting; answers how many bodies are on the move. */
  compact(): Promise<number>;
}

const tag = 'process';
/** The event loop is watched for so long, s. */
const WATCH_S = 5;
const WATCH_S_MAX = 30;

const MACHINE = {
  node_id: required(words, 'who the log says that this is'),
  hostname: required(words, 'name of the machine'),
  mac_address: required(words, 'of the first interface that has one'),
  num_cores: required(count, 'processors that may be used'),
  kernel_version: optional(words, 'of the system'),
  platform: required(words, 'system and processor'),
  distribution: required(words, 'of the system'),
  os_version: required(words, 'of the system'),
  total_memory_bytes: required(count, 'memory of the machine'),
  container_runtime: optional(words, 'where it runs in a container'),
  cpu_brand: required(words, 'of the first processor'),
  fingerprint: required(words, 'a hash of what names the machine'),
  online_since: required(timeText, 'when this process began to serve'),
  process_kind: required(words, '`waybilld`'),
  version: required(words, 'of the program'),
};

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const;
/** Names under which filters written for the reference, or for us, mean all of this process. */
const TARGETS: readonly string[] = ['waybill', 'waybilld', 'kumod'];

/** `debug`, or `waybill=debug`; of several the last counts. */
const logFilter: Kind<string> = {
  name: 'log filter',
  schema: { type: 'string', examples: ['waybill=debug'] },
  read(value) {
    const parts = text.read(value).split(',');
    const levels = parts.map((part) => {
      const [first = '', second] = part.trim().split('=');
      const level = (second ?? first).toLowerCase();
      const isOurs = second === undefined || TARGETS.includes(first);
      if (isOurs && LEVELS.some((one) => one === level)) return level;
      const fix = `write a level (${LEVELS.join(', ')}) or waybill=LEVEL`;
      throw new OptionValueError(`${showValue(part)} is no filter of the log`, fix);
    });
    return levels.at(-1) as string;
  },
};

/** Adds the routes to a scope that reads JSON. */
export function addMachineRoutes(scope: FastifyInstance, desk: MachineDesk, note: NoteAct): void {
  const info = {
    method: 'GET',
    path: '/api/machine-info',
    tag,
    says: 'Describes the machine.',
    answer: says(MACHINE),
  } as const;
  addRoute(scope, info, () => describeMachine(desk.facts()));
  const memory = {
    method: 'GET',
    path: '/api/admin/memory/stats',
    tag,
    says: 'Says what memory is used for, in lines for people.',
    answer: { form: 'text', says: 'names and numbers' },
  } as const;
  addRoute(scope, memory, () => {
    const { hotRows, hotBodyBytes, messages, queues } = desk.numbers();
    const held = { messages, queues, 'envelopes in memory': hotRows };
    return describeMemory({ ...held, 'bytes of bodies in memory': hotBodyBytes, ...desk.bodies() });
  });
  addTaskDump(scope, desk);
  addLogFilter(scope, desk, note);
  addCompaction(scope, desk, note);
}

function addTaskDump(scope: FastifyInstance, desk: MachineDesk): void {
  const doc = {
    method: 'GET',
    path: '/api/admin/task-dump',
    tag,
    says: 'Says what the process is at, in lines for people, after watching it for a while.',
    query: queryOf({
      timeout: option(wholeNumber(0, WATCH_S_MAX), WATCH_S, 'how long it is watched, s'),
    }),
    answer: { form: 'text', says: 'names and numbers' },
    refusals: { 409: 'Somebody else is watching.' },
  } as const;
  let isOn = false;
  addRoute(scope, doc, async ({ query }) => {
    if (isOn) throw new Refused(409, 'somebody else is watching just now; try again');
    isOn = true;
    try {
      const watch = watchLoop();
      await new Promise<void>((resolve) => {
        desk.timers.after(query.timeout * 1_000, resolve);
      });
      const lines = [
        ...watch.end(),
        '',
        ...describeNumbers({ ...desk.numbers() }),
        '',
        ...describeResources(),
      ];
      return `${lines.join('\n')}\n`;
    } finally {
      isOn = false;
    }
  });
}

function addLogFilter(scope: FastifyInstance, desk: MachineDesk, note: NoteAct): void {
  const doc = {
    method: 'POST',
    path: '/api/admin/set_diagnostic_log_filter/v1',
    tag,
    says: 'Sets how much the diagnostic log of this worker says, until it ends.',
    body: bodyOf({ filter: required(logFilter, 'a level, or waybill=LEVEL') }),
    answer: { form: 'empty' },
  } as const;
  addRoute(scope, doc, async ({ body, by, where }) => {
    desk.setLogLevel(body.filter);
    await note('log.filter', body.filter, by, where);
  });
}

function addCompaction(scope: FastifyInstance, desk: MachineDesk, note: NoteAct): void {
  const doc = {
    method: 'POST',
    path: '/api/admin/spool-compact/v1',
    tag,
    says: 'Starts a round of compacting message bodies; it also happens by itself.',
    body: bodyOf({ name: required(text, '`data`') }),
    answer: { form: 'empty' },
    refusals: { 404: 'There is no such store, or it is never compacted.' },
  } as const;
  addRoute(scope, doc, async ({ body, by, where }) => {
    if (body.name !== 'data') {
      const why = 'only bodies (data) are compacted; segments of the log are let go as a whole';
      throw new Refused(404, `${where}: there is nothing to compact in '${body.name}': ${why}`);
    }
    const moving = await desk.compact();
    await note('bodies.compact', `${moving} bodies on the move`, by, where);
  });
}
