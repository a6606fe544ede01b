/**
 * `npm run docs`: rewrites the generated parts of the documents; with `--check` only compares.
 * The one idea: what can be printed from the code is never written by hand.
 * Deliberately unknown here: what the parts are.
 */
import { fileURLToPath } from 'node:url';
import { findStaleParts, writeParts } from './docs/pages.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const isCheck = process.argv.includes('--check');
const complaints = isCheck ? await findStaleParts(root) : await writeParts(root);
for (const complaint of complaints) process.stderr.write(`docs: ${complaint}\n`);
if (complaints.length > 0) process.exitCode = 1;
