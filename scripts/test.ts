/**
 * `npm test [-- FOLDER|FILE ...]`: runs the tests below the given folders of test/, or all of them.
 * The one idea: Node 20 takes no patterns and finds no .ts files by itself, so the list is made
 * here, the slow black-box runs against real processes (test/faults) included.
 * Deliberately unknown here: what any test does.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { readPaths } from './tidy/sources.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const args = process.argv.slice(2);
const options = args.filter((arg) => arg.startsWith('--'));
const wanted = args.filter((arg) => !arg.startsWith('--')).map((arg) => arg.replace(/\/$/, ''));

const isWanted = (path: string): boolean =>
  wanted.length === 0 || wanted.some((part) => path === part || path.startsWith(`${part}/`));

const files = readPaths(root).filter(
  (path) => path.startsWith('test/') && path.endsWith('.test.ts') && isWanted(path),
);

if (files.length === 0) {
  process.stderr.write(`no tests below ${wanted.join(', ')}\n`);
  process.exit(1);
}

// A test that hangs must fail, not hold everything up; full walks over all faults take longer.
const TEST_MS_MAX = 600_000;
if (process.env['FAULT_CASES'] !== 'all') options.push(`--test-timeout=${TEST_MS_MAX}`);
// Most runs wait more than they work: two files at once take little more than half the time.
if (!options.some((option) => option.startsWith('--test-concurrency'))) {
  options.push('--test-concurrency=2');
}

const runner = spawn(
  process.execPath,
  ['--import', 'tsx', '--test', '--test-reporter=spec', ...options, ...files],
  { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] },
);
runner.on('exit', (code, signal) => {
  process.exitCode = signal === null ? (code ?? 1) : 1;
});
