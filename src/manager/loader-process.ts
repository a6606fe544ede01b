/**
 * The program of the policy-loader process; see loader.ts. Its thread and the compiler are at hand
 * before the order comes. Exit codes: 0 loaded, 65 refused, 74 the store failed, 70 our mistake.
 */

import { runLoader } from './loader.ts';
import type { LoadOrder } from './messages.ts';
import { startPolicyThread } from './policy-watch.ts';
import { serveStep } from './step-process.ts';

const thread = startPolicyThread();
serveStep((order: LoadOrder) => runLoader(order, { thread }));
await import('esbuild');
