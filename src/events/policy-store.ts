/**
 * The policy store: every version of the policy that ever came to be, and which one is in force.
 * The one idea: a verdict is one transaction. A version is wholly there or not at all, and the
 * current one changes in the step that accepts it, so a worker that starts at any moment finds the
 * last version that was proved.
 * Deliberately unknown here: how a policy is compiled, proved or asked.
 */
import type Database from 'better-sqlite3';
import { pileVersions } from '../domain/going-back.ts';
import type {
  Acceptance,
  PlainValue,
  StoredVersion,
  VersionDraft,
  VersionInForce,
  VersionState,
  VersionSummary,
} from '../domain/policy-version.ts';
import { sha256Of } from './log-files.ts';
import { asStoreError, openPolicyDatabase, PolicyStoreError } from './policy-schema.ts';
import {
  ACTIVATE_SQL,
  ACTIVATIONS_SQL,
  CURRENT_SQL,
  IN_FORCE_SQL,
  INSERT_SQL,
  LIST_SQL,
  OLDEST_SQL,
  SWEEP_SQL,
} from './policy-statements.ts';

/** The store, open. */
export interface PolicyStore {
  /** Adds a candidate; what is in force already, or is the newest candidate, keeps its number. */
  addCandidate(draft: VersionDraft): number;
  /** Remembers a version that never came to be. */
  addRefusal(at: number, source: string, reason: string, sentence: string): number;
  /** Puts a version in force. */
  accept(number: number, at: number, reason: string, how?: Acceptance): void;
  /** Marks a candidate as refused; one that was in force before stays acceptable. */
  refuse(number: number, sentence: string): void;
  find(number: number): StoredVersion | undefined;
  /** The version in force. */
  current(): StoredVersion | undefined;
  /** The version in force without reading any text. */
  inForce(): VersionInForce | undefined;
  /** The number of the version in force. */
  currentNumber(): number | undefined;
  /** The version that was in force before the present one, as going back means it. */
  formerNumber(): number | undefined;
  /** The newest versions, newest first. */
  list(max: number): VersionSummary[];
  close(): void;
}

interface VersionRow {
  readonly number: number;
  readonly at: number;
  readonly state: VersionState;
  readonly hash: string;
  readonly source: string;
  readonly reason: string;
  readonly sentence: string;
  readonly settings_hash: string;
  readonly warnings: string;
  readonly code: string;
  readonly map: string;
  readonly facts: string;
}

interface SummaryRow extends VersionRow {
  readonly accepted_at: number | null;
}

/** Facts as text that does not depend on the order in which they were learnt. */
const textOfFacts = (facts: Readonly<Record<string, PlainValue>>): string =>
  JSON.stringify(Object.fromEntries(Object.entries(facts).sort(([a], [b]) => (a < b ? -1 : 1))));

class SqlitePolicyStore implements PolicyStore {
  readonly #db: Database.Database;
  readonly #dir: string;

  constructor(db: Database.Database, dir: string) {
    this.#db = db;
    this.#dir = dir;
  }

