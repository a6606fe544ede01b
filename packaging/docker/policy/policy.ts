/**
 * A policy to begin with, for the image: mail from the containers beside it, HTTP for the machine
 * it runs on. The ports are those that the image publishes.
 */
import { definePolicy } from 'waybill/policy';

// Docker's usual pools of addresses for bridges.
const NEIGHBOURS = ['127.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'];

export default definePolicy({
  init(setup) {
    setup.smtpListener({ listen: '0.0.0.0:2025', relay_hosts: NEIGHBOURS });
    setup.httpListener({ listen: '0.0.0.0:8000', trusted_hosts: NEIGHBOURS });
  },
  get_queue_config: () => ({ retry_interval: '10m', max_retry_interval: '4h', max_age: '3 days' }),
  get_egress_path_config: () => ({ connection_limit: 20, enable_tls: 'Opportunistic' }),
});
