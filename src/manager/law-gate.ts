/**
 * The gate of laws: a stored version is held against them for as long as it asks for itself, and
 * what breaks one is its refusal, with the way there and the line that repeats it. A budget that is
 * over without a find lets it pass, and says so. Puts nothing in force.
 */
import type { StoredVersion } from '../domain/policy-version.ts';
import { sayMany } from '../domain/waiting.ts';
import { openPolicyStore } from '../events/policy-store.ts';
import { oneLine } from '../policy/policy-error.ts';
import type { CheckVerdict } from '../testing/verdict.ts';
import { describeSteps, repeatLine } from '../testing/verdict.ts';
import type { LawSearch } from './law-jobs.ts';
import { runLaws } from './law-watch.ts';
import type { LawOrder, LawVerdict } from './messages.ts';

/** Holds a version of the store of `order.dir` against the laws; throws where the store fails. */
export const runLawGate = async ({ number, dir }: LawOrder): Promise<LawVerdict> => {
  const store = openPolicyStore(dir, 'read');
  const version = store.find(number);
  store.close();
  if (version === undefined) {
    const sentence = `there is no version ${number} in the policy store`;
    return { kind: 'refused', number, sentence };
  }
  const end = await runLaws({ policy: { kind: 'version', version } });
  if (end.kind === 'judged') return verdictOn(version, end.verdict, end.search);
  return end.kind === 'refused' ? { ...end, number } : { kind: 'held', sentence: '' };
};

const verdictOn = (
  { number, source }: StoredVersion,
  verdict: CheckVerdict,
  search: LawSearch,
): LawVerdict => {
  const { runs, laws, seed, found } = verdict;
  if (found === undefined) {
    const what = `${laws.length} laws held in ${sayMany(runs, 'run')}`;
    return { kind: 'held', sentence: `${what} of ${search.seconds} s (seed ${seed})` };
  }
  const again = repeatLine(source, verdict, search.tenants);
  const sentence = oneLine(`${found.law.name} is broken: ${found.breach.says}`);
  const account = [found.law.says, describeSteps(found), `Again: ${again}`];
  const told = account.filter((part) => part !== '').join('\n\n');
  return { kind: 'refused', number, sentence, account: told };
};
