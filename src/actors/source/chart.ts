/**
 * The grammar of an egress source's history. A durable chart: it moves only on committed events and
 * keeps neither timers nor data. A suspended source is skipped by selection; how it came to be
 * suspended is not its business.
 */
import { setup } from 'xstate';

/** What the chart hears: the types of the source's own events. */
export interface SourceSignal {
  readonly type: 'source.configured' | 'source.suspended' | 'source.resumed' | 'source.retired';
}

/** The source's chart. */
export const sourceChart = setup({
  types: { events: {} as SourceSignal, input: {} as { name: string } },
  actions: {
    armAlarm: () => {},
    noteChange: () => {},
    offerAgain: () => {},
    emptyReadyQueues: () => {},
  },
}).createMachine({
  id: 'source',
  initial: 'open',
  on: { 'source.configured': { actions: 'noteChange' } },
  states: {
    open: {
      description: 'In rotation: pools may choose it.',
      entry: 'offerAgain',
      on: { 'source.suspended': 'suspended', 'source.retired': 'retired' },
    },
    suspended: {
      description: 'Out of rotation until a time; its ready messages go back to be routed again.',
      entry: ['armAlarm', 'emptyReadyQueues'],
      on: {
        'source.suspended': { target: 'suspended', reenter: true },
        'source.resumed': 'open',
        'source.retired': 'retired',
      },
    },
    retired: {
      description: 'No pool names it any more.',
      entry: 'emptyReadyQueues',
      type: 'final',
    },
  },
});
