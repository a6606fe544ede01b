/**
 * The log as tables, for questions in SQL: a database in memory whose one base table calls back for
 * records, and views on it. The one idea: no segment is ever opened by SQL itself, so no statement,
 * however long, holds a lock that an engine could meet. Nothing can be written.
 * Deliberately unknown here: where records come from; how results look.
 */
import Database from 'better-sqlite3';
import { formatQueueName, parseQueueName } from '../domain/queue-name.ts';
import type { StoredRecord } from '../ports/ports.ts';
import { decode } from './codec.ts';

/** A table or view, with what its columns mean; docs/proof.md has the same list. */
export interface ViewNote {
  readonly name: string;
  readonly says: string;
  readonly columns: readonly string[];
}

/** A queue or source as it stands at the end of the log. */
export interface Standing {
  readonly name: string;
  readonly state: string;
  readonly until: number;
  readonly cause: string;
  readonly answer: string;
  /** Of queues only. */
  readonly site?: string;
  readonly messages?: number;
}

/** Where rows come from. */
export interface ViewSource {
  /** Records in order; called anew by each statement that needs them. */
  records(): Iterable<StoredRecord>;
  queues(): readonly Standing[];
  sources(): readonly Standing[];
}

/** A statement that is refused, took too long, or is wrong; the message is one sentence. */
export class QueryRefused extends Error {
  override readonly name = 'QueryRefused';
}

const field = (name: string, as = name): string => `body ->> '${name}' AS ${as}`;
const WHEN = 'position, at, iso(at) AS time';
const QUEUE = 'tenant_of(queue) AS tenant, domain_of(queue) AS domain';
const kept = (names: readonly string[]): string => names.map((name) => field(name)).join(', ');

interface View extends ViewNote {
  readonly sql: string;
}

const view = (name: string, says: string, columns: string, sql: string): View => ({
  name,
  says,
  columns: columns.split(' '),
  sql,
});

const ATTEMPTS = `'message.delivered', 'message.bounced', 'message.deferred', 'message.unsettled'`;
const ENDS = `'message.delivered', 'message.bounced', 'message.expired', 'message.cancelled',
  'message.purged', 'message.lost'`;

const VIEWS: readonly View[] = [
  view(
    'messages',
    'one row for each message that was taken over',
    'position at time id queue sender recipients peer helo service bytes due tenant domain',
    `SELECT *, ${QUEUE} FROM (SELECT ${WHEN}, stream AS id, ${field('queue')},
      ${field('from', 'sender')}, ${field('to', 'recipients')},
      ${kept(['peer', 'helo', 'service'])},
      body ->> '$.body[2]' AS bytes, ${field('due')}
      FROM events WHERE type IN ('message.accepted', 'message.recovered'))`,
  ),
  view(
    'attempts',
    'one row for each outcome of an attempt; `outcome` is the event without `message.`',
    'position at time message outcome attempt queue source site peer code enhanced text tls took ' +
      'recipients tenant domain',
    `SELECT *, ${QUEUE} FROM (SELECT ${WHEN}, stream AS message, substr(type, 9) AS outcome,
      ${kept(['attempt', 'queue', 'source', 'site', 'peer', 'code', 'enhanced', 'text'])},
      ${kept(['tls', 'took'])}, ${field('to', 'recipients')}
      FROM events WHERE type IN (${ATTEMPTS}))`,
  ),
  view(
    'ends',
    'one row for each event that ended recipients of a message',
    'position at time message outcome ended queue code text recipients tenant domain',
    `SELECT *, ${QUEUE} FROM (SELECT ${WHEN}, stream AS message, substr(type, 9) AS outcome,
      json_array_length(body, '$.index') AS ended, ${kept(['queue', 'code', 'text'])},
      ${field('to', 'recipients')} FROM events WHERE type IN (${ENDS}))`,
  ),
  view(
    'queue_events',
    'what happened to scheduled queues',
    'position at time queue event site until cause answer pool',
    `SELECT ${WHEN}, stream AS queue, substr(type, 7) AS event,
      ${kept(['site', 'until', 'cause', 'answer', 'pool'])} FROM events WHERE type LIKE 'queue.%'`,
  ),
  view(
    'source_events',
    'what happened to egress sources',
    'position at time source event until cause reason answer',
    `SELECT ${WHEN}, stream AS source, substr(type, 8) AS event,
      ${kept(['until', 'cause', 'reason', 'answer'])} FROM events WHERE type LIKE 'source.%'`,
  ),
  view(
    'policy_versions',
    'which version of the policy came into force',
    'position at time version hash file reason epoch',
    `SELECT ${WHEN}, ${field('version')}, ${kept(['hash', 'file', 'reason', 'epoch'])}
      FROM events WHERE type = 'policy.activated'`,
  ),
  view(
    'policy_answers',
    'answers of the policy by key; `answer` is JSON',
    'position at time key answer',
    `SELECT ${WHEN}, ${kept(['key', 'answer'])} FROM events WHERE type = 'policy.answered'`,
  ),
  view(
    'refusals',
    'what clients were refused',
    'position at time listener peer helo code enhanced text command sender recipient',
    `SELECT ${WHEN}, stream AS listener, ${kept(['peer', 'helo', 'code', 'enhanced', 'text'])},
      ${field('command')}, ${field('from', 'sender')}, ${field('to', 'recipient')}
      FROM events WHERE type = 'reception.refused'`,
  ),
];

