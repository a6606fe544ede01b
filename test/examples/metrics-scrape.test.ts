/**
 * Scrapes over real sockets, of an engine in a simulated world that has delivered, deferred and
 * bounced: formats by what the client accepts, compression, filters, bounds, and clients that do
 * not read. The idea: everything that is served is read by a strict parser.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { gunzipSync, inflateSync } from 'node:zlib';
import { startHttpListener } from '../../src/api/http.ts';
import type { MetricsWorld } from '../../src/api/metrics.ts';
import { createMetrics, SCRAPES_MAX } from '../../src/api/metrics.ts';
import { chooseCoding, wantsOpenMetrics } from '../../src/api/metrics-routes.ts';
import { parseHttpListenerConfig } from '../../src/domain/options-http.ts';
import { TransactionTimes } from '../../src/intake/times.ts';
import { WorkerMeters } from '../../src/manager/worker-meters.ts';
import { watchProcess } from '../../src/ports/node/process-figures.ts';
import { judging } from '../../src/testing/world/manners.ts';
import { World } from '../../src/testing/world/world.ts';
import { httpParts } from './http-parts.ts';
import { parseMetrics } from './metrics-kit.ts';

const meters = new WorkerMeters();
const stops: (() => unknown)[] = [];
let world: World;
let base = '';

async function listen(given: Partial<MetricsWorld> = {}): Promise<string> {
  const config = parseHttpListenerConfig({ listen: '127.0.0.1:0' }, 'test');
  const listener = await startHttpListener(
    config,
    httpParts({
      metrics: createMetrics(meters, () => world.engine.sources.meters(), given),
      sources: world.engine.sources,
    }),
  );
  stops.push(() => listener.stop(0));
  return `http://127.0.0.1:${listener.port}`;
}

before(async () => {
  const manners = { 'a.test': judging, 'b.test': judging, 'c.test': judging };
  world = await World.start({ seed: 5, manners });
  await world.runFor(100);
  for (const to of [['u1@a.test', 'u2@a.test'], ['later@b.test'], ['bad@c.test']]) {
    world.submit(to);
  }
  await world.runFor(5_000);
  const { figures } = world.engine;
  const watch = watchProcess(['/']);
  stops.push(watch.stop);
  const [counts, times] = [{ opened: 7, denied: 2 }, new TransactionTimes()];
  const listener = { address: '127.0.0.1', port: 25, counts, times, sessions: () => 3 };
  Object.assign(meters, {
    figures,
    delays: figures.delays,
    tls: () => figures.tls(),
    refusals: world.engine.refusals,
    process: watch.read,
    listeners: [listener],
  });
  base = await listen();
});

after(async () => {
  for (const stop of stops) await stop();
});

const fetchText = async (path: string, headers: Record<string, string> = {}) => {
  const answer = await fetch(base + path, { headers });
  return { answer, page: await answer.text() };
};

const readValue = (page: string, series: string): number => {
  const line = page.split('\n').find((text) => text.startsWith(`${series} `));
  assert.ok(line !== undefined, `no ${series}`);
  return Number(line.slice(series.length + 1));
};

test('what the engine did is counted by service, provider and path', async () => {
  const { page } = await fetchText('/metrics');
  const outcomes = { delivered: 2, transfail: 1, fail: 1 };
  for (const [kind, count] of Object.entries(outcomes)) {
    assert.equal(readValue(page, `total_messages_${kind}{service="smtp_client"}`), count, kind);
    const families = parseMetrics(page, 'text');
    for (const suffix of ['_by_provider', '_by_provider_and_source']) {
      const { samples = [] } = families.get(`total_messages_${kind}${suffix}`) ?? {};
      assert.equal(
        samples.reduce((sum, { value }) => sum + value, 0),
        count,
        kind + suffix,
      );
    }
    const own = families.get(`total_messages_${kind}`)?.samples ?? [];
    const named = own.filter(({ labels }) => labels['service']?.startsWith('smtp_client:'));
    assert.equal(
      named.reduce((sum, { value }) => sum + value, 0),
      count,
    );
  }
  assert.equal(readValue(page, 'total_messages_received{service="esmtp_listener"}'), 3);
  assert.equal(readValue(page, 'connection_count{service="esmtp_listener:127.0.0.1:25"}'), 3);
  assert.equal(readValue(page, 'total_connections_denied{service="esmtp_listener"}'), 2);
  assert.equal(readValue(page, 'scheduled_count{queue="b.test"}'), 1);
  assert.equal(readValue(page, 'scheduled_by_domain{domain="b.test"}'), 1);
  assert.equal(readValue(page, 'scheduled_count{queue="a.test"}'), 0);
  assert.equal(readValue(page, 'scheduled_count_total'), 1);
  const age = readValue(page, 'waybill_oldest_age_seconds_by_provider{provider="mx.b.test"}');
  assert.ok(age > 4 && age <= 5, `it came 5 s ago: ${age}`);
  assert.equal(readValue(page, 'message_count'), 1);
  assert.equal(readValue(page, 'scheduled_queue_count'), 3);
  const delivered = readValue(page, 'deliver_message_latency_rollup_count{service="smtp_client"}');
  assert.equal(delivered, 3);
  assert.ok(readValue(page, 'dns_mx_resolve_status_ok') >= 3);
  assert.equal(readValue(page, 'dns_mx_resolve_in_progress'), 0);
  assert.ok(readValue(page, 'waybill_log_position') > 5);
  assert.ok(readValue(page, 'waybill_commit_seconds_count') > 2);
  assert.ok(readValue(page, 'memory_usage') > 1e7);
  assert.ok(readValue(page, 'disk_free_bytes{name="/"}') > 0);
});

test('the formats say the same', async () => {
  const plain = await fetchText('/metrics');
  assert.match(plain.answer.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  const accept = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5';
  const open = await fetchText('/metrics', { accept });
  const kind = open.answer.headers.get('content-type') ?? '';
  assert.match(kind, /^application\/openmetrics-text; version=1\.0\.0/);
  const samplesOf = (page: string, form: 'text' | 'open') =>
    [...parseMetrics(page, form).values()].flatMap(({ samples }) =>
      samples.map(({ name }) => name),
    );
  assert.deepEqual(samplesOf(open.page, 'open'), samplesOf(plain.page, 'text'));
  const json = await fetchText('/metrics.json');
  assert.match(json.answer.headers.get('content-type') ?? '', /^application\/json/);
  const object = JSON.parse(json.page) as Record<string, { type: string; value: unknown }>;
  assert.deepEqual(object['message_count']?.value, 1);
  const byQueue = object['scheduled_count']?.value as { queue: Record<string, number> };
  assert.equal(byQueue.queue['b.test'], 1);
  assert.equal(object['redis_quotas_leases']?.value, null);
  const paths = object['total_messages_fail_by_provider_and_source']?.value as object[];
  const path = { provider: 'mx.c.test', source: 'unspecified', pool: 'unspecified', '@': 1 };
  assert.ok(paths.some((one) => 'source' in one && '@' in one && one['@'] === path['@']));
});

test('compressed by what the client accepts', async () => {
  for (const [accept, decode] of [
    ['gzip', gunzipSync],
    ['deflate', inflateSync],
  ] as const) {
    const { hostname, port } = new URL(base);
    const socket = connect(Number(port), hostname);
    const wanted = `GET /metrics?name=scheduled_* HTTP/1.0\r\nAccept-Encoding: ${accept}`;
    socket.write(`${wanted}\r\n\r\n`);
    const bytes: Buffer[] = [];
    socket.on('data', (chunk) => bytes.push(chunk));
    await once(socket, 'close');
    const answer = Buffer.concat(bytes);
    const end = answer.indexOf('\r\n\r\n');
    assert.match(answer.toString('latin1', 0, end).toLowerCase(), RegExp(`encoding: ${accept}`));
    const families = parseMetrics(decode(answer.subarray(end + 4)).toString(), 'text');
    assert.equal(families.get('scheduled_count')?.samples.length, 3);
  }
  assert.equal(chooseCoding('gzip;q=0, deflate'), 'deflate');
  assert.equal(chooseCoding('deflate;q=0.9, gzip;q=0.5'), 'deflate');
  assert.equal(chooseCoding('*'), 'gzip');
  assert.equal(chooseCoding('identity, gzip;q=0.5'), undefined);
  assert.equal(chooseCoding(undefined), undefined);
  assert.equal(wantsOpenMetrics('*/*'), false);
  assert.equal(wantsOpenMetrics('application/openmetrics-text;q=0.4,text/plain;q=0.5'), false);
});

