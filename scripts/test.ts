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

/** The black-box runs take whole machines; all else waits more than it works. */
const groups = [
  { files: files.filter((path) => !path.startsWith('test/faults/')), atOnce: 2 },
  { files: files.filter((path) => path.startsWith('test/faults/')), atOnce: 1 },
];

/** Runs these files, and tells whether all is well. */
const run = (paths: readonly string[], atOnce: number): Promise<boolean> =>
  new Promise((resolve) => {
    const runner = spawn(
      process.execPath,
      [
        ...['--import', 'tsx', '--test', '--test-reporter=spec'],
        ...[`--test-concurrency=${atOnce}`, ...options, ...paths],
      ],
      { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] },
    );
    runner.on('exit', (code) => resolve(code === 0));
  });

for (const { files: paths, atOnce } of groups) {
  if (paths.length > 0 && !(await run(paths, atOnce))) process.exitCode = 1;
}
