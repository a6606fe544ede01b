/**
 * The grammar of one outbound conversation: which phase may follow which. Ephemeral: it moves on
 * what is perceived, dies with the process and is never replayed. Its context is the held
 * conversation, passed by reference and never assigned; effects and guards are names from
 * vocabulary.ts. Deliberately unknown here: bytes, links, timeouts, verdicts.
 */
import { vocabulary } from './vocabulary.ts';

// Before a peer is open, whatever goes wrong costs that candidate and nothing else. A 421 counts
// where a reply is due (`answering`, `served`, `resetting`); unasked it breaks the dialogue.
const failing = { target: '#connection.choosing', actions: 'noteFailure' } as const;
const reaching = {
  'link.lost': failing,
  'dialogue.broken': failing,
  'deadline.passed': failing,
  'stop.wanted': { target: '#connection.closed', actions: 'noteStop' },
} as const;
const answering = { ...reaching, 'service.closed': failing } as const;

// Where the path allows it, TLS that fails costs the candidate no more than its TLS.
const unsecured = [
  { guard: 'mayRetryInClear', target: '#connection.choosing', actions: 'retryInClear' },
  failing,
] as const;
const unheard = [
  { guard: 'mayRetryAfterTls', target: '#connection.choosing', actions: 'retryInClear' },
  failing,
] as const;

// With a message in hand, whatever goes wrong settles it and costs the connection.
const breaking = { target: '#connection.choosing', actions: 'settleBroken' } as const;
const working = {
  'link.lost': breaking,
  'dialogue.broken': breaking,
  'deadline.passed': breaking,
} as const;
const served = { ...working, 'service.closed': breaking } as const;

// The common way takes one step: settled, and ready for the next message.
const judged = [
  { guard: 'isSpoiled', ...breaking },
  { guard: 'isSpent', target: 'settled' },
  { target: 'idle', actions: 'settle' },
] as const;

// A body of one bite goes out whole with its dot, and needs no state of its own.
const releasing = [
  { guard: 'isReleasedWhole', target: 'judging', actions: 'sendWhole' },
  { guard: 'isReleased', target: 'body' },
] as const;

const vanishing = { target: '#connection.closed', actions: 'noteIdleEnd' } as const;
const waiting = { 'link.lost': vanishing, 'dialogue.broken': vanishing } as const;