describe('a part', () => {
  test('by name, with a prefix', async () => {
    const query = '?name=scheduled_count*&name=message_count&prefix=relay_';
    const families = parseMetrics((await fetchText(`/metrics${query}`)).page, 'text');
    assert.deepEqual([...families.keys()].sort(), [
      'relay_message_count',
      'relay_scheduled_count',
      'relay_scheduled_count_total',
    ]);
  });

  test('the greatest and the rest', async () => {
    const { page } = await fetchText('/metrics?name=scheduled_by_domain&top=1');
    const samples = parseMetrics(page, 'text').get('scheduled_by_domain')?.samples ?? [];
    const pairs = samples.map(({ labels, value }) => [labels['domain'], value]);
    assert.deepEqual(pairs, [
      ['b.test', 1],
      ['other', 0],
    ]);
  });

  test('what makes no sense is said', async () => {
    for (const [query, why] of [
      ['top=-1', /^top: must be a number from 0/],
      ['top=x', /^top: must be/],
      ['top=1&top=2', /^top: is given more than once/],
      ['name=a%22', /^name: must be the name/],
      ['prefix=1x', /^prefix: must begin/],
      ['prefix=a%0Ab', /^prefix: must begin/],
      ['match=a', /^match: is not an option here; there are name, top, prefix/],
    ] as const) {
      const { answer, page } = await fetchText(`/metrics?${query}`);
      assert.equal(answer.status, 400, query);
      assert.match((JSON.parse(page) as { error: string }).error, why);
    }
    assert.equal((await fetchText('/metrics.json?prefix=a')).answer.status, 400);
  });
});

