/**
 * The conservation checks: what was promised, what the log says and what reached the peer agree.
 * The one idea: three witnesses (submitter, log, target) are compared per recipient, and every
 * disagreement is listed with its number, so that one run shows all of them.
 * Deliberately unknown here: which fault was injected.
 */
import type { Ledger, LedgerMessage } from './ledger.ts';
import type { ProbeShape } from './probe-mail.ts';
import { makeProbe } from './probe-mail.ts';
import type { Answer } from './sender.ts';
import type { Copy } from './target.ts';

/** What the three witnesses say. */
export interface Evidence {
  readonly answers: readonly Answer[];
  readonly copies: readonly Copy[];
  readonly ledger: Ledger;
  readonly shape: ProbeShape;
}

/** The numbers of a run and everything that is wrong. */
export interface Verdict {
  readonly promised: number;
  readonly queued: number;
  readonly second: number;
  readonly unknown: number;
  readonly breaches: readonly string[];
}

/** Compares the witnesses: C1 to C5. A recipient's address names its message. */
export function judgeRun(evidence: Evidence): Verdict {
  const { answers, ledger } = evidence;
  const breaches = [...ledger.breaches];
  const holders = new Map<string, LedgerMessage>();
  for (const message of ledger.messages.values()) {
    for (const to of message.to) {
      if (holders.has(to)) breaches.push(`C1 ${to} is in the log twice`);
      holders.set(to, message);
    }
  }
  const copies = countCopies(evidence, breaches);
  for (const answer of answers) {
    breaches.push(...judgeAnswer(answer, makeProbe(answer.number, evidence.shape).to, holders));
  }
  let queued = 0;
  let second = 0;
  let unknown = 0;
  for (const message of ledger.messages.values()) {
    breaches.push(...judgeMessage(message, copies));
    queued += message.to.filter((to) => !message.ends.has(to)).length;
    second += message.to.reduce((sum, to) => sum + Math.max(0, countOf(copies, to) - 1), 0);
    unknown += message.unknown;
  }
  for (const to of copies.keys()) {
    if (!holders.has(to)) breaches.push(`C3 a copy for ${to}, which was never accepted`);
  }
  const promised = answers.filter(({ kind }) => kind === 'taken').length;
  return { promised, queued, second, unknown, breaches };
}

type Counts = ReadonlyMap<string, number>;

const countOf = (copies: Counts, to: string): number => copies.get(to) ?? 0;

/** Copies per recipient (a recipient names its message), each compared with what was sent. */
function countCopies({ copies, shape }: Evidence, breaches: string[]): Counts {
  const counts = new Map<string, number>();
  for (const { number, to, sum } of copies) {
    const probe = makeProbe(number, shape);
    if (sum !== probe.sum) breaches.push(`C3 the copy of ${number} was altered`);
    for (const address of to) {
      if (!probe.to.includes(address)) breaches.push(`C3 ${number} went to ${address}`);
      counts.set(address, countOf(counts, address) + 1);
    }
  }
  return counts;
}

function judgeAnswer(
  { number, kind, text }: Answer,
  addresses: readonly string[],
  holders: ReadonlyMap<string, LedgerMessage>,
): string[] {
  return addresses.flatMap((to) => {
    const message = holders.get(to);
    if (kind === 'taken' && message === undefined)
      return [`C1 ${to} was promised and is not there`];
    if (kind === 'taken' && !text.includes(message?.stream ?? '')) {
      return [`C1 ${to} was promised as "${text}" and is ${message?.stream}`];
    }
    if (kind === 'refused' && message !== undefined) {
      return [`C5 ${number} was refused with "${text}" and is there`];
    }
    return [];
  });
}

function judgeMessage(message: LedgerMessage, copies: Counts): string[] {
  const { number, to, ends, unknown } = message;
  return to.flatMap((address) => {
    const found: string[] = [];
    const types = ends.get(address) ?? [];
    const count = countOf(copies, address);
    if (types.length > 1) found.push(`C2 ${address} ended ${types.length} times: ${types}`);
    if (types.includes('message.delivered') && count === 0) {
      found.push(`C3 ${address} is said to be delivered and no copy was taken`);
    }
    // A copy is either the one that was recorded as delivered or one of an unknown attempt.
    const told = (types.includes('message.delivered') ? 1 : 0) + unknown;
    if (count > told) found.push(`C4 ${address} of ${number}: ${count} copies, ${told} told`);
    return found;
  });
}
