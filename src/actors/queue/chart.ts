/**
 * The grammar of a scheduled queue's history: which of its events may follow which. A durable
 * chart: it moves only on committed events, holds no timers and no data (those are in the books).
 * Its effects are names; the engine gives them hands, replay leaves them mute.
 */
import { setup } from 'xstate';

/** What the chart hears: the types of the queue's own events. */
export interface QueueSignal {
  readonly type:
    | 'queue.configured'
    | 'queue.routed'
    | 'queue.rested'
    | 'queue.woke'
    | 'queue.suspended'
    | 'queue.resumed'
    | 'queue.retired';
}

/** The queue's chart. */
export const queueChart = setup({
  types: { events: {} as QueueSignal, input: {} as { name: string } },
  actions: {
    armAlarm: () => {},
    noteChange: () => {},
    placeRows: () => {},
    withdrawRows: () => {},
  },
}).createMachine({
  id: 'queue',
  initial: 'ready',
  on: { 'queue.configured': { actions: 'noteChange' }, 'queue.routed': { actions: 'noteChange' } },
  states: {
    ready: {
      description: 'Due messages are placed into ready queues as these have room.',
      entry: 'placeRows',
      on: {
        'queue.rested': 'resting',
        'queue.suspended': 'suspended',
        'queue.retired': 'gone',
      },
    },
    resting: {
      description: 'Nothing can go before a known time; due messages wait, no attempt is counted.',
      entry: 'armAlarm',
      on: {
        // A rest is not prolonged: when it ends the sources are looked at again.
        'queue.woke': 'ready',
        'queue.suspended': 'suspended',
      },
    },
    suspended: {
      description: 'An operator stopped the queue until a time; messages still come in and expire.',
      entry: ['armAlarm', 'withdrawRows'],
      on: {
        'queue.suspended': { target: 'suspended', reenter: true },
        'queue.resumed': 'ready',
      },
    },
    gone: {
      description: 'Empty and forgotten; the next message opens a new queue of the same name.',
      type: 'final',
    },
  },
});
