/**
 * Starts that cannot go well: each ends soon, with its exit code of sysexits(3) and one clear last
 * line that names what is wrong, never in a stack trace; a torn log tail starts by itself and
 * tells. The one idea: the program is run as an operator runs it, and only what he sees is judged.
 * Deliberately unknown here: how a start proceeds.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import Database from 'better-sqlite3';
import { Daemon, programCommand, writePolicy } from './daemon.ts';
import { listKind } from './damage.ts';
import { readLedger } from './ledger.ts';
import { makeProbes, Scenario } from './scenario.ts';
import { makeScratch } from './scratch.ts';
import { sendAll } from './sender.ts';
import { mountTinyDisk } from './tiny-disk.ts';

const END_MS_MAX = 15_000;
const LOCKED_MS_MAX = 1_000;
const MESSAGES = 10;
const NOBODY = 65_534;

const scratch = makeScratch('bad-start');
after(() => scratch.remove());
let count = 0;

/** A folder of this case's own that anybody may enter. */
function makePlace(): string {
  count += 1;
  const place = join(scratch.path, `${count}`);
  fs.mkdirSync(place);
  return place;
}

interface End {
  readonly code: number | null;
  readonly said: string;
  readonly last: string;
  readonly ms: number;
}

/** Runs the daemon to its end; one that goes on is killed and has no code. */
async function runToEnd(args: readonly string[], user?: number): Promise<End> {
  const [name = '', ...rest] = [...programCommand('waybilld'), ...args];
  const began = performance.now();
  const own = user === undefined ? {} : { uid: user, gid: user };
  const child = spawn(name, rest, { stdio: ['ignore', 'pipe', 'pipe'], ...own });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  const timer = setTimeout(() => child.kill('SIGKILL'), END_MS_MAX);
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  clearTimeout(timer);
  return {
    code,
    said,
    last: said.trimEnd().split('\n').at(-1) ?? '',
    ms: performance.now() - began,
  };
}

/** Asserts a refusal: code, last line, no stack. */
function expectRefusal(end: End, code: number, last: RegExp): void {
  assert.equal(end.code, code, end.said);
  assert.match(end.last, /^waybilld: /);
  assert.match(end.last, last);
  assert.doesNotMatch(end.said, /^\s+at .+:\d+:\d+\)?$/m);
}

const startWith = async (place: string, policy: string): Promise<End> => {
  const file = join(place, 'policy.ts');
  fs.writeFileSync(file, policy);
  return await runToEnd(['--policy', file, '--data', join(place, 'data')]);
};

const wrap = (init: string, more = ''): string => `import { definePolicy } from 'waybill/policy';
export default definePolicy({
  init(setup) {
    ${init}
  },
  ${more}
});
`;
const LISTEN = "setup.smtpListener({ listen: '127.0.0.1:0' });";

/** Every file below a folder with a hash of its content. */
const picture = (folder: string): string[] =>
  fs
    .readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => fs.statSync(join(folder, name)).isFile())
    .map((name) => {
      const bytes = fs.readFileSync(join(folder, name));
      return `${name} ${createHash('sha256').update(bytes).digest('hex')}`;
    })
    .sort();

/** A data directory with mail in its queue, stopped or killed. */
async function makeData(place: string, how: 'stop' | 'kill'): Promise<Scenario> {
  const scenario = new Scenario(place, () => 'defer');
  await scenario.open();
  const daemon = new Daemon(scenario.policy, scenario.data);
  try {
    await daemon.demandPort();
    const options = { lines: 2, port: () => daemon.port(), answered: () => {} };
    await sendAll(makeProbes(MESSAGES), options);
    if (how === 'stop') await daemon.stop();
  } finally {
    await daemon.kill();
    await scenario.target.close();
  }
  return scenario;
}