describe('clients that do not read', () => {
  /** A family that is far larger than what sockets hold. */
  const endless = {
    ...{ name: 'endless', type: 'gauge' as const, labels: ['n'], help: 'Endless.' },
    read: function* () {
      for (let n = 0; n < 3_000_000; n += 1) yield { labels: [`${n}`.padEnd(100, '.')], value: n };
    },
  };
  const ask = (place: string) => {
    const { hostname, port } = new URL(place);
    const socket = connect(Number(port), hostname);
    socket.on('error', () => {});
    socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n');
    return socket;
  };

  test('are bounded in number, and cut off in time', async () => {
    const place = await listen({ families: [endless], stallMsMax: 700 });
    const stuck = Array.from({ length: SCRAPES_MAX }, () => ask(place));
    await wait(150);
    const full = await fetch(`${place}/metrics`);
    assert.equal(full.status, 503);
    assert.equal(full.headers.get('retry-after'), '5');
    await wait(4_000);
    // Their places are free again, though they never went away by themselves.
    const abort = new AbortController();
    const next = await fetch(`${place}/metrics`, { signal: abort.signal });
    assert.equal(next.status, 200);
    abort.abort();
    for (const socket of stuck) socket.destroy();
  });

  test('of which only the head is wanted make nothing', async () => {
    const place = await listen({ families: [endless], stallMsMax: 60_000 });
    for (let round = 0; round < SCRAPES_MAX + 2; round += 1) {
      const head = await fetch(`${place}/metrics`, { method: 'HEAD' });
      assert.equal(head.status, 200);
      assert.match(head.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
      assert.equal(await head.text(), '');
    }
    assert.equal((await fetch(`${place}/metrics?top=x`, { method: 'HEAD' })).status, 400);
  });

  test('whoever leaves gives its place back', async () => {
    const place = await listen({ families: [endless], stallMsMax: 60_000 });
    for (let round = 0; round < SCRAPES_MAX + 2; round += 1) {
      const socket = ask(place);
      await once(socket, 'data');
      socket.destroy();
      await wait(50);
    }
  });

  test('a slow reader is given up at the bound of the whole', async () => {
    const place = await listen({ families: [endless], scrapeMsMax: 600 });
    const socket = ask(place);
    let bytes = 0;
    const slow = setInterval(() => {
      bytes += (socket.read(20_000) as Buffer | null)?.length ?? 0;
    }, 20);
    const closed = once(socket, 'close');
    await wait(1_500);
    clearInterval(slow);
    socket.resume();
    await closed;
    assert.ok(bytes > 0);
  });
});

test('a long scrape leaves the thread to others', async () => {
  const many = {
    ...{ name: 'many', type: 'gauge' as const, labels: ['n'], help: 'Many.' },
    read: function* () {
      for (let n = 0; n < 300_000; n += 1) yield { labels: [`${n}`], value: n };
    },
  };
  const place = await listen({ families: [many] });
  let turns = 0;
  const beat = setInterval(() => {
    turns += 1;
  }, 1);
  const page = await (await fetch(`${place}/metrics`)).text();
  clearInterval(beat);
  assert.equal(page.split('\n').length, 300_003);
  // Done in one go this would be none; how many there are depends on the machine.
  assert.ok(turns > 10, `${turns} turns of others`);
});
