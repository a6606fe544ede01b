/**
 * The policy store, by contract: whole verdicts, one version in force, what is forgotten and what
 * never is, who may read the file, and that it survives a kill in the middle of a verdict.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import type { VersionDraft } from '../../src/domain/policy-version.ts';
import { openPolicyDatabase, PolicyStoreError } from '../../src/events/policy-schema.ts';
import { REFUSALS_KEPT } from '../../src/events/policy-statements.ts';
import type { PolicyStore } from '../../src/events/policy-store.ts';
import { openPolicyStore } from '../../src/events/policy-store.ts';

const WRITER = fileURLToPath(new URL('policy-store-writer.ts', import.meta.url));
const KILLS = 6;

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'waybill-store-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const draft = (name: string, more: Partial<VersionDraft> = {}): VersionDraft => ({
  hash: name.padEnd(16, '0'),
  source: '/etc/waybill/policy.ts',
  reason: 'test',
  at: 1_700_000_000_000,
  code: `// ${name}`,
  map: '{}',
  files: [{ path: 'sources.toml', sha256: '', text: `# ${name}` }],
  facts: { 'shaping.sites': { 'a.test': name } },
  settingsHash: 'listeners',
  warnings: ['careful'],
  ...more,
});

const using = <T>(use: (store: PolicyStore) => T, mode: 'write' | 'read' = 'write'): T => {
  const store = openPolicyStore(dir, mode);
  try {
    return use(store);
  } finally {
    store.close();
  }
};

describe('the policy store', () => {
  it('gives back what it was given, after a new start, too', () => {
    const number = using((store) => store.addCandidate(draft('a')));
    const found = using((store) => store.find(number), 'read');
    const { files, ...rest } = draft('a');
    assert.deepEqual(
      { ...found, files: [] },
      {
        ...rest,
        files: [],
        number,
        state: 'candidate',
        sentence: '',
      },
    );
    assert.deepEqual(
      found?.files.map(({ path, text }) => [path, text]),
      [[files[0]?.path, files[0]?.text]],
    );
    assert.equal(
      using((store) => store.current()),
      undefined,
    );
  });

  it('has one version in force: the one accepted last', () => {
    using((store) => {
      const [one, two] = [store.addCandidate(draft('a')), store.addCandidate(draft('b'))];
      store.accept(one, 10, 'first');
      assert.equal(store.current()?.number, one);
      store.accept(two, 20, 'second');
      store.accept(one, 30, 'back');
      assert.equal(store.currentNumber(), one);
      const [newest, older] = store.list(10);
      assert.deepEqual(
        [
          newest?.number,
          newest?.isCurrent,
          newest?.acceptedAt,
          older?.isCurrent,
          older?.acceptedAt,
        ],
        [two, false, 20, true, 30],
      );
    });
  });

  it('gives the same content its number again, but only where it is the last word', () => {
    using((store) => {
      const one = store.addCandidate(draft('a'));
      assert.equal(store.addCandidate(draft('a')), one);
      store.accept(one, 1, '');
      assert.equal(store.addCandidate(draft('a')), one);
      const other = store.addCandidate(draft('a', { facts: { 'shaping.sites': {} } }));
      assert.notEqual(other, one);
      store.refuse(other, 'no');
      assert.notEqual(store.addCandidate(draft('a', { facts: { 'shaping.sites': {} } })), other);
      const two = store.addCandidate(draft('b'));
      store.accept(two, 2, '');
      assert.notEqual(store.addCandidate(draft('a')), one, 'a return to an old text is a change');
    });
  });

  it('never puts a refused version in force, and never forgets one that was', () => {
    using((store) => {
      const [one, two] = [store.addCandidate(draft('a')), store.addCandidate(draft('b'))];
      store.accept(one, 1, '');
      store.refuse(two, 'the canary died');
      assert.throws(() => store.accept(two, 2, ''), /version 2 was refused/);
      assert.throws(() => store.accept(99, 2, ''), /there is no version 99/);
      assert.equal(store.currentNumber(), one);
      store.refuse(one, 'it hung');
      assert.equal(store.find(one)?.state, 'accepted');
      assert.equal(store.list(1)[0]?.sentence, 'the canary died');
    });
  });

  it('remembers the newest refusals, and numbers are never given twice', () => {
    using((store) => {
      const kept = store.addCandidate(draft('kept'));
      store.accept(kept, 1, '');
      for (let count = 0; count < REFUSALS_KEPT + 20; count += 1) {
        store.addRefusal(count, 'policy.ts', 'poll', `mistake ${count}`);
      }
      const all = store.list(1000);
      assert.equal(all.length, REFUSALS_KEPT + 1);
      assert.equal(all[0]?.sentence, `mistake ${REFUSALS_KEPT + 19}`);
      assert.equal(all.at(-1)?.number, kept);
      assert.equal(store.find(all[0]?.number ?? 0), undefined, 'a refusal is no version');
      assert.equal(store.addCandidate(draft('next')), (all[0]?.number ?? 0) + 1);
    });
  });

  it('keeps a text once, and lets go of texts that only refused versions had', () => {
    using((store) => {
      const big = 'x'.repeat(50_000);
      const files = [{ path: 'big.toml', sha256: '', text: big }];
      store.accept(store.addCandidate(draft('a', { files })), 1, '');
      for (let count = 0; count < REFUSALS_KEPT + 5; count += 1) {
        store.refuse(store.addCandidate(draft(`r${count}`, { files })), 'no');
      }
    });
    const db = openPolicyDatabase(dir, 'read');
    const texts = db.prepare('SELECT text FROM content').pluck().all() as string[];
    db.close();
    assert.equal(texts.filter((text) => text.length === 50_000).length, 1);
    assert.ok(!texts.includes('// r0') && texts.includes('// a') && texts.includes('// r9'));
  });
});

describe('the file of the policy store', () => {
  it("is its owner's alone, has FULL durability and speaks to the sqlite3 prompt", () => {
    using((store) => store.accept(store.addCandidate(draft('a')), 5, ''));
    const path = join(dir, 'policy/policy.db');
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(statSync(join(dir, 'policy')).mode & 0o777, 0o700);
    const db = openPolicyDatabase(dir, 'write');
    assert.equal(db.pragma('synchronous', { simple: true }), 2);
    assert.equal(db.pragma('journal_mode', { simple: true }), 'wal');
    assert.deepEqual(db.prepare('SELECT number, time, state, current FROM timeline').raw().all(), [
      [1, '2023-11-14T22:13:20.000Z', 'accepted', 1],
    ]);
    db.close();
  });

  it('is refused with a sentence when it is newer, foreign, damaged or not there', () => {
    assert.throws(() => openPolicyStore(dir, 'read'), /holds no policy store/);
    using((store) => store.addCandidate(draft('a')));
    const path = join(dir, 'policy/policy.db');
    const db = new Database(path);
    db.pragma('wal_checkpoint(TRUNCATE)');
    db.prepare("UPDATE content SET text = 'bent' WHERE text = '// a'").run();
    assert.throws(() => using((store) => store.find(1), 'read'), /the module of version 1 is not/);
    db.pragma('user_version = 99');
    db.close();
    for (const mode of ['read', 'write'] as const) {
      assert.throws(
        () => openPolicyStore(dir, mode),
        (error: Error) =>
          error instanceof PolicyStoreError &&
          /was written by a newer Waybill \(format 99, this one reads 3\)$/.test(error.message),
      );
    }
    writeFileSync(path, 'this is no database, but it is long enough to look like one'.repeat(9));
    assert.throws(() => openPolicyStore(dir, 'write'), /policy\.db is damaged/);
  });

  it('of an older format is brought up: what is in force stays so, and what was before', () => {
    for (const name of ['a', 'b'])
      using((store) => store.accept(store.addCandidate(draft(name)), 1, 'old'));
    const lower = (column: string, format: number): void => {
      const db = new Database(join(dir, 'policy/policy.db'));
      db.exec(`ALTER TABLE activation DROP COLUMN ${column}`);
      db.pragma(`user_version = ${format}`);
      db.close();
    };
    lower('is_return', 2);
    using((store) => assert.equal(store.formerNumber(), 1));
    lower('is_return', 2);
    lower('program', 1);
    using((store) => {
      assert.equal(store.inForce()?.program, '', 'proved by nobody known');
      store.accept(1, 2, 'back', { program: 'a program', isReturn: true });
      assert.equal(store.inForce()?.program, 'a program');
      assert.equal(store.formerNumber(), undefined);
    });
  });

  it('shows a reader the old or the new, also while another process writes', () => {
    using((writer) => {
      const one = writer.addCandidate(draft('a'));
      writer.accept(one, 1, '');
      using((reader) => {
        assert.equal(reader.current()?.number, one);
        writer.accept(writer.addCandidate(draft('b')), 2, '');
        assert.equal(reader.current()?.code, '// b');
      }, 'read');
    });
  });

  it('holds whole versions only after a kill at any moment', { timeout: 60_000 }, async () => {
    for (let kill = 0; kill < KILLS; kill += 1) {
      const writer = spawn(process.execPath, ['--import', 'tsx', WRITER, dir], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const said = await new Promise<number>((resolve) => {
        let last = 0;
        writer.stdout.on('data', (text: Buffer) => {
          last = Number(text.toString().trim().split('\n').at(-1));
          if (last % 100 > 3 + 5 * kill) writer.kill('SIGKILL');
        });
        writer.on('close', () => resolve(last));
      });
      using((store) => {
        const current = store.current();
        assert.ok(current !== undefined && current.number >= said, 'what was said is there');
        assert.equal(current.state, 'accepted');
        for (const { number } of store.list(1000)) {
          assert.equal(store.find(number)?.files.length, 3, `version ${number} is whole`);
        }
      });
    }
    assert.ok(readFileSync(join(dir, 'policy/policy.db')).length > 0);
  });
});

describe('any run of verdicts', () => {
  it('leaves in force what a simple list of them says', () => {
    const act = fc.oneof(
      fc.record({ do: fc.constant('add' as const), name: fc.constantFrom('a', 'b', 'c', 'd') }),
      fc.record({ do: fc.constantFrom('accept' as const, 'refuse' as const), number: fc.nat(8) }),
    );
    fc.assert(
      fc.property(fc.array(act, { maxLength: 30 }), (acts) => {
        const place = mkdtempSync(join(tmpdir(), 'waybill-store-'));
        const store = openPolicyStore(place, 'write');
        const states = new Map<number, string>();
        let current: number | undefined;
        try {
          for (const one of acts) {
            if (one.do === 'add') {
              const number = store.addCandidate(draft(one.name));
              if (!states.has(number)) states.set(number, 'candidate');
              assert.notEqual(states.get(number), 'refused');
            } else if (!states.has(one.number)) {
              assert.throws(() => store[one.do](one.number, 1 as never, ''), PolicyStoreError);
            } else if (one.do === 'accept' && states.get(one.number) === 'refused') {
              assert.throws(() => store.accept(one.number, 1, ''), PolicyStoreError);
            } else if (one.do === 'accept') {
              store.accept(one.number, 1, '');
              states.set(one.number, 'accepted');
              current = one.number;
            } else {
              store.refuse(one.number, 'no');
              if (states.get(one.number) === 'candidate') states.set(one.number, 'refused');
            }
            assert.equal(store.currentNumber(), current);
            const listed = store.list(100).map(({ number, state }) => [number, state] as const);
            assert.deepEqual(new Map(listed.reverse()), states);
          }
        } finally {
          store.close();
          rmSync(place, { recursive: true, force: true });
        }
      }),
      { numRuns: 25 },
    );
  });
});
