/**
 * What must hold of a world, as functions that answer what is wrong. The one idea: three tellings
 * are held against each other: what was answered to submitters, what the durable log says, and what
 * the exchangers kept. Deliberately unknown here: how the world came to be so.
 */
import assert from 'node:assert/strict';
import { recount } from '../../src/testing/history.ts';
import type { Happening } from '../../src/testing/result.ts';
import type { Dot } from '../../src/testing/world/dots.ts';
import type { MessageStory } from '../../src/testing/world/witness.ts';
import { isEnded } from '../../src/testing/world/witness.ts';
import type { Mail, World } from '../../src/testing/world/world.ts';

/** accepted = delivered + bounced + expired + removed + lost + live, in the books and by rows. */
export function checkBalance(world: World): void {
  const { ledger, rows } = world.engine.core.books;
  const { accepted, delivered, bounced, expired, removed, lost, live } = ledger;
  const ended = delivered + bounced + expired + removed + lost;
  assert.equal(accepted, ended + live, 'the ledger balances');
  assert.deepEqual(world.witness.oddities, []);
  let left = 0;
  rows.each((slot) => {
    left += rows.columns.recipients[slot] as number;
  });
  assert.equal(live, left, 'what the ledger calls live lies in rows');
}

/** Each ready queue counts the messages that its connections have in hand, no more and no less. */
export function checkOffered(world: World): void {
  const { readyQueues, offers } = world.engine.core;
  const open = new Map<string, number>();
  for (const { session } of offers.values()) {
    assert.equal(
      readyQueues.get(session.ready.name),
      session.ready,
      'an offer of one that is gone',
    );
    open.set(session.ready.name, (open.get(session.ready.name) ?? 0) + 1);
  }
  for (const [name, ready] of readyQueues) {
    assert.equal(ready.offered, open.get(name) ?? 0, `messages that connections of ${name} have`);
    const parting = [...ready.sessions].filter(({ isParting }) => isParting);
    assert.equal(ready.parting, parting.length, `connections of ${name} that part`);
  }
}

/**
 * Whoever has due rows is looked at in the next turn, or waits for something that will wake it:
 * an answer, its turn in the line of a rate, room in a ready queue that knows of it, an alarm.
 */
export function checkWoken(world: World): void {
  const { core } = world.engine;
  const { queues, held, touchedQueues } = core;
  // What has ended a rest or a suspension wakes the queue when it is durable.
  if (core.turns.inFlight > 0) return;
  for (const queue of queues.values()) {
    const { row, due, shaping, waitsFor } = queue;
    if (row.state !== 'ready' || touchedQueues.has(queue) || queue.isRouting) continue;
    if (due.length === 0 || due.peek(1, held.isGood).length === 0) continue;
    const isAsking = shaping.isPassing || shaping.promoting.isAsking || shaping.picked;
    if (isAsking || shaping.promoter.line !== undefined || shaping.chooser.line !== undefined) {
      continue;
    }
    const isAwaited = [...waitsFor].some(({ waiting }) => waiting.has(queue));
    const what = `${row.name} has due messages, and nothing will wake it`;
    assert.ok(isAwaited || queue.calledBy !== undefined, what);
  }
}

/** Suspensions of sources as the books have them, and as the log says to whoever reads it anew. */
export function checkTold(world: World, events: readonly Happening[]): void {
  const { books, turns } = world.engine.core;
  // Memory may run ahead of the log.
  if (turns.inFlight > 0) return;
  const [, standing] = [...recount(events)].at(-1) ?? [];
  for (const { name, state, until } of books.sources.values()) {
    const told = standing?.sources.get(name)?.until ?? 0;
    assert.equal(state === 'suspended' ? until : 0, told, `${name} is suspended until then`);
  }
}

