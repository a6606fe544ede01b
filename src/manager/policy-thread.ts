/**
 * A thread on which a policy runs while it is judged: whatever the operator's code does, loop,
 * throw, exit, ends this thread at worst. It does one job and says its result once; before each
 * step of the policy it writes down which. It writes no store and decides nothing.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { answerText } from '../policy/answer-text.ts';
import { createDiskWorld } from '../policy/load-files.ts';
import { importPolicy } from '../policy/load-module.ts';
import { loadStored } from '../policy/load-version.ts';
import { isPolicyError } from '../policy/policy-error.ts';
import type { PolicySetup } from '../policy/setup.ts';
import { Gatherer, validateLoaded } from '../policy/validate.ts';
import { createClock } from '../ports/node/clock.ts';
import { createResolver } from '../ports/node/resolver.ts';
import { checkClassifier } from './classifier-check.ts';
import { checkHooks } from './hook-check.ts';
import { checkListeners } from './listener-check.ts';
import { askEffective } from './policy-effective.ts';
import type { JobResult, LoadJob, PolicyJob, ProveJob } from './policy-jobs.ts';
import { createNoteWriter } from './policy-note.ts';
import { askRecorded } from './policy-recorded.ts';
import { runPrepare } from './prepare.ts';
import { checkSigningKeys } from './signing-check.ts';

const note = createNoteWriter((workerData as { readonly memory: SharedArrayBuffer }).memory);

// Listeners, Redis and injection are opened when a worker starts; all else may change meanwhile.
const textOfSettings = (setup: PolicySetup): string => {
  const { smtpListeners, httpListeners, redisThrottles, injectRate } = setup;
  return answerText({
    smtpListeners,
    httpListeners,
    redisThrottles,
    // Named only where there is one: it must not make policies of earlier days look changed.
    ...(injectRate === undefined ? {} : { injectRate }),
  });
};

const load = async (job: LoadJob): Promise<JobResult> => {
  const { source, outDir, code, map, dnsServers } = job;
  const disk = createDiskWorld(source);
  const clock = createClock();
  const tag = `load=${clock.now()}`;
  const { world, facts } = disk;
  const imported = await importPolicy({ code, map, source, outDir, tag, world, note });
  const found = new Gatherer();
  const resolver = createResolver({ clock, ...(dnsServers && { servers: dnsServers }) });
  try {
    await runPrepare(imported, resolver, facts, found);
  } finally {
    resolver.stop();
  }
  await checkHooks(imported, found);
  await checkClassifier(imported, found);
  const { refusals, warnings } = validateLoaded(imported, found);
  const { monitorGlobs = [], monitorMs } = imported.setup;
  const settings = textOfSettings(imported.setup);
  const monitor = { globs: monitorGlobs, intervalMs: monitorMs };
  const hasLawGate = imported.setup.lawGate !== undefined;
  const loaded = { files: disk.files(), facts, settings, ...monitor, hasLawGate };
  return { refusals, warnings, loaded };
};

const prove = async ({ version, dir }: ProveJob): Promise<JobResult> => {
  const loaded = await loadStored(version, dir, note);
  const found = new Gatherer();
  checkListeners(loaded.setup, found);
  validateLoaded(loaded, found);
  await checkSigningKeys(found);
  return { refusals: found.refusals, warnings: found.warnings };
};

const run = async (job: PolicyJob): Promise<JobResult> => {
  if (job.kind === 'load') return load(job);
  if (job.kind === 'prove') return prove(job);
  const loaded = await loadStored(job.version, job.dir, note);
  if (job.kind === 'replay') {
    return { refusals: [], warnings: [], replayed: askRecorded(loaded, job.questions) };
  }
  const effective = askEffective(loaded, job.questions);
  return { refusals: [], warnings: [], effective };
};

/** A promise that nothing will ever settle must be found out as such: it keeps no thread alive. */
const HOLD_MS = 60_000;

parentPort?.once('message', async (job: PolicyJob) => {
  const hold = setInterval(() => {}, HOLD_MS);
  try {
    const result = await run(job);
    note('');
    parentPort?.postMessage(result);
  } catch (error) {
    note('');
    // Anything else is our own mistake, and ends the thread with its stack.
    if (!isPolicyError(error)) throw error;
    const refused: JobResult = { refusals: [error.message], warnings: [] };
    parentPort?.postMessage(refused);
  } finally {
    clearInterval(hold);
  }
});
