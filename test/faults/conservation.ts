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

/** Compares the witnesses: C1 to C5. */
export function judgeRun(evidence: Evidence): Verdict {
  const { answers, ledger } = evidence;
  const breaches = [...ledger.breaches];
  const byNumber = new Map<number, LedgerMessage>();
  for (const message of ledger.messages.values()) {
    if (byNumber.has(message.number)) breaches.push(`C1 ${message.number} is in the log twice`);
    byNumber.set(message.number, message);
  }
  const copies = countCopies(evidence, breaches);
  for (const answer of answers) breaches.push(...judgeAnswer(answer, byNumber, copies));
  let queued = 0;
  let second = 0;
  let unknown = 0;
  for (const message of ledger.messages.values()) {
    breaches.push(...judgeMessage(message, copies));
    queued += message.to.filter((to) => !message.ends.has(to)).length;
    second += message.to.reduce((sum, to) => sum + Math.max(0, countOf(copies, to) - 1), 0);
    unknown += message.unknown;
  }
  for (const { number } of evidence.copies) {
    if (!byNumber.has(number)) breaches.push(`C3 a copy of ${number}, which was never accepted`);
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
  byNumber: ReadonlyMap<number, LedgerMessage>,
  copies: Counts,
): string[] {
  const message = byNumber.get(number);
  if (kind === 'taken') {
    if (message === undefined) return [`C1 ${number} was promised and is not in the log`];
    if (!text.includes(message.stream)) return [`C1 ${number} was promised as "${text}"`];
  }
  if (kind === 'refused') {
    const isFound = message !== undefined || countOf(copies, `a.${number}`) > 0;
    if (isFound) return [`C5 ${number} was refused and is in the log: "${text}"`];
  }
  return [];
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
