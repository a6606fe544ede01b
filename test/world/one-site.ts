/**
 * One site behind one domain, and a policy that sends to it from one source: what tests of models
 * need of the world. Deliberately unknown here: how the site behaves.
 */
import { definePolicy } from '../../src/policy/define.ts';
import type { ProviderModel, ProviderModels } from '../../src/testing/models/model.ts';
import { readModels } from '../../src/testing/models/reading.ts';

/** The site, as a model names it. */
export const SITE = { site: 'mx.a.test', domains: ['a.test'], hosts: ['mx.a.test'] };

/** One pool of one source, retries each minute. */
export const POLICY = definePolicy({
  init: (setup) => setup.smtpListener({ listen: '127.0.0.1:2025', relay_hosts: ['127.0.0.1'] }),
  get_queue_config: () => ({ egress_pool: 'main', retry_interval: '1m', max_age: '1 day' }),
  get_egress_pool: () => ({ entries: [{ name: 'ip-1', weight: 1 }] }),
  get_egress_source: () => ({ source_address: '192.0.2.1' }),
  get_egress_path_config: () => ({ connection_limit: 5 }),
});

/** A file of models, read, in which the site behaves so. */
export const modelsOf = (model: Partial<ProviderModel>): ProviderModels =>
  readModels(JSON.stringify({ waybill_models: 1, models: [{ ...SITE, ...model }] }), 'm.json');