/** The connection's chart, without hands. */
export const connectionChart = vocabulary.createMachine({
  id: 'connection',
  context: ({ input }) => ({ held: input }),
  initial: 'choosing',
  on: {
    'abort.wanted': { target: '#connection.closed', actions: 'settleBroken' },
    // A stop lets the message in hand finish; the states that look at it ask `isSpent`.
    'stop.wanted': {},
    // These may come late: the reply can overtake the last write, or the release a break.
    'body.drained': {},
    'body.released': {},
    // Kept until the connection is idle; `tellIdle` looks.
    'message.given': {},
    '*': { actions: 'refuseSignal' },
  },
  states: {
    asking: {
      description: 'New links have a rate: the next address waits until the engine lets it dial.',
      entry: 'askToDial',
      on: {
        'dial.allowed': 'dialing',
        'dial.denied': { target: 'closed', actions: 'noteDenial' },
        'deadline.passed': { target: 'closed', actions: 'noteDenial' },
        'stop.wanted': { target: '#connection.closed', actions: 'noteStop' },
      },
    },
    dialing: {
      description: 'The link to the next address of the plan is being opened.',
      entry: 'dialCandidate',
      on: { ...reaching, 'link.opened': 'greeting' },
    },
    greeting: {
      description: 'The peer is to speak first: 220, or it is not for us.',
      entry: 'awaitGreeting',
      on: {
        ...answering,
        'greeting.answered': [{ guard: 'isGranted', target: 'introducing' }, failing],
      },
    },
    introducing: {
      description: 'EHLO (or LHLO, or HELO where EHLO is not known) asks what the peer can do.',
      entry: 'sendIntroduction',
      on: {
        ...answering,
        // With TLS 1.3 the peer's refusal of a handshake comes when we think it is over.
        'link.lost': unheard,
        'dialogue.broken': unheard,
        'deadline.passed': unheard,
        'introduction.answered': [
          { guard: 'isSpoiled', ...failing },
          { guard: 'canIntroducePlainly', actions: 'sendPlainIntroduction' },
          { guard: 'lacksTls', target: 'choosing', actions: 'refuseWithoutTls' },
          { guard: 'lacksIdentity', target: 'choosing', actions: 'refuseWithoutIdentity' },
          { guard: 'wantsTls', target: 'securing' },
          { guard: 'lacksLogin', target: 'choosing', actions: 'refuseWithoutLogin' },
          { guard: 'wantsLogin', target: 'authenticating' },
          { guard: 'isGranted', target: 'open', actions: 'tellOpened' },
          failing,
        ],
      },
    },
    securing: {
      description: 'STARTTLS is being agreed on and the handshake done.',
      initial: 'asking',
      on: { ...answering, 'link.lost': unsecured, 'deadline.passed': unsecured },
      states: {
        asking: {
          description: 'STARTTLS was sent; nothing else may cross until its 220.',
          entry: 'sendUpgrade',
          on: {
            'upgrade.answered': [
              { guard: 'isGranted', target: 'handshaking' },
              {
                guard: 'mayGoOnInClear',
                target: '#connection.introducing',
                actions: 'goOnInClear',
              },
              failing,
            ],
          },
        },
        handshaking: {
          description: 'The TLS handshake runs; what was said in clear is forgotten after it.',
          entry: 'startHandshake',
          on: { 'link.secured': '#connection.introducing' },
        },
      },
    },
    authenticating: {
      description: 'The peer looks at our user name and password.',
      entry: 'sendCredentials',
      on: {
        ...answering,
        'authentication.answered': [
          { guard: 'isGranted', target: 'open', actions: 'tellOpened' },
          failing,
        ],
      },
    },
    open: {
      description: 'The peer takes mail, one message after the other.',
      initial: 'idle',
      states: {
        idle: {
          description: 'No message in hand; whatever the peer says now ends the connection.',
          entry: 'tellIdle',
          on: {
            ...waiting,
            'message.given': [
              { guard: 'isUnsayable', target: 'idle', actions: 'settleUnsent', reenter: true },
              { target: 'envelope' },
            ],
            'deadline.passed': '#connection.parting',
            'stop.wanted': '#connection.parting',
          },
        },
        envelope: {
          description: 'MAIL, RCPT and DATA were sent, at once or one by one.',
          entry: 'sendEnvelope',
          on: {
            ...served,
            'envelope.answered': [
              { guard: 'isSpoiled', ...breaking },
              { guard: 'isForNobody', target: 'retracting' },
              { guard: 'isTurnedDown', target: 'settled' },
              ...releasing,
              { target: 'holding' },
            ],
          },
        },
        holding: {
          description: '354 came; the body waits until the offer is durable and the body loaded.',
          entry: 'awaitBody',
          on: { ...working, 'body.released': releasing },
        },
        body: {
          description:
            'A large body is on its way into the link, bite by bite, as the peer takes it.',
          entry: 'sendBody',
          always: { guard: 'isWritten', target: 'judging' },
          on: {
            ...served,
            'body.drained': { actions: 'sendMore' },
            'body.answered': [{ guard: 'isCutShort', ...breaking }, ...judged],
          },
        },
        judging: {
          description: 'The final dot is out: until the answer comes the outcome is unknown.',
          entry: 'awaitVerdict',
          on: { ...served, 'body.answered': judged },
        },
        retracting: {
          description:
            '354 came though no recipient was taken: a lone dot ends it (RFC 2920, 3.1).',
          entry: 'sendLoneDot',
          on: { ...served, 'body.answered': 'settled' },
        },
        settled: {
          description: 'The message has its verdicts; what the connection does next is decided.',
          entry: 'settle',
          always: [
            { guard: 'isSpent', target: '#connection.parting' },
            { guard: 'isUnclean', target: '#connection.resetting' },
            { target: 'idle' },
          ],
        },
      },
    },
    resetting: {
      description: 'RSET clears what a transaction without a body left at the peer.',
      entry: 'sendReset',
      on: {
        ...waiting,
        'service.closed': vanishing,
        'deadline.passed': 'parting',
        'reset.answered': [
          { guard: 'isSpoiled', target: 'closed' },
          { guard: 'isGranted', target: 'open' },
          { target: 'parting' },
        ],
      },
    },
    parting: {
      description: 'QUIT was sent; a short wait for the farewell.',
      entry: 'sendParting',
      on: {
        'parting.answered': 'closed',
        'link.lost': 'closed',
        'dialogue.broken': 'closed',
        'service.closed': 'closed',
        'deadline.passed': 'closed',
      },
    },
    choosing: {
      description: 'No link: the next address of the plan is taken, or this is the end.',
      entry: 'dropLink',
      always: [
        { guard: 'mustAskToDial', target: 'asking' },
        { guard: 'hasCandidate', target: 'dialing' },
        { target: 'closed' },
      ],
    },
    closed: {
      description: 'Over; the engine heard the end of it.',
      type: 'final',
      entry: ['dropLink', 'tellEnded'],
    },
  },
});
