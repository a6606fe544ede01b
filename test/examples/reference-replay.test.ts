/**
 * Clients of the reference: every operation that it publishes is sent to a live daemon with the
 * least and with the most that may be said, and what comes back, like our own description of it,
 * is held against the published shapes. What differs is a row of docs/http-api.md, with a reason,
 * and each row there differs. Deliberately unknown here: what routes do.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Daemon } from '../faults/daemon.ts';
import { makeScratch, pause } from '../faults/scratch.ts';
import { Target } from '../faults/target.ts';
import type { Difference, Shape } from './reference-compare.ts';
import { differ, shapeOf, shapeOfValue } from './reference-compare.ts';
import type { Form, Hints } from './reference-make.ts';
import { make } from './reference-make.ts';
import type { Endpoint } from './reference-shapes.ts';
import { REFERENCE } from './reference-shapes.ts';

type JsonSchema = Parameters<typeof shapeOf>[0];
type Media = Readonly<Record<string, { readonly schema?: JsonSchema }>>;
interface Operation {
  readonly parameters?: readonly { name: string; required: boolean; schema: JsonSchema }[];
  readonly requestBody?: { readonly content: Media };
  readonly responses: Readonly<Record<string, { readonly content?: Media }>>;
}
type Document = { readonly paths: Record<string, Record<string, Operation>> };

/** Of the reference, and not here: see `status` in the table. */
const NOT_HERE = /\/xfer\//;
/** Websockets: shown to be there by the tests of the trace. */
const SOCKETS = /\/trace-smtp-/;
const DOCS = fileURLToPath(new URL('../../docs/http-api.md', import.meta.url));

const scratch = makeScratch('reference-replay');
const target = new Target(() => 'defer');
let daemon: Daemon;
let base = '';
let document: Document;

const POLICY = (port: number): string => `import { definePolicy } from 'waybill/policy';

export default definePolicy({
  init(setup) {
    setup.smtpListener({ listen: '127.0.0.1:0' });
    setup.httpListener({ listen: '127.0.0.1:0' });
  },
  rebind_message: (message) => message,
  get_queue_config: () => ({
    protocol: { smtp: { mx_list: ['127.0.0.1:${port}'] } },
    retry_interval: '1h',
  }),
  get_egress_path_config: () => ({
    prohibited_hosts: [], enable_tls: 'Disabled', max_message_rate: '1000/s',
    max_connection_rate: '60/min', max_deliveries_per_connection: 10,
  }),
});
`;

before(async () => {
  mkdirSync(scratch.path, { recursive: true });
  const policy = join(scratch.path, 'policy.ts');
  writeFileSync(policy, POLICY(await target.open()));
  const data = join(scratch.path, 'data');
  daemon = new Daemon(policy, data, { shape: 'single' });
  await daemon.demandPort();
  const run = JSON.parse(readFileSync(join(data, 'run.json'), 'utf8')) as {
    readonly httpListeners: readonly string[];
  };
  base = `http://${run.httpListeners[0]}`;
  document = (await (await fetch(`${base}/api-docs/openapi.json`)).json()) as Document;
});

after(async () => {
  await daemon.kill();
  await target.close();
  scratch.remove();
});

const rowOf = (route: string, { place, there, here }: Difference): string =>
  [route, place, there, here].join(' | ');

