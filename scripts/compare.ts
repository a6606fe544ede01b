/**
 * `npm run compare -- --messages=N --seed=N`: a real run is recorded, its providers are fitted from
 * the log, the same mail is simulated with the same policy, and both are compared. It prints a
 * table and ends with 1 where they do not agree.
 * Deliberately unknown here: what agreeing means (compare/judge.ts).
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FitEvent } from '../src/testing/fit/attempts.ts';
import { fitLog } from '../src/testing/fit/fit-log.ts';
import { loadPolicy } from '../src/testing/load-policy.ts';
import type { ProviderModels } from '../src/testing/models/model.ts';
import { readModels } from '../src/testing/models/reading.ts';
import type { Step } from '../src/testing/scenario.ts';
import { simulate } from '../src/testing/simulate.ts';
import type { Finding } from './compare/judge.ts';
import { judge } from './compare/judge.ts';
import { runReally } from './compare/real-run.ts';
import { countRun } from './compare/runs.ts';

const MESSAGES_DEFAULT = 1_000;
/** Attempts that a receiver needs here for a model of its own. */
const FIT_MIN = 20;
const SETTLE_MS = 600_000;

const options = new Map(
  process.argv.slice(2).map((arg) => {
    const [name = '', value = ''] = arg.replace(/^--/, '').split('=');
    return [name, Number(value)] as const;
  }),
);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** The same mail at the same times. */
function stepsOf(events: readonly FitEvent[]): Step[] {
  let now: number | undefined;
  const steps = events.flatMap(({ type, at, body }): Step[] => {
    if (type !== 'message.accepted') return [];
    const waitMs = at - (now ?? at);
    now = at;
    const [, , bytes] = body['body'] as readonly number[];
    const to = body['to'] as readonly string[];
    const send: Step = { do: 'send', from: String(body['from']), to, bytes };
    return waitMs > 0 ? [{ do: 'wait', ms: waitMs }, send] : [send];
  });
  return [...steps, { do: 'wait', ms: SETTLE_MS }];
}

function tell(findings: readonly Finding[], { fit }: ProviderModels): void {
  const line = (cells: readonly (string | number)[]): string =>
    cells
      .map((cell, index) => (index < 2 ? String(cell).padEnd(14) : String(cell).padStart(10)))
      .join(' ');
  say(line(['domain', '', 'real', 'simulated', 'may differ', '']));
  for (const { domain, what, real, simulated, bound, agrees } of findings) {
    const figures = [real, simulated, bound].map((one) => Math.round(one * 10) / 10);
    say(line([domain, what, ...figures, agrees ? '' : 'DIFFERS']));
  }
  for (const [site, error] of Object.entries(fit?.sites ?? {})) {
    say(`${site}: ${JSON.stringify(error)}`);
  }
}

async function compare(): Promise<void> {
  const messages = options.get('messages') ?? MESSAGES_DEFAULT;
  const seed = options.get('seed') ?? 1;
  const folder = mkdtempSync(join(tmpdir(), 'waybill-compare-'));
  try {
    const { policy, data, events } = await runReally(folder, messages, seed);
    const fitted = await fitLog(data, { min: FIT_MIN });
    // As a file, as everybody else has them.
    const models = readModels(JSON.stringify(fitted), 'fitted models');
    const scenario = { steps: stepsOf(events), settles: false };
    const result = await simulate(await loadPolicy(policy), scenario, { seed, models });
    const findings = judge(countRun(events), countRun(result.events()), models);
    tell(findings, models);
    const differing = findings.filter(({ agrees }) => !agrees).length;
    say(differing === 0 ? 'They agree.' : `They differ in ${differing} figures.`);
    process.exitCode = differing === 0 ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await compare();
