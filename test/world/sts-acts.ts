/**
 * What receivers and attackers do about MTA-STS in a world, beside mail, waiting and crashes. The
 * one idea: publishing, forgetting and lying are acts like all others, plain values that shrink.
 * Deliberately unknown here: what must hold.
 */
import fc from 'fast-check';
import type { TlsManner } from '../../src/testing/world/exchanger.ts';
import type { World } from '../../src/testing/world/world.ts';
import type { Act } from './acts.ts';
import { DOMAINS, goodMx, perform } from './acts.ts';

/** The host that an attacker adds to the exchangers of others. */
export const EVIL_HOST = 'mx.evil.test';

/** One thing that can be done. */
export type StsAct =
  | Act
  | {
      readonly do: 'publish';
      readonly domain: string;
      readonly mode: 'enforce' | 'testing' | 'none';
      readonly allows: 'own' | 'other' | 'rubbish';
      readonly maxAge: number;
      readonly id: number;
    }
  | { readonly do: 'hideRecord' | 'hideFile'; readonly domain: string }
  | { readonly do: 'tls'; readonly domain: string; readonly tls: TlsManner }
  | { readonly do: 'lie'; readonly domain: string; readonly isOn: boolean };

const domain = fc.constantFrom(...DOMAINS);
const owner = fc.constantFrom(...DOMAINS.slice(0, -1), 'evil.test');
const make = <T extends StsAct['do'], U extends object>(
  what: T,
  more: { [K in keyof U]: fc.Arbitrary<U[K]> },
) => fc.record({ do: fc.constant(what), ...more }) as unknown as fc.Arbitrary<StsAct>;

const to = fc
  .uniqueArray(fc.tuple(fc.nat(3), domain), { minLength: 1, maxLength: 4, selector: String })
  .map((all) => all.map(([number, at]) => `u${number}@${at}`));

/** What happens in a play. */
export const stsAct: fc.Arbitrary<StsAct> = fc.oneof(
  { weight: 6, arbitrary: make('submit', { to, bytes: fc.constant(200) }) },
  { weight: 2, arbitrary: make('burst', { domain, count: fc.integer({ min: 2, max: 20 }) }) },
  {
    weight: 6,
    arbitrary: make('wait', { ms: fc.oneof(fc.nat(500), fc.nat(30_000), fc.nat(600_000)) }),
  },
  {
    weight: 5,
    arbitrary: make('publish', {
      domain,
      mode: fc.constantFrom('enforce', 'enforce', 'enforce', 'testing', 'none'),
      allows: fc.constantFrom('own', 'own', 'own', 'other', 'rubbish'),
      maxAge: fc.constantFrom(60, 900, 7_200, 86_400),
      id: fc.nat(4),
    }),
  },
  { weight: 1, arbitrary: make('hideRecord', { domain }) },
  { weight: 1, arbitrary: make('hideFile', { domain }) },
  {
    weight: 4,
    arbitrary: make('tls', {
      domain: owner,
      tls: fc.constantFrom('valid', 'valid', 'none', 'unverifiable', 'broken', 'refused'),
    }),
  },
  { weight: 2, arbitrary: make('lie', { domain, isOn: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: make('answers', {
      domain: owner,
      how: fc.constantFrom('open', 'open', 'refused', 'never'),
    }),
  },
  { weight: 1, arbitrary: make('crash', {}) },
);

/** Does it; `each` runs after every step of the world. */
export async function performSts(world: World, act: StsAct, each: () => void): Promise<void> {
  const { zone } = world;
  switch (act.do) {
    case 'publish': {
      zone.txt.set(`_mta-sts.${act.domain}`, [`v=STSv1; id=n${act.id};`]);
      zone.policies.set(act.domain, fileOf(act));
      return;
    }
    case 'hideRecord':
      zone.txt.delete(`_mta-sts.${act.domain}`);
      return;
    case 'hideFile':
      zone.policies.delete(act.domain);
      return;
    case 'tls':
      world.hostOf(act.domain).exchanger.tls = act.tls;
      return;
    case 'lie': {
      const own = goodMx(act.domain) as readonly { preference: number; exchange: string }[];
      const evil = { preference: 5, exchange: EVIL_HOST };
      zone.mx.set(act.domain, act.isOn ? [evil, ...own] : own);
      return;
    }
    default:
      return perform(world, act, each);
  }
}

function fileOf(act: Extract<StsAct, { readonly do: 'publish' }>): string {
  if (act.allows === 'rubbish') return 'this is no policy';
  const [own] = goodMx(act.domain) as readonly { exchange: string }[];
  const mx = act.allows === 'own' ? own?.exchange : '*.elsewhere.test';
  return `version: STSv1\nmode: ${act.mode}\nmx: ${mx}\nmax_age: ${act.maxAge}\n`;
}
