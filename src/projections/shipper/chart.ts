/**
 * The grammar of shipping: what may follow what between the log and a sink. Ephemeral: it moves on
 * what is perceived and dies with the process; only the cursor outlives it. The one idea: whatever
 * was done, `choosing` looks at what is held and takes the next step, and nothing is sent while a
 * cursor or a dead letter is not yet durable. Deliberately unknown here: batches, sinks, clocks.
 */
import { vocabulary } from './vocabulary.ts';

// Wherever it only waits, a wish is looked at at once.
const called = {
  'pause.wanted': 'choosing',
  'resume.wanted': 'choosing',
  'skip.wanted': 'choosing',
  'stop.wanted': 'choosing',
} as const;

const answered = {
  'batch.settled': { target: 'judging', actions: 'noteSettled' },
  'batch.failed': { target: 'backingOff', actions: 'noteFailed' },
} as const;

/** The shipper's chart, without hands. */
export const shipperChart = vocabulary.createMachine({
  id: 'shipper',
  context: ({ input }) => ({ held: input }),
  initial: 'made',
  on: {
    'patience.ended': '#shipper.ended',
    // Wishes are held; the states that only wait hear them, `choosing` looks after the others.
    'pause.wanted': {},
    'resume.wanted': {},
    'skip.wanted': {},
    'stop.wanted': {},
    'shape.changed': {},
    // May come when nobody waits any more.
    'records.committed': {},
    '*': { actions: 'refuseSignal' },
  },
  states: {
    made: {
      // XState answers the guards of a first state before it runs its hands.
      description: 'It has what it needs and has not begun.',
      on: { 'begin.wanted': 'choosing' },
    },
    choosing: {
      description: 'Records are read ahead where that is of use, and the next step is chosen.',
      entry: 'lookAhead',
      always: [
        { guard: 'mustSave', target: 'saving' },
        { guard: 'isUnreadable', target: 'stalled' },
        { guard: 'isSkipping', target: 'skipping' },
        { guard: 'isSearching', target: 'searching' },
        { guard: 'isLeaving', target: 'parting' },
        { guard: 'mustClose', target: 'closing' },
        { guard: 'isPaused', target: '#shipper.halted.paused' },
        { guard: 'isDisabled', target: '#shipper.halted.disabled' },
        { guard: 'hasNothing', target: 'watching' },
        { guard: 'isTooFew', target: 'filling' },
        { guard: 'lacksToken', target: 'pacing' },
        { target: 'sending' },
      ],
    },
    searching: {
      description:
        'A stretch of the log held too little for this hook; the next comes in a moment.',
      entry: 'awaitMoment',
      exit: 'dropWaits',
      on: { ...called, 'deadline.passed': 'choosing' },
    },
    watching: {
      description: 'The hook is up to date and waits for the log to grow.',
      entry: 'awaitRecords',
      exit: 'dropWaits',
      on: {
        ...called,
        'records.committed': 'choosing',
        'deadline.passed': 'choosing',
        'shape.changed': 'choosing',
      },
    },
    filling: {
      description:
        'Fewer than min_batch_size are at hand: they wait for company, but not for long.',
      entry: 'awaitCompany',
      exit: 'dropWaits',
      on: {
        ...called,
        'records.committed': 'choosing',
        'deadline.passed': 'choosing',
        'stop.wanted': { target: 'choosing', actions: 'flush' },
      },
    },
    pacing: {
      description: 'A batch is ready, and a rate of records or connections says: not yet.',
      entry: 'awaitToken',
      exit: 'dropWaits',
      always: { guard: 'isStopping', target: 'parting' },
      on: { ...called, 'deadline.passed': 'choosing', 'shape.changed': 'choosing' },
    },
    sending: {
      description: 'The one batch under way is with the sink, which owes an answer.',
      entry: 'sendBatch',
      exit: 'dropWaits',
      on: { ...answered, 'stop.wanted': { actions: 'hurry' }, 'deadline.passed': 'aborting' },
    },
    aborting: {
      description:
        'The sink took too long and was told to give up; it has a last moment to say so.',
      entry: 'abortSend',
      exit: 'dropWaits',
      on: { ...answered, 'deadline.passed': { target: 'backingOff', actions: 'noteStuck' } },
    },
    judging: {
      description: 'The batch is settled: records that were refused go to the dead letters first.',
      always: [{ guard: 'mustBury', target: 'burying' }, { target: 'saving' }],
    },
    skipping: {
      description: 'An operator gives records up: they become dead letters, some at a time.',
      entry: 'skipRecords',
      always: 'burying',
    },
    burying: {
      description: 'Dead letters are being written; the cursor waits until they are durable.',
      entry: 'buryLetters',
      on: {
        'letters.buried': { target: 'saving', actions: 'noteBuried' },
        'letters.refused': 'stalled',
      },
    },
    saving: {
      description: 'The cursor is being written; the next batch waits until it is durable.',
      entry: 'saveCursor',
      on: {
        'cursor.saved': { target: 'choosing', actions: 'noteSaved' },
        'cursor.refused': 'stalled',
      },
    },
    stalled: {
      description:
        'A cursor or dead letters could not be written, or the log not read: tried again.',
      entry: 'awaitMending',
      exit: 'dropWaits',
      on: {
        'deadline.passed': [{ guard: 'mustBury', target: 'burying' }, { target: 'choosing' }],
        'stop.wanted': 'parting',
      },
    },
    backingOff: {
      description: 'The batch failed as a whole and comes again, the same, after a growing wait.',
      entry: 'awaitRetry',
      exit: 'dropWaits',
      always: { guard: 'isCalled', target: 'choosing' },
      on: {
        ...called,
        'deadline.passed': 'choosing',
        'shape.changed': { actions: 'shortenRetry' },
      },
    },
    closing: {
      description:
        'The connection is closed: it was used often enough, was idle, or the hook halts.',
      entry: 'closeSink',
      exit: 'dropWaits',
      on: {
        'sink.closed': { target: 'choosing', actions: 'noteClosed' },
        'deadline.passed': { target: 'choosing', actions: 'abandonSink' },
      },
    },
    halted: {
      description: 'Nothing is sent until somebody says so; records wait in the log.',
      initial: 'paused',
      states: {
        paused: {
          description: 'An operator stopped the hook.',
          entry: 'awaitWish',
          exit: 'dropWaits',
          on: {
            'deadline.passed': '#shipper.choosing',
            'resume.wanted': '#shipper.choosing',
            'skip.wanted': '#shipper.choosing',
            'stop.wanted': '#shipper.choosing',
          },
        },
        disabled: {
          description: 'Failures or refusals went on for too long, and the hook stopped itself.',
          entry: 'awaitWish',
          exit: 'dropWaits',
          on: {
            'deadline.passed': '#shipper.choosing',
            'pause.wanted': '#shipper.choosing',
            'resume.wanted': '#shipper.choosing',
            'skip.wanted': '#shipper.choosing',
            'stop.wanted': '#shipper.choosing',
          },
        },
      },
    },
    parting: {
      description: 'The hook ends, or its replay is through: the sink is closed for good.',
      entry: 'closeSink',
      exit: 'dropWaits',
      on: { 'sink.closed': 'ended', 'deadline.passed': 'ended' },
    },
    ended: {
      description: 'Over; what is not settled waits in the log behind the cursor.',
      type: 'final',
      entry: ['dropWaits', 'tellEnded'],
    },
  },
});
