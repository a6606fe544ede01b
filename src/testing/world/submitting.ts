/**
 * Mail into a world, as an intake brings it: the body first, then the envelope. Knows no policy of
 * reception; mail that comes through handlers has a door of its own (door.ts).
 */
import type { Refusal } from '../../intake/host.ts';
import type { BodyRef, Fault } from '../../ports/ports.ts';
import { isFault } from '../../ports/ports.ts';
import type { Mail, Timing } from './mail.ts';
import { groupByDomain, makeBody, makeHeader, makeSubmission } from './mail.ts';
import { isNear } from './spool.ts';
import type { World } from './world.ts';

/** What is submitted. */
export interface Order {
  readonly to: readonly string[];
  readonly bytes: number;
  readonly timing: Timing;
  /** Its body may stay in memory, where nothing else speaks against it. */
  readonly mayDefer: () => boolean;
}

/** Submits; undefined while the engine is closed. */
export function submitTo(world: World, { to, bytes, timing, mayDefer }: Order): Mail | undefined {
  const { life } = world;
  if (!life.isOpen || life.isFatal) return undefined;
  const refusal = life.engine.admit();
  const groups = groupByDomain(to);
  const ids = refusal === undefined ? life.engine.allocateIds(groups.length) : [];
  const mark = `m${world.mails.size}`;
  const mail: Mail = {
    mark,
    body: makeBody(mark, bytes),
    messages: ids.map((id, at) => ({ id, to: groups[at] as readonly string[], ...timing })),
    submittedAt: world.now,
    mayDefer: mayDefer() && isNear(timing),
    ref: undefined,
    answeredAt: refusal === undefined ? undefined : world.now,
    refusal,
  };
  world.mails.set(mark, mail);
  if (refusal === undefined) handOver(world, mail);
  return mail;
}

function handOver(world: World, mail: Mail): void {
  const { life } = world;
  const chunks = [Buffer.from(mail.body, 'latin1')];
  const header = makeHeader(mail, world.now);
  const answer = (refusal?: Refusal): void => {
    mail.answeredAt = world.now;
    mail.refusal = refusal;
    world.onAnswer(mail);
  };
  const written = (body: BodyRef | Fault): void => {
    if (life.clock.isOver) return;
    if (isFault(body)) return answer({ code: 451, enhanced: '4.3.0', text: body.cause });
    mail.ref = body;
    life.engine.submit(makeSubmission(mail, body, chunks, world.now), answer);
  };
  world.spool.write(header, chunks, written, mail.mayDefer);
}
