/**
 * Law: whatever is asked over HTTP, each request is answered as the OpenAPI document says it may
 * be, no answer is a failure of ours, and mail is accounted for. The idea: requests made from the
 * document itself, right, nearly right and broken, against the engine of a simulated world that has
 * mail under way. LAW_SEED tells a run again; FAULT_CASES=all sends 5,000 requests.
 */
import assert from 'node:assert/strict';
import { request as send } from 'node:http';
import { after, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import type { HttpListener } from '../../src/api/http.ts';
import { adminDesk, lookDesk } from '../../src/manager/admin-desk.ts';
import { createAuthAsker } from '../../src/policy/ask-auth.ts';
import { definePolicy } from '../../src/policy/define.ts';
import { judging } from '../../src/testing/world/manners.ts';
import { makePlan } from '../../src/testing/world/policy.ts';
import { World } from '../../src/testing/world/world.ts';
import { httpParts, openHttp } from '../examples/http-parts.ts';
import { isFullRun } from '../faults/scratch.ts';
import type { Document, Operation, Request } from '../world/http-requests.ts';
import { requestsOf } from '../world/http-requests.ts';
import { checkBalance } from '../world/judge.ts';

const REQUESTS = isFullRun() ? 5_000 : 400;
/** Statuses that any route may have for a path that is spelt in another way. */
const ELSEWHERE = [400, 401, 403, 404, 414];
/** Of the routes that are not supported; all others of ours would be failures. */
const MEANT_5XX = new Set(['501']);
const seed = Number(process.env['LAW_SEED'] ?? Math.trunc(process.pid * 7_919));

const failures: string[] = [];
const open: HttpListener[] = [];
after(async () => {
  for (const listener of open) await listener.stop(0);
});

async function start(): Promise<{ world: World; base: URL; document: Document }> {
  const world = await World.start({
    seed,
    plan: makePlan({ queue: { egress_pool: 'one' } }),
    manners: { 'a.test': judging, 'b.test': judging },
  });
  const judge = createAuthAsker(
    definePolicy({ http_server_validate_auth_basic: async (user) => user === 'u' }),
    () => {},
  );
  const standard = httpParts();
  // Nothing waits for real time.
  const timers = {
    ...standard.machine.timers,
    after: (_ms: number, task: () => void) => {
      setImmediate(task);
      return () => {};
    },
  };
  const { listener, base } = await openHttp({
    admin: adminDesk(world.engine),
    look: lookDesk(world.engine),
    sources: world.engine.sources,
    explain: (subject) => world.engine.explain(subject),
    machine: { ...standard.machine, timers },
    auth: { judge: () => judge, timers: standard.auth.timers },
    note: (text) => failures.push(text),
  });
  open.push(listener);
  const document = (await (await fetch(`${base}/api-docs/openapi.json`)).json()) as Document;
  return { world, base: new URL(base), document };
}

interface Answered {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

/** Sends it as it is: `fetch` would tidy the path. */
const ask = (base: URL, { method, target, headers, body }: Request): Promise<Answered> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = base;
    // Node's client tells no length with DELETE by itself.
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const how = { hostname, port, method, path: target, headers: { ...headers, ...length } };
    const sending = send(how, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () =>
        resolve({
          status: answer.statusCode ?? 0,
          type: answer.headers['content-type'] ?? '',
          text: Buffer.concat(chunks).toString('utf8'),
        }),
      );
    });
    sending.on('error', reject);
    sending.end(body);
  });

/** Lets the world go on until the answer is there. */
async function askInWorld(world: World, base: URL, request: Request): Promise<Answered> {
  let answered: Answered | undefined;
  const asking = ask(base, request).then((answer) => {
    answered = answer;
  });
  while (answered === undefined) {
    await world.runFor(20);
    await Promise.race([asking, new Promise((resolve) => setImmediate(resolve))]);
  }
  return answered;
}

const ajv = new Ajv2020({ strict: false, validateFormats: false });

function judgeAnswer(document: Document, request: Request, answer: Answered): void {
  const operation = document.paths[request.route]?.[request.method.toLowerCase()] as Operation;
  const said = `${request.method} ${request.target}: ${answer.status} ${answer.text.slice(0, 300)}`;
  const status = String(answer.status);
  assert.ok(answer.status < 500 || MEANT_5XX.has(status), said);
  const isSaid = status in operation.responses;
  assert.ok(
    isSaid || (!request.isPlain && ELSEWHERE.includes(answer.status)) || status === '400',
    said,
  );
  if (answer.status >= 400) {
    const { error } = JSON.parse(answer.text) as { error: unknown };
    assert.ok(typeof error === 'string' && error !== '', said);
    assert.doesNotMatch(error, /\n {4}at /, 'no stack is shown');
    return;
  }
  const schema = operation.responses['200']?.content?.['application/json']?.schema;
  if (schema === undefined || !answer.type.startsWith('application/json')) return;
  assert.ok(ajv.validate(schema, JSON.parse(answer.text)), `${said}: ${ajv.errorsText()}`);
}

test('any request is answered as the document says', { timeout: 600_000 }, async () => {
  const { world, base, document } = await start();
  const seen = new Map<number, number>();
  let sent = 0;
  const property = fc.asyncProperty(requestsOf(document), async (request) => {
    if (sent % 5 === 0) world.submit([`${sent % 2 ? 'u' : 'later'}@${sent % 3 ? 'a' : 'b'}.test`]);
    sent += 1;
    const answer = await askInWorld(world, base, request);
    seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1);
    judgeAnswer(document, request, answer);
    assert.deepEqual(failures, []);
  });
  try {
    await fc.assert(property, { numRuns: REQUESTS, seed, endOnFailure: true });
  } catch (error) {
    const { message, cause } = error as Error;
    throw new Error(`LAW_SEED=${seed}: ${message}\n${cause instanceof Error ? cause.stack : ''}`);
  }
  for (const rule of [...world.engine.core.books.rules.all()]) {
    const { id } = rule;
    if (rule.kind === 'purge') world.command({ kind: 'purge.cancel', id });
    else {
      const isReady = rule.kind === 'readySuspension';
      world.command({ kind: 'suspension.lift', id, isReady });
    }
  }
  await world.runFor(60_000);
  checkBalance(world);
  // Requests that are only refused would say nothing about what routes do.
  for (const status of [200, 400, 404, 415, 422]) assert.ok(seen.has(status), `${status} was met`);
  assert.ok((seen.get(200) ?? 0) > sent / 10, JSON.stringify([...seen]));
});
