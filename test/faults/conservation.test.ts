/**
 * Shows each conservation check failing on a story made for it, and none failing on a sound one.
 * The one idea: a judge that never convicts is no judge, so every sentence he can speak is heard
 * here once. Deliberately unknown here: daemons and disks.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { judgeRun } from './conservation.ts';
import type { Ledger, LedgerMessage } from './ledger.ts';
import type { ProbeShape } from './probe-mail.ts';
import { makeProbe, sumOfReceived } from './probe-mail.ts';
import type { Answer } from './sender.ts';
import type { Copy } from './target.ts';

const SHAPE: ProbeShape = { domains: 2, bodyBytes: 600, pairEvery: 0 };
const ADDRESS = 'a.1@d1.example';

interface Story {
  readonly kind?: Answer['kind'];
  readonly text?: string;
  readonly isLogged?: boolean;
  readonly ends?: readonly string[];
  readonly unknown?: number;
  readonly copies?: number;
  readonly sum?: string;
}

function judgeStory(story: Story): readonly string[] {
  const { kind = 'taken', text = '250 OK ids=id1', isLogged = true } = story;
  const { ends = ['message.delivered'], unknown = 0, copies = 1 } = story;
  const { sum } = makeProbe(1, SHAPE);
  const message: LedgerMessage = {
    stream: 'id1',
    number: 1,
    to: [ADDRESS],
    ends: new Map(ends.length > 0 ? [[ADDRESS, [...ends]]] : []),
    unknown,
    isOffered: false,
    isQuarantined: false,
  };
  const messages = new Map(isLogged ? [['id1', message]] : []);
  const ledger: Ledger = { messages, events: 0, breaches: [] };
  const by = { helo: '', peer: '', session: 1, at: 0 };
  const copy: Copy = { number: 1, to: [ADDRESS], sum: story.sum ?? sum, ...by };
  const { breaches } = judgeRun({
    answers: [{ number: 1, kind, text, at: 0 }],
    copies: Array.from({ length: copies }, () => copy),
    ledger,
    shape: SHAPE,
  });
  return breaches.map((breach) => breach.slice(0, 2));
}

describe('the conservation checks', () => {
  const stories: readonly (readonly [string, Story, readonly string[]])[] = [
    ['delivered once', {}, []],
    ['still queued', { ends: [], copies: 0 }, []],
    ['bounced', { ends: ['message.bounced'], copies: 0 }, []],
    ['two copies, one attempt unknown', { copies: 2, unknown: 1 }, []],
    ['a copy of an unknown attempt, still queued', { ends: [], unknown: 1 }, []],
    ['unanswered and accepted', { kind: 'unanswered', text: '' }, []],
    ['promised and not in the log', { isLogged: false, copies: 0 }, ['C1']],
    ['promised under another id', { text: '250 OK ids=id2' }, ['C1']],
    ['ended twice', { ends: ['message.delivered', 'message.bounced'] }, ['C2']],
    ['delivered without a copy', { copies: 0 }, ['C3']],
    ['an altered copy', { sum: 'other' }, ['C3']],
    ['a copy of nothing accepted', { kind: 'unanswered', isLogged: false }, ['C3']],
    ['two copies, nothing unknown', { copies: 2 }, ['C4']],
    ['a copy nobody tells of', { ends: [] }, ['C4']],
    ['refused and yet in the log', { kind: 'refused', text: '451 no' }, ['C5']],
  ];
  for (const [name, story, expected] of stories) {
    test(name, () => assert.deepEqual(judgeStory(story), expected));
  }
});

describe('the probe mail', () => {
  test('is recognised below foreign headers, its dots unstuffed', () => {
    const { wire, sum } = makeProbe(3, SHAPE);
    assert.match(wire.toString(), /^\.\./m);
    assert.equal(sumOfReceived(Buffer.concat([Buffer.from('Received: x\r\n'), wire])), sum);
  });
  test('is told apart when one byte changes', () => {
    const { wire, sum } = makeProbe(3, SHAPE);
    const last = wire.length - 3;
    wire[last] = (wire[last] ?? 0) ^ 1;
    assert.notEqual(sumOfReceived(wire), sum);
  });
});
