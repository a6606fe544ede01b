/**
 * From a data directory to an incident file: what belongs to the incident is chosen, made to fold
 * on its own, redacted and written. Reads only; a running engine does not notice.
 * Deliberately unknown here: the command's words.
 */
import { existsSync } from 'node:fs';
import { arch, cpus, endianness, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import type { StoredVersion } from '../domain/policy-version.ts';
import { decodeBooks } from '../domain/snapshot.ts';
import { findSnapshots, readSnapshot } from '../events/log-snapshots.ts';
import { toRecord } from '../events/log-walk.ts';
import { openPolicyStore } from '../events/policy-store.ts';
import type { StoredRecord } from '../ports/ports.ts';
import type { Chosen, Incident } from './bundle-choose.ts';
import { Completing, choose, isChosen } from './bundle-choose.ts';
import type { BundleLine, Manifest } from './bundle-file.ts';
import { BUNDLE_FORMAT, lineOf, writeBundle } from './bundle-file.ts';
import { Redactor } from './bundle-redact.ts';
import { readLog } from './replay-walk.ts';

/** What is wished. */
export interface BundleOrder {
  readonly dir: string;
  readonly file: string;
  readonly incident: Incident;
  /** In words, for the manifest. */
  readonly title: string;
  readonly isRedacted: boolean;
  /** Version of this program, and the time, ms since 1970. */
  readonly program: string;
  readonly at: number;
}

/** What was made. */
export interface BundleMade {
  readonly messages: number;
  readonly queues: number;
  readonly sources: number;
  readonly records: number;
  readonly versions: number;
  /** Numbers of versions that the log names and the store does not keep. */
  readonly versionsMissing: readonly number[];
  /** Records made up for what the log no longer says, and left out for the same reason. */
  readonly supplied: number;
  readonly leftOut: number;
  readonly replaced: number;
  readonly damage: readonly string[];
}

const MACHINE = (): Record<string, string | number> => ({
  node: process.version,
  platform: platform(),
  kernel: release(),
  arch: arch(),
  endianness: endianness(),
  cpus: cpus().length,
  memoryBytes: totalmem(),
  timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
});

/** Answers from before the first record that is kept, looked up once they are wanted. */
const createTextFinder = (dir: string): ((key: string) => string | undefined) => {
  let texts: Map<string, string> | undefined;
  return (key) => {
    if (texts === undefined) {
      texts = new Map();
      for (const position of findSnapshots(dir)) {
        const snapshot = readSnapshot(dir, position);
        const books = typeof snapshot === 'string' ? undefined : decodeBooks(snapshot.bytes);
        for (const [known, text] of books?.answers ?? []) texts.set(known, text);
      }
    }
    return texts.get(key);
  };
};

/** A map of sources is JSON whose texts are sources. */
const redactMap = (map: string, redactor: Redactor): string => {
  try {
    return JSON.stringify(redactor.value(JSON.parse(map)));
  } catch {
    return redactor.policy(map);
  }
};

const redactVersion = (version: StoredVersion, redactor: Redactor): StoredVersion => ({
  ...version,
  code: redactor.policy(version.code),
  map: redactMap(version.map, redactor),
  facts: redactor.value(version.facts),
  files: version.files.map((file) => ({ ...file, text: redactor.policy(file.text) })),
});

class Making {
  readonly #order: BundleOrder;
  readonly #log;
  readonly #redactor: Redactor | undefined;
  readonly #completing: Completing;
  readonly chosen: Chosen;
  readonly versionsMissing: number[] = [];
  records = 0;
  versions = 0;

  constructor(order: BundleOrder) {
    this.#order = order;
    this.#log = readLog(order.dir);
    this.#redactor = order.isRedacted ? new Redactor() : undefined;
    this.#completing = new Completing(createTextFinder(order.dir));
    this.chosen = choose(() => this.#read(), order.incident);
  }

  *#read(): Generator<StoredRecord> {
    for (const rows of this.#log.rows()) for (const row of rows) yield toRecord(row);
  }

  *#chosenRecords(): Generator<StoredRecord> {
    const { incident } = this.#order;
    for (const record of this.#read()) {
      if (record.at > incident.upto) return;
      if (isChosen(this.chosen, record, incident)) yield* this.#completing.complete(record);
    }
  }

  *#chosenVersions(): Generator<StoredVersion> {
    const numbers = new Set<number>();
    for (const { type, body, at } of this.#read()) {
      if (at > this.#order.incident.upto) break;
      if (type === 'policy.activated') numbers.add((JSON.parse(body) as Activated).version);
    }
    const { dir } = this.#order;
    if (!existsSync(join(dir, 'policy', 'policy.db'))) {
      this.versionsMissing.push(...numbers);
      return;
    }
    const store = openPolicyStore(dir, 'read');
    try {
      for (const number of numbers) {
        const version = store.find(number);
        if (version === undefined) this.versionsMissing.push(number);
        else yield version;
      }
    } finally {
      store.close();
    }
  }

  *lines(): Generator<BundleLine> {
    const redactor = this.#redactor;
    for (const version of this.#chosenVersions()) {
      this.versions += 1;
      yield { version: redactor === undefined ? version : redactVersion(version, redactor) };
    }
    for (const record of this.#chosenRecords()) {
      this.records += 1;
      yield lineOf(redactor === undefined ? record : redactor.record(record));
    }
  }

  manifest(): Manifest {
    const { title, isRedacted, program, at } = this.#order;
    const { first, last, damage } = this.#log;
    return {
      waybillBundle: BUNDLE_FORMAT,
      madeAt: new Date(at).toISOString(),
      made: { waybill: program, ...MACHINE() },
      incident: title,
      isRedacted,
      log: { first, last },
      damage: damage.map(({ sentence }) => sentence),
    };
  }

  made(): BundleMade {
    const { messages, queues, sources } = this.chosen;
    const { supplied, leftOut } = this.#completing;
    return {
      messages: messages.size,
      queues: queues.size,
      sources: sources.size,
      records: this.records,
      versions: this.versions,
      versionsMissing: this.versionsMissing,
      supplied,
      leftOut,
      replaced: this.#redactor?.replaced ?? 0,
      damage: this.#log.damage.map(({ sentence }) => sentence),
    };
  }
}

interface Activated {
  readonly version: number;
}

/** Makes the file; nothing is left of it where that fails, or where nothing belongs to it. */
export const makeBundle = async (order: BundleOrder): Promise<BundleMade> => {
  const making = new Making(order);
  await writeBundle(order.file, making.manifest(), making.lines());
  return making.made();
};
