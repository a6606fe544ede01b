/**
 * The program of the process that erases; see erase-step.ts. Exit codes: 0 when it is said what
 * came of the order, whatever that was, 65 where it was refused.
 */
import { runErasure } from './erase-step.ts';
import { serveStep } from './step-process.ts';

serveStep(runErasure);