/** The rows of the table in the documentation, without their reasons. */
function readTable(): string[] {
  const [, part = ''] = readFileSync(DOCS, 'utf8').split(/^### Shapes, field by field$/m);
  const [table = ''] = part.split(/^#/m);
  const [, , ...rows] = table.split('\n').filter((line) => line.startsWith('|'));
  assert.ok(rows.length > 0, 'docs/http-api.md has no table of shapes');
  return rows.map((row) => {
    const cells = row.split('|').map((cell) => cell.trim().replaceAll('`', ''));
    assert.ok((cells[5] ?? '') !== '', `${row} has no reason`);
    return cells.slice(1, 5).join(' | ');
  });
}

const prefixed = (what: string, differences: readonly Difference[]): Difference[] =>
  differences.map(({ place, ...sides }) => ({ place: `${what} ${place}`, ...sides }));

/** Our query as a table of its own. */
const queryOf = ({ parameters = [] }: Operation): Record<string, Shape> =>
  Object.fromEntries(
    parameters.map(({ name, required, schema }) => [required ? name : `${name}?`, shapeOf(schema)]),
  );

/** What is answered to those who do not ask for a dry run, which is ours alone. */
const usual = (answer: JsonSchema): JsonSchema => {
  const variants = answer['anyOf'] as readonly JsonSchema[] | undefined;
  return variants?.find(({ properties }) => !properties?.['dry_run']) ?? answer;
};

/** In what our description of an operation differs from what is published. */
function compare(there: Endpoint, here: Operation): Difference[] {
  const body = here.requestBody?.content['application/json']?.schema;
  const answer = here.responses['200']?.content?.['application/json']?.schema;
  const asked = { narrow: 'there' } as const;
  return [
    ...prefixed('query', differ({ ...there.query }, queryOf(here), asked)),
    ...prefixed('body', differ(there.body ?? {}, body ? shapeOf(body) : {}, asked)),
    ...(there.answer === undefined || answer === undefined
      ? []
      : prefixed('answer', differ(there.answer, shapeOf(usual(answer)), { narrow: 'here' }))),
    ...(there.refuses ?? [])
      .filter((status) => !(String(status) in here.responses))
      .map((status) => ({ place: `status ${status}`, there: 'refused', here: 'absent' })),
  ];
}

test('what differs by description is in the table, and nothing else is', () => {
  const found = Object.entries(REFERENCE).flatMap(([route, there]) => {
    const [method = '', path = ''] = route.split(' ');
    const here = document.paths[path]?.[method.toLowerCase()];
    if (here === undefined || NOT_HERE.test(path)) {
      return [rowOf(route, { place: 'status', there: '200', here: here ? '501' : '404' })];
    }
    return compare(there, here).map((difference) => rowOf(route, difference));
  });
  assert.deepEqual(found.sort(), readTable().sort());
});

const answered = new Set<string>();

/** Sends a request as a client of the reference would; the differences of the answer are known. */
async function send(route: string, form: Form, hints: Hints = {}, status = 200): Promise<unknown> {
  const [method = '', path = ''] = route.split(' ');
  const there = REFERENCE[route] as Endpoint;
  const query = make(there.query ?? {}, form, hints) as Record<string, unknown>;
  const pairs = Object.entries(query).flatMap(([key, value]) =>
    [value].flat().map((one): [string, string] => [key, String(one)]),
  );
  const body = there.body && JSON.stringify(make(there.body, form, hints));
  const answer = await fetch(`${base}${path}?${new URLSearchParams(pairs)}`, {
    method,
    ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body }),
  });
  const text = await answer.text();
  const said = `${route} ${body ?? ''}: ${answer.status} ${text.slice(0, 500)}`;
  assert.equal(answer.status, status, said);
  answered.add(`${route} ${status}`);
  if (status !== 200 || there.answer === undefined) return text;
  const value = JSON.parse(text) as unknown;
  const known = new Set(readTable().filter((row) => row.startsWith(`${route} | answer `)));
  for (const found of differ(there.answer, shapeOfValue(value), { narrow: 'here' })) {
    // What may be left out need not be there.
    if (found.here === 'absent' && found.there.endsWith(', optional')) continue;
    const isKnown = [...known].some((row) => row.startsWith(`${route} | answer ${found.place} |`));
    assert.ok(isKnown, `${rowOf(route, found)}: ${said}`);
  }
  return value;
}

const ADMIN = '/api/admin';
/** Looks for a message that was tried, a tenth of a second between any two. */
const LOOKS_MAX = 200;
const FORMS = ['least', 'most'] as const;
const NOBODY = '00000000-0000-4000-8000-000000000000';

/** Keys under which a value must make sense here. */
const SENSE = {
  duration: '5m',
  content_type: 'image/gif',
  data: 'R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7',
  envelope_sender: 'some.id@bounces.replay.test',
  file_name: 'pixel.gif',
  headers: { 'X-Tenant': 'MyTenant' },
  header_name: 'X-Ref',
  deferred_generation: false,
};

test('mail goes in', async () => {
  const content = 'From: user@replay.test\nSubject: Hello\n\nHello there';
  for (const form of FORMS) {
    const hints = form === 'least' ? { ...SENSE, content } : SENSE;
    const said = (await send('POST /api/inject/v1', form, hints)) as Record<string, unknown>;
    assert.deepEqual([said['success_count'], said['fail_count']], [1, 0]);
  }
  await send('POST /api/inject/v1', 'least', { ...SENSE, content: '{{ broken' }, 422);
});

