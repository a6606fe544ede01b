/**
 * What a connection is asked to be on a walk, and how its peer, its network and its engine are.
 * The one idea: flat, so that a walk can draw one of them anew and keep the others.
 * Deliberately unknown here: what happens on a walk.
 */
import fc from 'fast-check';

/** What a connection is asked to be, and how its peer presents itself. */
export interface ConnectionKnobs {
  readonly enable_tls: string;
  readonly use_lmtp: boolean;
  readonly enable_pipelining: boolean;
  readonly enable_rset: boolean;
  readonly max_deliveries_per_connection: number;
  readonly reconnect_strategy: string;
  readonly try_next_host_on_transport_error: boolean;
  readonly opportunistic_tls_reconnect_on_failed_handshake: boolean;
  readonly allow_smtp_auth_plain_without_tls: boolean;
  readonly hasLogin: boolean;
  readonly hosts: number;
  readonly recipients: number;
  readonly isLarge: boolean;
  readonly hasPassword: boolean;
  readonly hasNoIdentity: boolean;
  readonly offers: readonly string[];
  readonly isCertified: boolean;
  readonly asksToDial: boolean;
  readonly asksToResend: boolean;
  readonly isSayable: boolean;
  /** Each write of a body fills the link. */
  readonly isNarrow: boolean;
  /** An engine that stops a connection and gives to it while that still speaks. */
  readonly isHasty: boolean;
}

/** Any knobs. */
export const connectionKnobs: fc.Arbitrary<ConnectionKnobs> = fc.record({
  enable_tls: fc.constantFrom(
    'Disabled',
    'Opportunistic',
    'OpportunisticInsecure',
    'Required',
    'RequiredInsecure',
  ),
  use_lmtp: fc.boolean(),
  enable_pipelining: fc.boolean(),
  enable_rset: fc.boolean(),
  max_deliveries_per_connection: fc.constantFrom(1, 2, 5),
  reconnect_strategy: fc.constantFrom('ConnectNextHost', 'ReconnectSameHost', 'TerminateSession'),
  try_next_host_on_transport_error: fc.boolean(),
  opportunistic_tls_reconnect_on_failed_handshake: fc.boolean(),
  allow_smtp_auth_plain_without_tls: fc.boolean(),
  hasLogin: fc.boolean(),
  hosts: fc.constantFrom(2, 2, 2, 1, 3, 0),
  recipients: fc.constantFrom(1, 2),
  isLarge: fc.boolean(),
  hasPassword: fc.constantFrom(true, true, false),
  hasNoIdentity: fc.constantFrom(false, false, false, true),
  offers: fc.subarray(['STARTTLS', 'AUTH PLAIN', 'PIPELINING'], { minLength: 1 }),
  isCertified: fc.boolean(),
  asksToDial: fc.constantFrom(false, false, true),
  asksToResend: fc.boolean(),
  isSayable: fc.constantFrom(true, true, true, false),
  isNarrow: fc.boolean(),
  isHasty: fc.constantFrom(false, false, false, false, true),
});

/** The least that a conversation can be. */
export const PLAIN: ConnectionKnobs = {
  enable_tls: 'Disabled',
  use_lmtp: false,
  enable_pipelining: true,
  enable_rset: true,
  max_deliveries_per_connection: 5,
  reconnect_strategy: 'TerminateSession',
  try_next_host_on_transport_error: false,
  opportunistic_tls_reconnect_on_failed_handshake: false,
  allow_smtp_auth_plain_without_tls: false,
  hasLogin: false,
  hosts: 1,
  recipients: 1,
  isLarge: false,
  hasPassword: true,
  hasNoIdentity: false,
  offers: ['PIPELINING'],
  isCertified: true,
  asksToDial: false,
  asksToResend: false,
  isSayable: true,
  isNarrow: false,
  isHasty: false,
};

/** The options of the path: the knobs that have their names. */
export function pathOf(knobs: ConnectionKnobs): Record<string, unknown> {
  const options = Object.entries(knobs).filter(([name]) => name.includes('_'));
  const login = knobs.hasLogin ? { smtp_auth_plain_username: 'us' } : {};
  return { ...Object.fromEntries(options), ...login };
}
