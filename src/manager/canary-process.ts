/**
 * The program of the canary process; see canary.ts. Its thread is at hand before the order comes.
 * Exit codes: 0 proved, 65 refused, 74 the store failed, 70 our own mistake.
 */
import { runCanary } from './canary.ts';
import type { ProveOrder } from './messages.ts';
import { startPolicyThread } from './policy-watch.ts';
import { serveStep } from './step-process.ts';

const thread = startPolicyThread();
serveStep((order: ProveOrder) => runCanary(order, thread));
