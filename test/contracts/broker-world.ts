/**
 * What tests of sinks to brokers share: the world such a sink is given, brokers of the file's own
 * with the reason where there are none, and where the test's TLS comes from.
 * Deliberately unknown here: protocols, what is sent.
 */
import { after, before } from 'node:test';
import { areBrokersRequired } from '../../scripts/brokers/programs.ts';
import { createSecretReader } from '../../src/ports/node/secrets.ts';
import type { SinkWorld } from '../../src/projections/sinks/secrets.ts';
import {
  CA2_PEM,
  CLIENT_KEY,
  CLIENT_PEM,
  SERVER_KEY,
  SERVER_PEM,
} from '../examples/tls-certificates.ts';

/** Real time, real files. */
export const realWorld: SinkWorld = {
  timers: {
    now: () => Date.now(),
    steadyMs: () => performance.now(),
    after(waitMs, task) {
      const timer = setTimeout(task, waitMs);
      return () => clearTimeout(timer);
    },
  },
  readSecret: createSecretReader(() => {}),
};

/** What brokers show and whom they trust. */
export const BROKER_TLS = { certificate: SERVER_PEM, key: SERVER_KEY, authority: CA2_PEM };

/** What clients of them show. */
export const CLIENT_TLS = { certificate: CLIENT_PEM, key: CLIENT_KEY, authority: CA2_PEM };

/** Who may log in. */
export const BROKER_USER = { name: 'waybill', password: 'not-for-your-eyes' };

/**
 * A broker for all tests of a file, started before the first and gone after the last. Where it
 * cannot be had, `skip` says why; where brokers are demanded, the tests run and fail with that.
 */
export function useBroker<Broker extends { dispose(): Promise<void> }>(
  lack: string | undefined,
  start: () => Promise<Broker>,
): { readonly skip: string | false; broker(): Broker } {
  const skip = lack !== undefined && !areBrokersRequired() ? lack : false;
  let started: Broker | undefined;
  if (skip === false) {
    before(async () => {
      started = await start();
    });
    after(async () => {
      await started?.dispose();
    });
  }
  return {
    skip,
    broker() {
      if (started === undefined) throw new Error('the broker did not start');
      return started;
    },
  };
}
