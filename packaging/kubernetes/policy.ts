/**
 * A policy to begin with, for a cluster: mail and questions from its pods. The ports are those that
 * the manifests name.
 */
import { definePolicy } from 'waybill/policy';

// Say here which addresses your pods have: whoever is among them may relay and give orders.
const PODS = ['127.0.0.0/8', '10.0.0.0/8'];

export default definePolicy({
  init(setup) {
    setup.smtpListener({ listen: '0.0.0.0:2025', relay_hosts: PODS });
    setup.httpListener({ listen: '0.0.0.0:8000', trusted_hosts: PODS });
  },
  get_queue_config: () => ({ retry_interval: '10m', max_retry_interval: '4h', max_age: '3 days' }),
  get_egress_path_config: () => ({ connection_limit: 20, enable_tls: 'Opportunistic' }),
});
