/**
 * The policy of a small sender: receipts of a shop, a newsletter, and what staff writes. Each has
 * pools of its own; how receivers are treated is in shaping.toml.
 * What must hold of it, whatever happens, is said in laws.js.
 */
import { shaping } from 'waybill/helpers';
import { definePolicy } from 'waybill/policy';

const ADDRESSES: Readonly<Record<string, string>> = {
  'shop-1': '192.0.2.11',
  'shop-2': '192.0.2.12',
  'bulk-1': '192.0.2.21',
  'bulk-2': '192.0.2.22',
  'bulk-3': '192.0.2.23',
  'office-1': '192.0.2.31',
};

const POOLS: Readonly<Record<string, readonly string[]>> = {
  transactional: ['shop-1', 'shop-2'],
  bulk: ['bulk-1', 'bulk-2', 'bulk-3'],
  office: ['office-1'],
};

export default definePolicy(
  {
    init(setup) {
      setup.smtpListener({ listen: '127.0.0.1:2025', relay_hosts: ['127.0.0.1'] });
    },
    get_queue_config(_domain, tenant, campaign) {
      if (tenant === 'shop') {
        // A password that comes after a day is of no use to anybody.
        const isUrgent = campaign === 'login';
        return isUrgent
          ? { egress_pool: 'transactional', retry_interval: '30s', max_age: '15m' }
          : { egress_pool: 'transactional', retry_interval: '5m', max_age: '2 days' };
      }
      if (tenant === 'news') {
        return { egress_pool: 'bulk', retry_interval: '20m', max_age: '1 day' };
      }
      return { egress_pool: 'office', retry_interval: '10m', max_age: '4 days' };
    },
    get_egress_pool(name) {
      const entries = POOLS[name]?.map((source) => ({ name: source }));
      return entries && { entries };
    },
    get_egress_source(name) {
      const source_address = ADDRESSES[name];
      return source_address === undefined
        ? undefined
        : {
            source_address,
            ehlo_domain: `${name}.example.net`,
            // Mail goes by the other addresses at once, and this one is looked at again.
            suspend_when_unplumbed: { duration: '2m' },
          };
    },
  },
  shaping({ files: ['shaping.toml'], no_default_files: true }),
);
