/**
 * `npm run sim -- --seed=N --turns=N`: one seeded world, told on standard output: its knobs first,
 * then a line per notable turn, at the end the ledger. With `--history=FILE` the log is also
 * written as a history, and the books it folds to beside it. The same seed tells the same story.
 * Deliberately unknown here: the laws; a play that breaks one is found by test/property.
 */
import { writeFileSync } from 'node:fs';
import type { StoredRecord } from '../src/ports/ports.ts';
import type { Manner } from '../src/testing/world/exchanger.ts';
import type { World } from '../src/testing/world/world.ts';
import { DOMAINS, MANNERS } from '../test/world/acts.ts';
import { canonOf, foldRecords } from '../test/world/canon.ts';
import { checkBalance, checkCopies, checkPromises } from '../test/world/judge.ts';
import { makeWorld } from '../test/world/law.ts';

const TURNS_DEFAULT = 500;
/** Attempts are many; what ends, pauses or starts something is worth a line. */
const QUIET = new Set(['message.accepted', 'message.offered', 'policy.answered', 'message.moved']);

const options = new Map(
  process.argv.slice(2).map((arg) => {
    const [name = '', value = ''] = arg.replace(/^--/, '').split('=');
    return [name, value] as const;
  }),
);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

function describeKnobs(world: World, seed: number, turns: number): void {
  say(`seed ${seed}, ${turns} turns`);
  say(`faults ${JSON.stringify(world.net.faults)}`);
  for (const domain of DOMAINS.slice(0, -1)) {
    const manner = world.chance.pick(Object.keys(MANNERS));
    world.hostOf(domain).exchanger.manner = MANNERS[manner] as Manner;
    say(`${domain}: ${manner}`);
  }
}

function tell(records: readonly StoredRecord[], startAt: number): void {
  const notable = records.filter(({ type }) => !QUIET.has(type));
  if (notable.length === 0) return;
  const counts = new Map<string, number>();
  for (const { type } of notable) counts.set(type, (counts.get(type) ?? 0) + 1);
  const words = [...counts].map(([type, count]) => (count === 1 ? type : `${type} x${count}`));
  const { at, turn } = notable[0] as StoredRecord;
  say(`${String((at - startAt) / 1_000).padStart(10)} s  turn ${turn}  ${words.join(', ')}`);
}

/** Something happens now and then: mail mostly, sometimes a wish or a crash. */
async function happen(world: World): Promise<void> {
  const { chance } = world;
  if (chance.hits(0.02)) {
    say('           crash');
    return world.crash();
  }
  if (chance.hits(0.05)) {
    const name = `ip-${chance.between(1, 3)}`;
    const until = world.now + chance.between(1_000, 300_000);
    world.command({ kind: 'source.suspend', source: name, until, why: 'sim' });
  }
  if (chance.hits(0.05)) {
    const until = world.now + chance.between(1_000, 300_000);
    world.command({ kind: 'queue.suspend', queue: chance.pick(DOMAINS), until, why: 'sim' });
  }
  const to = Array.from({ length: chance.between(1, 5) }, (_, at) => {
    return `${chance.pick(['u', 'v', 'bad', 'later'])}${at}@${chance.pick(DOMAINS)}`;
  });
  const mail = world.submit(to);
  const [message] = mail?.messages ?? [];
  if (message !== undefined && chance.hits(0.1)) {
    await world.runFor(5_000);
    world.command({ kind: 'message.cancel', id: message.id, why: 'sim' });
  }
}

async function run(): Promise<void> {
  const seed = Number(options.get('seed') || 1);
  const turns = Number(options.get('turns') || TURNS_DEFAULT);
  const world = await makeWorld({ seed }, true);
  describeKnobs(world, seed, turns);
  let told = 0;
  let lastTurn = 0;
  while (lastTurn < turns) {
    await happen(world);
    await world.runFor(world.chance.between(100, 60_000), () => checkBalance(world));
    checkPromises(world);
    const { records } = world.witness;
    for (const turn of groupByTurn(records.slice(told))) tell(turn, world.time.startAt);
    told = records.length;
    lastTurn = records.at(-1)?.turn ?? 0;
  }
  checkCopies(world);
  say(`ledger ${JSON.stringify(world.engine.core.books.ledger)}, ${world.crashes} crashes`);
  const file = options.get('history');
  if (file !== undefined && file !== '') writeHistory(world, file);
}

function groupByTurn(records: readonly StoredRecord[]): StoredRecord[][] {
  const turns = new Map<number, StoredRecord[]>();
  for (const record of records) turns.set(record.turn, [...(turns.get(record.turn) ?? []), record]);
  return [...turns.values()];
}

function writeHistory(world: World, file: string): void {
  const { records } = world.witness;
  writeFileSync(file, records.map((record) => `${JSON.stringify(record)}\n`).join(''));
  const books = canonOf(foldRecords(records).books);
  writeFileSync(file.replace('.jsonl', '.books.json'), `${JSON.stringify(books, null, 1)}\n`);
  const types = [...new Set(records.map(({ type }) => type))].sort();
  say(`history ${file}: ${records.length} records of ${types.length} types: ${types.join(', ')}`);
}

await run();
