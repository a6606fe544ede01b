/**
 * The question: what does a look of the config monitor cost when nothing has changed? A folder with
 * files of the sizes that policies have, looked at as the manager does, full reads (every tenth
 * look) included. Prints median and worst; the manager does nothing else meanwhile.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ConfigMonitor } from '../src/manager/config-monitor.ts';

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '200' },
    looks: { type: 'string', default: '100' },
  },
});
const FILES = Number(values.files);
const LOOKS = Number(values.looks);
const FILE_BYTES = 10_240;
const FILES_PER_FOLDER = 20;
/** Looks that only warm up: the first one loads the library that finds files. */
const UNCOUNTED = 5;

const dir = mkdtempSync(join(tmpdir(), 'waybill-poll-'));
try {
  for (let file = 0; file < FILES; file += 1) {
    const folder = join(dir, `part-${Math.floor(file / FILES_PER_FOLDER)}`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `data-${file}.toml`), `# ${file}\n`.padEnd(FILE_BYTES, '#'));
  }
  const source = join(dir, 'policy.ts');
  writeFileSync(source, '');
  const tell = (_level: string, sentence: string): void => console.log(sentence);
  const monitor = new ConfigMonitor({ source, dataDir: join(dir, 'data'), tell });
  const walls: number[] = [];
  const cpus: number[] = [];
  for (let look = -UNCOUNTED; look < LOOKS; look += 1) {
    const before = process.cpuUsage();
    const began = performance.now();
    if (await monitor.look()) throw new Error('nothing has changed');
    if (look < 0) continue;
    walls.push(performance.now() - began);
    const { user, system } = process.cpuUsage(before);
    cpus.push((user + system) / 1000);
  }
  const say = (name: string, list: number[]): string => {
    const sorted = list.toSorted((a, b) => a - b);
    const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
    return `${name} median ${median.toFixed(1)} ms, worst ${(sorted.at(-1) ?? 0).toFixed(1)} ms`;
  };
  console.log(`${FILES} files, ${LOOKS} looks: ${say('wall', walls)}; ${say('CPU', cpus)}`);
} finally {
  rmSync(dir, { recursive: true, force: true });
}