/** Every acknowledged message is in the log, and every recipient ended or is still a row. */
export function checkPromises(world: World): void {
  for (const mail of world.mails.values()) {
    if (mail.answeredAt === undefined || mail.refusal !== undefined) continue;
    for (const { id, to } of mail.messages) {
      const story = world.witness.messages.get(id);
      assert.ok(story !== undefined, `${id} was acknowledged and is not in the log`);
      assert.deepEqual(story.to, to);
      checkLost(world, mail, story);
    }
  }
  const { rows } = world.engine.core.books;
  // Memory may run ahead of the log: what it has dropped is compared when nothing is in flight.
  if (world.engine.core.turns.inFlight > 0) return;
  for (const story of world.witness.messages.values()) {
    const slot = rows.find(Number.parseInt(story.id.slice(20), 16));
    assert.equal(slot < 0, isEnded(story), `${story.id} is in the books until it has ended`);
    if (slot < 0) continue;
    assert.equal(rows.columns.recipients[slot], story.to.length - story.ends.size, story.id);
  }
}

/** Only what was in memory by its sender's leave is ever lost, and only by the end of a process. */
function checkLost(world: World, mail: Mail, story: MessageStory): void {
  if (![...story.ends.values()].some(({ kind }) => kind === 'lost')) return;
  assert.ok(mail.mayDefer, `${story.id} is lost, although it was to be stored`);
  assert.ok(world.crashes > 0, `${story.id} is lost without a crash`);
}

const storyOf = (world: World, mail: Mail, recipient: string): MessageStory | undefined => {
  const message = mail.messages.find(({ to }) => to.includes(recipient));
  return message === undefined ? undefined : world.witness.messages.get(message.id);
};

/** What the log calls delivered was kept by an exchanger, whole; nobody got it without a reason. */
export function checkCopies(world: World): void {
  for (const mail of world.mails.values()) {
    const copies = world.copiesOf(mail.mark);
    for (const { body } of copies) assert.equal(body, mail.body, `${mail.mark} arrived whole`);
    for (const recipient of mail.messages.flatMap(({ to }) => to)) {
      const kept = copies.filter(({ to }) => to.includes(recipient));
      const story = storyOf(world, mail, recipient);
      if (story === undefined) {
        assert.equal(kept.length, 0, `${mail.mark} left without being in the log`);
        continue;
      }
      checkRecipient(story, recipient, kept.length, kept.filter((copy) => copy.isConfirmed).length);
    }
  }
}

function checkRecipient(
  story: MessageStory,
  recipient: string,
  copies: number,
  confirmed: number,
): void {
  const end = story.ends.get(story.to.indexOf(recipient))?.kind;
  const what = `${story.id} for ${recipient}`;
  if (end === 'delivered') assert.ok(confirmed > 0, `${what} is called delivered, nobody has it`);
  // Each copy needs an attempt that delivered it, or one whose outcome the log calls unknown.
  const open = story.offered === undefined ? 0 : 1;
  const most = (end === 'delivered' ? 1 : 0) + story.unsettled.length + open;
  assert.ok(copies <= most, `${what}: ${copies} copies, ${most} attempts that may have made one`);
}

/** At the moment of a 250: the events are durable. */
export function checkAnswer(world: World, mail: Mail): void {
  if (mail.refusal !== undefined) return;
  world.witness.read(world.store);
  for (const { id } of mail.messages) {
    assert.ok(world.witness.messages.has(id), `${id} was acknowledged before its commit`);
  }
}

/** At the moment a final dot leaves: its offer is durable and open, for these recipients. */
export function checkDot(world: World, dot: Dot): void {
  world.witness.read(world.store);
  const mail = world.mails.get(dot.mark);
  assert.ok(mail !== undefined, `nobody submitted ${dot.mark}`);
  for (const recipient of dot.to) {
    const story = storyOf(world, mail, recipient);
    const what = `the final dot of ${dot.mark} for ${recipient}`;
    assert.ok(story !== undefined, `${what} left before the message was in the log`);
    assert.ok(story.offered !== undefined, `${what} left before its offer was durable`);
    const index = story.to.indexOf(recipient);
    assert.ok(!story.ends.has(index), `${what} left after the recipient had ended`);
    const offered = story.offered.index;
    assert.ok(offered === undefined || offered.includes(index), `${what} was not offered`);
  }
}

/** Nothing in the log speaks of lost bodies or envelopes: this world never damages any. */
export function checkWhole(world: World): void {
  for (const story of world.witness.messages.values()) {
    assert.ok(!story.isQuarantined, `${story.id} was set aside: ${world.said.join('; ')}`);
  }
  const alarms = world.said.filter((text) => /damaged|set aside/.test(text));
  assert.deepEqual(alarms, []);
}
