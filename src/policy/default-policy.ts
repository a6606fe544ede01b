/**
 * The policy of a first start: one SMTP listener, and all mail, whatever its domain, goes to the
 * local sink, so that trying the program out can send nothing to anyone. It does not know the sink
 * beyond its port.
 */

import type { Policy } from './define.ts';
import { definePolicy } from './define.ts';

/** Where the first start listens, and where its mail ends. */
export interface DefaultPolicyPlaces {
  /** `ip:port` of the SMTP listener. */
  readonly smtpListen: string;
  readonly sinkPort: number;
}

/** The policy used when none is given. */
export const defaultPolicy = ({ smtpListen, sinkPort }: DefaultPolicyPlaces): Policy =>
  definePolicy({
    init(setup) {
      setup.smtpListener({ listen: smtpListen });
      // For `waybill top` and the others; they find the port in the data directory.
      setup.httpListener({ listen: '127.0.0.1:0' });
    },
    get_queue_config: () => ({
      protocol: { smtp: { mx_list: [{ name: 'sink.localhost', addr: `127.0.0.1:${sinkPort}` }] } },
    }),
    // The sink is on this very machine, which prohibited_hosts would take for a loop.
    get_egress_path_config: () => ({
      prohibited_hosts: [],
      enable_tls: 'OpportunisticInsecure',
    }),
  });
