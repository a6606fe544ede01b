/**
 * How many responses a second the bounce classifier names, by 200 rules: never seen before, seen in
 * their form before (another address each), and remembered as they are.
 *   node --import tsx bench/classify.ts [responses]
 */
import type { BounceRule, RuledResponse } from '../src/domain/bounce-rules.ts';
import { Classifier } from '../src/projections/classifier.ts';

const RULES = 200;
const WHAT = ['mailbox', 'user', 'account', 'message', 'sender', 'host', 'quota', 'address'];
const WHY = ['full', 'unknown', 'disabled', 'blocked', 'listed', 'denied', 'exceeded', 'refused'];
const responses = Number(process.argv[2] ?? 20_000);

const pick = (from: readonly string[], at: number): string => from[at % from.length] as string;

const rules = Array.from({ length: RULES }, (_, at): BounceRule => {
  const text = `(?i)${pick(WHAT, at)} (is |was )?(${pick(WHY, at >> 3)}|${pick(WHY, at >> 4)})`;
  const rare = `^5\\d\\d .*error code ${at}\\b`;
  return { label: `Label${at}`, pattern: at % 2 === 0 ? text : rare, place: '' };
});

const respond = (at: number, whom: number): RuledResponse => ({
  code: 550,
  enhanced_code: at % 3 === 0 ? null : { class: 5, subject: 1, detail: at % 9 },
  content: `<u${whom}@example.com>: ${pick(WHAT, at)} ${pick(WHY, at * 7)}; error code ${at % 400}`,
});

function run(name: string, classifier: Classifier, make: (at: number) => RuledResponse): void {
  const asked = Array.from({ length: responses }, (_, at) => make(at));
  const before = process.cpuUsage();
  for (const response of asked) classifier.classify(response);
  const { user, system } = process.cpuUsage(before);
  const seconds = (user + system) / 1e6;
  const { read, remembered } = classifier.counts;
  const rate = Math.round(responses / seconds);
  console.log(`${name}: ${rate} responses/s of CPU (read ${read}, remembered ${remembered})`);
}

const began = performance.now();
const classifier = new Classifier({ rules, cacheSize: 1024, uncategorizedCacheSize: 1024 });
console.log(`${RULES} rules compiled in ${Math.round(performance.now() - began)} ms`);
run('forms and addresses new', classifier, (at) => respond(at, at));
run('addresses new', classifier, (at) => respond(at, responses + at));
run('remembered', classifier, (at) => respond(at % 400, 7));