describe('a start is refused', () => {
  test('unknown argument: 64', async () => {
    const data = join(makePlace(), 'data');
    expectRefusal(await runToEnd(['--dada', data]), 64, /--dada/);
    expectRefusal(await runToEnd(['--data', data, 'stray']), 64, /stray/);
    assert.equal(fs.existsSync(data), false);
  });

  test('port in use: 69', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    try {
      const data = join(makePlace(), 'data');
      const end = await runToEnd(['--data', data, '--smtp', `127.0.0.1:${port}`]);
      expectRefusal(end, 69, new RegExp(`127\\.0\\.0\\.1:${port} is in use`));
    } finally {
      server.close();
    }
  });

  test('data directory in use: 69 at once, the holder unharmed', async () => {
    const place = makePlace();
    const policy = join(place, 'policy.ts');
    const data = join(place, 'data');
    writePolicy(policy, 9);
    fs.mkdirSync(data);
    const holder = new Daemon(policy, data);
    try {
      await holder.demandPort();
      const [name = '', ...rest] = programCommand('waybilld');
      const waits: number[] = [];
      for (let turn = 0; turn < 3; turn += 1) {
        const began = performance.now();
        spawnSync(name, [...rest, '--version']);
        const bareMs = performance.now() - began;
        const end = await runToEnd(['--policy', policy, '--data', data]);
        expectRefusal(end, 69, /data is in use by another waybilld \(pid \d+\)/);
        waits.push(end.ms - bareMs);
      }
      // The best of three: the machine may be busy with other things.
      assert.ok(Math.min(...waits) < LOCKED_MS_MAX, `it took ${waits} ms`);
      let taken = 0;
      await sendAll(makeProbes(MESSAGES), {
        lines: 1,
        port: () => holder.port(),
        answered: ({ kind }) => {
          if (kind === 'taken') taken += 1;
        },
      });
      assert.equal(taken, MESSAGES);
      assert.equal((await holder.stop()).code, 0);
    } finally {
      await holder.kill();
    }
  });

  test('policy does not compile: 78 with its place', async () => {
    const end = await startWith(makePlace(), `${wrap(LISTEN)}\nconst broken = = 1;\n`);
    expectRefusal(end, 78, /policy\.ts:9:16: /);
  });

  test('policy without listener, or failing: 78', async () => {
    expectRefusal(await startWith(makePlace(), wrap('')), 78, /listener/i);
    const thrown = await startWith(makePlace(), wrap("throw new Error('not today');"));
    expectRefusal(thrown, 78, /policy\.ts:4:\d+: .*not today/);
    const kind = await startWith(makePlace(), wrap(LISTEN, 'get_queue_config: 7,'));
    expectRefusal(kind, 78, /get_queue_config/);
    const name = await startWith(makePlace(), wrap(LISTEN, 'get_queue_confg: () => ({}),'));
    expectRefusal(name, 78, /get_queue_confg.*get_queue_config/);
    expectRefusal(await runToEnd(['--policy', join(makePlace(), 'none.ts')]), 78, /none\.ts/);
  });

  test('unknown option: 78 and what may be meant', async () => {
    const init = "setup.smtpListener({ listen: '127.0.0.1:0', max_mesage_size: 5 });";
    const end = await startWith(makePlace(), wrap(init));
    expectRefusal(end, 78, /max_mesage_size.*max_message_size/);
  });

  test('data of a newer version: 76, nothing touched', async () => {
    const { data, policy } = await makeData(makePlace(), 'stop');
    const name = listKind(data, 'log').at(-1) ?? '';
    const db = new Database(join(data, name));
    const format = Number(db.pragma('user_version', { simple: true })) + 1;
    db.pragma(`user_version = ${format}`);
    const columns = db.prepare("SELECT name FROM pragma_table_info('meta')").pluck().all();
    if (columns.includes('format')) db.prepare('UPDATE meta SET format = ?').run(format);
    else db.prepare("UPDATE meta SET value = ? WHERE key = 'format'").run(format);
    db.close();
    for (const beside of ['-wal', '-shm']) fs.rmSync(join(data, name + beside), { force: true });
    const mail = (one: string): boolean => /^(log\/|bodies|snapshots|high-water)/.test(one);
    const before = picture(data).filter(mail);
    const end = await runToEnd(['--policy', policy, '--data', data]);
    expectRefusal(end, 76, /newer/);
    assert.deepEqual(picture(data).filter(mail), before);
  });

  test('data directory is a file, or not ours: 74', async () => {
    const place = makePlace();
    fs.writeFileSync(join(place, 'data'), 'a file');
    expectRefusal(await runToEnd(['--data', join(place, 'data')]), 74, /\/data\b/);
    // Root is stopped by no mode, so the attempt is made as somebody else.
    fs.chmodSync(scratch.path, 0o755);
    const closed = join(makePlace(), 'closed');
    fs.mkdirSync(closed, { mode: 0o500 });
    const user = process.getuid?.() === 0 ? NOBODY : undefined;
    const data = user === undefined ? join(closed, 'data') : closed;
    expectRefusal(await runToEnd(['--data', data], user), 74, /\/closed\b/);
  });

  test('data directory where none can be made: 74', async (context) => {
    if (!fs.existsSync('/proc/self')) return context.skip('there is no /proc');
    expectRefusal(await runToEnd(['--data', '/proc/waybill']), 74, /\/proc\/waybill\b/);
    expectRefusal(await runToEnd(['--data', '/proc/waybill/data']), 74, /\/proc\/waybill\b/);
  });

  test('data directory on a read-only disk: 74', async (context) => {
    const disk = mountTinyDisk(join(makePlace(), 'disk'), 'ro,size=1m');
    if (typeof disk === 'string') return context.skip(disk);
    try {
      expectRefusal(await runToEnd(['--data', disk.path]), 74, /\/disk\b/);
      expectRefusal(await runToEnd(['--data', join(disk.path, 'data')]), 74, /\/disk\/data\b/);
    } finally {
      disk.remove();
    }
  });
});