/** The id of the first message of the queue, once there are so many that were tried. */
async function firstId(count: number): Promise<string> {
  interface Told {
    readonly messages: readonly { id: string; message: { num_attempts: number } }[];
  }
  const query = { queue_name: 'replay.test', limit: 9 };
  for (let look = 0; look < LOOKS_MAX; look += 1) {
    const told = (await send(`GET ${ADMIN}/inspect-sched-q/v1`, 'most', query)) as Told;
    const tried = told.messages.filter(({ message }) => message.num_attempts > 0);
    if (tried.length >= count) return tried[0]?.id ?? '';
    await pause(100);
  }
  return assert.fail('the messages were not tried');
}

const readyName = async (): Promise<string> => {
  const told = (await send(`GET ${ADMIN}/resolve-egress-path/v1`, 'least', {
    domain: 'replay.test',
  })) as { readonly queue_name: string };
  return told.queue_name;
};

test('looks', async () => {
  const id = await firstId(2);
  const ready = await readyName();
  for (const form of FORMS) {
    await send(`GET ${ADMIN}/inspect-message/v1`, form, { id });
    await send(`GET ${ADMIN}/inspect-sched-q/v1`, form, { queue_name: 'replay.test' });
    await send(`GET ${ADMIN}/inspect-ready-q/v1`, form, { queue_name: ready });
    await send(`GET ${ADMIN}/ready-q-states/v1`, form, { queues: [ready, 'other'] });
    const asked = { domain: 'replay.test', source: 'unspecified' };
    await send(`GET ${ADMIN}/resolve-egress-path/v1`, form, asked);
  }
  await send(`GET ${ADMIN}/inspect-ready-q/v1`, 'least', { queue_name: 'none' }, 404);
  for (const route of ['/api/machine-info', '/metrics', '/metrics.json', '/api/check-liveness/v1'])
    await send(`GET ${route}`, 'least');
  for (const route of ['memory/stats', 'task-dump']) await send(`GET ${ADMIN}/${route}`, 'least');
});

test('orders to the process', async () => {
  await send(`POST ${ADMIN}/bump-config-epoch`, 'most');
  const filter = 'kumod=info';
  await send(`POST ${ADMIN}/set_diagnostic_log_filter/v1`, 'most', { filter });
  await send(`POST ${ADMIN}/spool-compact/v1`, 'most', { name: 'data' });
});

test('a connection is ended', async () => {
  const queue_name = await readyName();
  const asked = { queue_name };
  const look = (await send(`GET ${ADMIN}/inspect-ready-q/v1`, 'most', asked)) as {
    readonly dispatchers: readonly { readonly session_id: string }[];
  };
  const [session_id] = look.dispatchers.map((one) => one.session_id);
  const abort = `POST ${ADMIN}/abort-ready-q-conn/v1`;
  assert.ok(session_id !== undefined, 'a connection is open, and shown');
  await send(abort, 'most', { queue_name, session_id });
  await send(abort, 'most', { queue_name, session_id: NOBODY }, 404);
});

test('orders about queues', async () => {
  const name = await readyName();
  for (const path of ['suspend-ready-q', 'suspend', 'bounce'].map((one) => `${ADMIN}/${one}/v1`)) {
    const hints = { ...SENSE, name, domain: 'nowhere.test', queue_names: ['x@nowhere.test'] };
    for (const form of FORMS) await send(`POST ${path}`, form, hints);
    const { queue_names: _, ...others } = hints;
    await send(`POST ${path}`, 'most', { ...others, queue_names: null });
    await send(`GET ${ADMIN}/inspect-ready-q/v1`, 'least', { queue_name: name });
    const list = (await send(`GET ${path}`, 'least')) as readonly { readonly id: string }[];
    assert.ok(list.length > 0);
    for (const { id } of list) await send(`DELETE ${path}`, 'least', { id });
    await send(`DELETE ${path}`, 'least', { id: NOBODY }, 404);
  }
  for (const form of FORMS) await send(`POST ${ADMIN}/rebind/v1`, form, { domain: 'nowhere.test' });
});

test('every operation that is kept was asked for, and the others say what they are', async () => {
  for (const [route, { refuses = [] }] of Object.entries(REFERENCE)) {
    if (SOCKETS.test(route)) continue;
    if (NOT_HERE.test(route)) {
      assert.match(String(await send(route, 'most', {}, 501)), /not supported here/);
      continue;
    }
    // A daemon that takes no mail is played by the tests of the listener.
    for (const status of [200, ...refuses.filter((one) => one !== 503)]) {
      assert.ok(answered.has(`${route} ${status}`), `${route} ${status}`);
    }
  }
});
