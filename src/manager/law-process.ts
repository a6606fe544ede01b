/**
 * The program of the process that holds a version against the laws; see law-gate.ts. Mail goes
 * first: it runs at a lower priority. Exit codes: 0 held, 65 refused, 74 the store failed, 70
 * our own mistake.
 */
import { constants, setPriority } from 'node:os';
import { runLawGate } from './law-gate.ts';
import { serveStep } from './step-process.ts';

setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
serveStep(runLawGate);
