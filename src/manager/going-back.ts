/**
 * Which version an operator wants in force, and the words that the log keeps of it: one by its
 * number, or the one before the present one. Only finds; proving it and putting it in force is the
 * life cycle's.
 */
import type { StoredVersion } from '../domain/policy-version.ts';
import { oneLine } from '../policy/policy-error.ts';
import { EXIT_POLICY } from './exit.ts';
import type { Refusal, Versioned } from './judging.ts';
import type { InForce, Standing } from './life-cycle-parts.ts';
import { EMBEDDED_VERSION } from './life-cycle-parts.ts';
import type { ByHand } from './messages.ts';

/** A name and a cause are a remark in the log, not a document. */
const REMARK_CHARS_MAX = 200;

/** A version that is to be put in force. */
export interface Choice {
  readonly kind: 'chosen';
  readonly policy: Versioned;
  readonly version: StoredVersion & Pick<InForce, 'isReturn'>;
  readonly reason: string;
}

/** The version of a number. */
export function findByNumber(
  policy: Versioned | undefined,
  number: number,
  order: ByHand,
): Choice | Refusal {
  const version = policy?.store.find(number);
  if (policy === undefined || version === undefined || version.state === 'refused') {
    return refuse(number, version === undefined ? 'there is no such version' : version.sentence);
  }
  const reason = reasonOf(`version ${number} was activated`, order);
  return { kind: 'chosen', policy, version, reason };
}

/** The version that was in force before `present`. */
export function findBefore(
  policy: Versioned | undefined,
  present: number,
  order: ByHand,
): Choice | Refusal {
  if (policy === undefined) {
    return refuse(present, 'waybilld runs on its embedded policy, which has no versions');
  }
  const version = findFormer(policy);
  if (version === undefined) {
    const why = `no other version was in force before version ${present}`;
    return refuse(present, `${why}; waybill policy list shows what there is to activate`);
  }
  const reason = reasonOf(`version ${present} was rolled back to ${version.number}`, order);
  return { kind: 'chosen', policy, version: { ...version, isReturn: true }, reason };
}

function findFormer({ store }: Versioned): StoredVersion | undefined {
  const number = store.formerNumber();
  return number === undefined ? undefined : store.find(number);
}

/** Which version the files on the disk are, where that is known and another one. */
export function showOnDisk(onDisk: number, inForce: number): Pick<Standing, 'onDisk'> {
  return onDisk === EMBEDDED_VERSION || onDisk === inForce ? {} : { onDisk };
}

const refuse = (number: number, sentence: string): Refusal => {
  return { kind: 'refused', number, sentence, code: EXIT_POLICY };
};

function reasonOf(what: string, { by, cause }: ByHand): string {
  const why = cause === undefined ? '' : `: ${cause.slice(0, REMARK_CHARS_MAX)}`;
  return oneLine(`${what} by ${by?.slice(0, REMARK_CHARS_MAX) ?? 'hand'}${why}`);
}