const EVENTS: ViewNote = {
  name: 'events',
  says: 'every record; `body` is JSON, of today’s version; `at` is ms since 1970',
  columns: ['position', 'turn', 'at', 'stream', 'type', 'version', 'body'],
};
const QUEUES: ViewNote = {
  name: 'queues',
  says: 'scheduled queues as they stand at the end of the log',
  columns: ['name', 'tenant', 'domain', 'state', 'until', 'cause', 'site', 'messages', 'answer'],
};
const SOURCES: ViewNote = {
  name: 'sources',
  says: 'egress sources as they stand at the end of the log',
  columns: ['name', 'state', 'until', 'cause', 'answer'],
};

/** All there is to ask, for help and documents. */
export const VIEW_NOTES: readonly ViewNote[] = [EVENTS, ...VIEWS, QUEUES, SOURCES];

// What is older than today's version is brought up to it; what cannot be read stays as it is.
const bodyOf = (record: StoredRecord): string => {
  try {
    return JSON.stringify(decode(record).body);
  } catch {
    return record.body;
  }
};

const CHECK_ROWS = 256;

/** A database to be asked. */
export class LogViews {
  readonly #db: Database.Database;
  #deadline: () => boolean = () => false;

  constructor(source: ViewSource) {
    this.#db = new Database(':memory:');
    this.#addFunctions();
    this.#addTables(source);
    for (const { name, sql } of VIEWS) this.#db.exec(`CREATE VIEW ${name} AS ${sql}`);
    this.#db.pragma('query_only = ON');
  }

  #addFunctions(): void {
    const add = (name: string, of: (text: string) => string | undefined): void => {
      this.#db.function(name, { deterministic: true }, (value: unknown) =>
        typeof value === 'string' ? (of(value) ?? null) : null,
      );
    };
    add('tenant_of', (queue) => parseQueueName(queue).tenant);
    add('campaign_of', (queue) => parseQueueName(queue).campaign);
    add('domain_of', (queue) => parseQueueName(queue).domain);
    add('queue_of', (queue) => formatQueueName(parseQueueName(queue)));
    this.#db.function('iso', { deterministic: true }, (at: unknown) =>
      typeof at === 'number' && at >= 0 && at <= 8.64e15 ? new Date(at).toISOString() : null,
    );
  }

  #addTables(source: ViewSource): void {
    const demandTime = (): void => this.#demandTime();
    this.#db.table(EVENTS.name, {
      columns: [...EVENTS.columns],
      *rows() {
        let count = 0;
        for (const record of source.records()) {
          if (count % CHECK_ROWS === 0) demandTime();
          count += 1;
          const { position, turn, at, stream, type, version } = record;
          yield [position, turn, at, stream, type, version, bodyOf(record)];
        }
      },
    });
    this.#db.table(QUEUES.name, {
      columns: [...QUEUES.columns],
      *rows() {
        for (const { name, state, until, cause, site, messages, answer } of source.queues()) {
          const { tenant = null, domain } = parseQueueName(name);
          yield [name, tenant, domain, state, until, cause, site, messages, answer];
        }
      },
    });
    this.#db.table(SOURCES.name, {
      columns: [...SOURCES.columns],
      *rows() {
        for (const { name, state, until, cause, answer } of source.sources()) {
          yield [name, state, until, cause, answer];
        }
      },
    });
  }

  #demandTime(): void {
    if (this.#deadline()) {
      throw new QueryRefused(
        'the statement took too long; narrow it, or give it more by --timeout',
      );
    }
  }

  /**
   * Runs one statement and hands its rows over, at most `rowsMax`; `isOver` says when its time is.
   * Answers the columns and whether there was more; throws QueryRefused.
   */
  ask(
    sql: string,
    rowsMax: number,
    isOver: () => boolean,
    row: (values: readonly unknown[]) => void,
  ): { columns: string[]; isMore: boolean } {
    if (!/^\s*(select|with|values|explain)\b/i.test(withoutComments(sql))) {
      throw new QueryRefused('only SELECT, WITH, VALUES and EXPLAIN can be asked here');
    }
    this.#deadline = isOver;
    try {
      const statement = this.#db.prepare(sql).raw();
      const columns = statement.columns().map(({ name }) => name);
      let count = 0;
      for (const values of statement.iterate() as IterableIterator<unknown[]>) {
        this.#demandTime();
        if (count >= rowsMax) return { columns, isMore: true };
        count += 1;
        row(values);
      }
      return { columns, isMore: false };
    } catch (error) {
      if (error instanceof QueryRefused) throw error;
      const isSql = (error as { code?: string }).code?.startsWith('SQLITE_');
      const isUse = error instanceof TypeError || error instanceof RangeError;
      if (isSql || isUse) throw new QueryRefused((error as Error).message);
      throw error;
    }
  }

  close(): void {
    this.#db.close();
  }
}

const withoutComments = (sql: string): string =>
  sql.replace(/^(\s*(--[^\n]*(\n|$)|\/\*[\s\S]*?\*\/))*/, '');