  addCandidate(draft: VersionDraft): number {
    return this.#write(() => {
      const facts = textOfFacts(draft.facts);
      const same = this.#findSame(draft.hash, sha256Of(facts));
      if (same !== undefined) return same;
      const number = this.#insert({
        ...draft,
        state: 'candidate',
        sentence: '',
        settings_hash: draft.settingsHash,
        warnings: JSON.stringify(draft.warnings),
        code: this.#keep(draft.code),
        map: this.#keep(draft.map),
        facts: this.#keep(facts),
      });
      const addFile = this.#db.prepare('INSERT INTO file VALUES (?, ?, ?)');
      for (const { path, text } of draft.files) addFile.run(number, path, this.#keep(text));
      this.#trim('candidate');
      return number;
    });
  }

  addRefusal(at: number, source: string, reason: string, sentence: string): number {
    return this.#write(() => {
      const nothing = { hash: '', settings_hash: '', warnings: '[]', code: '', map: '', facts: '' };
      const number = this.#insert({ at, state: 'refused', source, reason, sentence, ...nothing });
      this.#trim('refused');
      return number;
    });
  }

  accept(number: number, at: number, reason: string, how: Acceptance = {}): void {
    const { program = '', isReturn = false } = how;
    this.#write(() => {
      const state = this.#stateOf(number);
      if (state === 'refused') {
        throw new PolicyStoreError(`version ${number} was refused and cannot be put in force`);
      }
      this.#db.prepare("UPDATE version SET state = 'accepted' WHERE number = ?").run(number);
      this.#db.prepare(ACTIVATE_SQL).run(number, at, reason, program, isReturn ? 1 : 0);
    });
  }

  refuse(number: number, sentence: string): void {
    this.#write(() => {
      const state = this.#stateOf(number) === 'accepted' ? 'accepted' : 'refused';
      this.#db
        .prepare('UPDATE version SET state = ?, sentence = ? WHERE number = ?')
        .run(state, sentence, number);
      this.#trim('refused');
    });
  }

  find(number: number): StoredVersion | undefined {
    const row = this.#db.prepare('SELECT * FROM version WHERE number = ?').get(number) as
      | VersionRow
      | undefined;
    return row === undefined || row.hash === '' ? undefined : this.#read(row);
  }

  current(): StoredVersion | undefined {
    const number = this.currentNumber();
    return number === undefined ? undefined : this.find(number);
  }

  inForce(): VersionInForce | undefined {
    try {
      const row = this.#db.prepare(IN_FORCE_SQL).get() as Omit<VersionInForce, 'files'> | undefined;
      return row && { ...row, files: this.#filesOf(row.number) };
    } catch (error) {
      // The first question of a start: here damage is met, and an operator told which file it is.
      throw asStoreError(`${this.#dir}/policy/policy.db`, error);
    }
  }

  currentNumber(): number | undefined {
    return this.#db.prepare(CURRENT_SQL).pluck().get() as number | undefined;
  }

  formerNumber(): number | undefined {
    const rows = this.#db.prepare(ACTIVATIONS_SQL).all() as { version: number; isReturn: 0 | 1 }[];
    const activations = rows.map(({ version, isReturn }) => ({
      version,
      isReturn: isReturn === 1,
    }));
    return pileVersions(activations.reverse()).at(-2);
  }

  list(max: number): VersionSummary[] {
    const current = this.currentNumber();
    const rows = this.#db.prepare(LIST_SQL).all(max) as SummaryRow[];
    return rows.map(({ number, state, hash, source, reason, at, sentence, ...row }) => ({
      number,
      state,
      isCurrent: number === current,
      hash,
      source,
      reason,
      at,
      acceptedAt: row.accepted_at ?? undefined,
      sentence,
      warnings: JSON.parse(row.warnings) as string[],
    }));
  }

  close(): void {
    this.#db.close();
  }

  #write<T>(change: () => T): T {
    return this.#db.transaction(change).immediate();
  }

  #insert(row: Readonly<Record<Exclude<keyof VersionRow, 'number'>, unknown>>): number {
    const { at, state, hash, source, reason, sentence, settings_hash, ...rest } = row;
    const { warnings, code, map, facts } = rest;
    const values = { at, state, hash, source, reason, sentence, settings_hash };
    const { lastInsertRowid } = this.#db
      .prepare(INSERT_SQL)
      .run({ ...values, warnings, code, map, facts });
    return Number(lastInsertRowid);
  }

  /** Keeps a text under its checksum, and answers that. */
  #keep(text: string): string {
    const sha256 = sha256Of(text);
    this.#db.prepare('INSERT OR IGNORE INTO content VALUES (?, ?)').run(sha256, text);
    return sha256;
  }

  #findSame(hash: string, facts: string): number | undefined {
    const newest = this.#db
      .prepare("SELECT max(number) FROM version WHERE hash <> ''")
      .pluck()
      .get() as number | null;
    for (const number of [this.currentNumber(), newest]) {
      const row = this.#db
        .prepare("SELECT hash, facts FROM version WHERE number = ? AND state <> 'refused'")
        .get(number ?? 0) as Pick<VersionRow, 'hash' | 'facts'> | undefined;
      if (row?.hash === hash && row.facts === facts) return number ?? undefined;
    }
    return undefined;
  }

  #stateOf(number: number): VersionState {
    const state = this.#db
      .prepare("SELECT state FROM version WHERE number = ? AND hash <> ''")
      .pluck()
      .get(number) as VersionState | undefined;
    if (state === undefined) throw new PolicyStoreError(`there is no version ${number}`);
    return state;
  }

  /** Forgets what is older than the newest of a state; what was ever in force stays. */
  #trim(state: 'candidate' | 'refused'): void {
    const oldest = this.#db.prepare(OLDEST_SQL).pluck().get(state) as number | undefined;
    if (oldest === undefined) return;
    const old = 'SELECT number FROM version WHERE state = ? AND number < ?';
    this.#db.prepare(`DELETE FROM file WHERE version IN (${old})`).run(state, oldest);
    const { changes } = this.#db
      .prepare('DELETE FROM version WHERE state = ? AND number < ?')
      .run(state, oldest);
    if (changes > 0) this.#db.prepare(SWEEP_SQL).run();
  }

  #textOf(sha256: string, what: string): string {
    const text = this.#db
      .prepare('SELECT text FROM content WHERE sha256 = ?')
      .pluck()
      .get(sha256) as string | undefined;
    if (text !== undefined && sha256Of(text) === sha256) return text;
    throw new PolicyStoreError(`${this.#dir}/policy/policy.db is damaged: ${what} is not whole`);
  }

  #filesOf(number: number): VersionInForce['files'] {
    return this.#db
      .prepare('SELECT path, sha256 FROM file WHERE version = ? ORDER BY path')
      .all(number) as { path: string; sha256: string }[];
  }

  #read(row: VersionRow): StoredVersion {
    const { number, at, state, hash, source, reason, sentence } = row;
    const of = `of version ${number}`;
    return {
      number,
      state,
      hash,
      source,
      reason,
      at,
      sentence,
      settingsHash: row.settings_hash,
      warnings: JSON.parse(row.warnings) as string[],
      code: this.#textOf(row.code, `the module ${of}`),
      map: this.#textOf(row.map, `the map ${of}`),
      facts: JSON.parse(this.#textOf(row.facts, `a fact ${of}`)) as Record<string, PlainValue>,
      files: this.#filesOf(number).map(({ path, sha256 }) => ({
        path,
        sha256,
        text: this.#textOf(sha256, `${path} ${of}`),
      })),
    };
  }
}

/** Opens the policy store of a data directory; throws PolicyStoreError. */
export const openPolicyStore = (dir: string, mode: 'write' | 'read'): PolicyStore =>
  new SqlitePolicyStore(openPolicyDatabase(dir, mode), dir);
