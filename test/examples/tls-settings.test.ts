/**
 * What an operator says about TLS to receivers, and what is shown of it: the switch of MTA-STS in
 * `init`, the pair of client certificate and key, and the metrics.
 * Deliberately unknown here: what these settings do to mail.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMetrics } from '../../src/api/metrics.ts';
import { parsePathConfig } from '../../src/domain/options-path.ts';
import { definePolicy } from '../../src/policy/define.ts';
import { runSetup } from '../../src/policy/setup.ts';
import type { Setup } from '../../src/policy/setup-calls.ts';
import { readPage } from './metrics-kit.ts';

const setUp = (more: (setup: Setup) => void) =>
  runSetup(
    definePolicy({
      init(setup) {
        setup.smtpListener({ listen: '127.0.0.1:2025' });
        more(setup);
      },
    }),
  );

test('MTA-STS is on unless init switches it off', () => {
  assert.equal(setUp(() => {}).isMtaStsEnabled, true);
  assert.equal(setUp((setup) => setup.mtaStsEnabled(false)).isMtaStsEnabled, false);
  assert.throws(() => setUp((setup) => setup.mtaStsEnabled('no' as never)), /setup\.mtaStsEnabled/);
});

test('a client certificate needs its key, and a key its certificate', () => {
  const given = { tls_certificate: 'c.pem', tls_private_key: { key_data: 'k' } };
  assert.deepEqual(parsePathConfig(given, 'path').tls_private_key, { key_data: 'k' });
  assert.throws(
    () => parsePathConfig({ tls_certificate: 'c.pem' }, 'path'),
    /tls_private_key.*is missing beside tls_certificate/,
  );
  assert.throws(
    () => parsePathConfig({ tls_private_key: { key_data: 'secret' } }, 'path'),
    (error: Error) => !error.message.includes('secret') && /tls_certificate/.test(error.message),
  );
});

test('the metrics tell what became of policies', async () => {
  const counters = { activations: 0, refusals: 0, workerRestarts: 0 };
  const tls = () => ({ impossible: 2, policies: 7, fetched: 9, failed: 3, outlived: 1 });
  const faults = new Map<string, number>();
  const page = await readPage(createMetrics({ version: 1, epoch: 1, counters, faults, tls }));
  assert.match(page, /^dns_mx_resolve_mta_sts_impossible 2$/m);
  assert.match(page, /^mta_sts_policies 7$/m);
  assert.match(page, /^mta_sts_fetches_total\{result="failed"\} 3$/m);
  assert.match(page, /^mta_sts_outlived_total 1$/m);
});
