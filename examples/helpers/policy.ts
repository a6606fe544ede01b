/**
 * A policy made of data files: two addresses, two tenants, and care for the large providers.
 * Start it with: waybilld --policy examples/helpers/policy.ts
 * It does not say how single domains are treated; the files beside it do.
 */
import { dkim, listenerDomains, logHooks, queues, shaping, sources } from 'waybill/helpers';
import { definePolicy } from 'waybill/policy';

export default definePolicy(
  {
    init(setup) {
      setup.smtpListener({ listen: '127.0.0.1:2025', relay_hosts: ['127.0.0.1', '::1'] });
    },
  },
  sources({ files: ['sources.toml'] }),
  listenerDomains({ files: ['listener-domains.toml'] }),
  dkim({ files: ['dkim.toml'] }),
  shaping({ files: ['shaping.toml'] }),
  logHooks({ files: ['log-hooks.toml'] }),
  // It answers for every domain, so it comes behind all other parts that answer for queues.
  queues({ files: ['queues.toml'] }),
);