describe('a torn tail of the log starts unattended, loses nothing and is told', () => {
  const spoil = Buffer.alloc(9_999, 0xa5);
  const overwriteEnd = (path: string): void => {
    const bytes = fs.readFileSync(path);
    spoil.copy(bytes, bytes.length - spoil.length);
    fs.writeFileSync(path, bytes);
  };
  const cutHalf = (path: string): void =>
    fs.truncateSync(path, Math.floor(fs.statSync(path).size / 2));
  const append = (path: string): void => fs.appendFileSync(path, spoil);
  const cases: readonly (readonly [string, 'wal' | 'log', (path: string) => void, boolean])[] = [
    ['cut in half', 'wal', cutHalf, true],
    ['its end overwritten', 'log', overwriteEnd, true],
    // Bytes behind the last page belong to nothing: no content changed, so silence is right.
    ['garbage behind', 'wal', append, false],
    ['garbage behind', 'log', append, false],
  ];
  for (const [what, kind, hurt, isTold] of cases) {
    test(`${kind}: ${what}`, async () => {
      const { data, policy } = await makeData(makePlace(), kind === 'wal' ? 'kill' : 'stop');
      hurt(join(data, listKind(data, kind).at(-1) ?? ''));
      const daemon = new Daemon(policy, data);
      try {
        await daemon.demandPort();
        assert.equal((await daemon.stop()).code, 0, daemon.tail);
        assert.equal(/"level":(?:[45]0|60)/.test(daemon.tail), isTold, daemon.tail);
        // Overwritten records are gone for good; their messages live on in the snapshot.
        if (what === 'its end overwritten') return;
        const messages = [...readLedger(data).messages.values()];
        assert.equal(new Set(messages.map(({ number }) => number)).size, MESSAGES);
      } finally {
        await daemon.kill();
      }
    });
  }
});
