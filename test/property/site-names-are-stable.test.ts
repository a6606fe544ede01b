/**
 * Law: the name of a site depends on its hosts and their preferences only, never on the order in
 * which DNS gave them or on their case, and it names each label at its place.
 * Deliberately unknown here: DNS, plans.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { mxSiteName } from '../../src/domain/site-name.ts';

const label = fc.stringMatching(/^[a-z0-9]{1,4}$/);
const host = fc.record({
  name: fc.array(label, { minLength: 1, maxLength: 5 }).map((labels) => labels.join('.')),
  preference: fc.integer({ min: 0, max: 3 }),
});
const hosts = fc.array(host, { minLength: 1, maxLength: 6 });

/** A site's name as a pattern that must accept every host it was made of. */
const patternOf = (site: string): RegExp => {
  const parts = site.split('.').map((part) => (part.endsWith('?') ? part.slice(0, -1) : part));
  return new RegExp(`^${parts.map((part) => `((${part})\\.)?`).join('')}$`);
};

describe('site-names-are-stable', () => {
  it('whatever the order and the case of the records', () => {
    fc.assert(
      fc.property(hosts, fc.func(fc.integer()), (given, order) => {
        const shuffled = [...given]
          .sort((a, b) => order(a.name) - order(b.name))
          .map((one) => ({ ...one, name: `${one.name.toUpperCase()}.` }));
        assert.equal(mxSiteName(shuffled), mxSiteName(given));
      }),
    );
  });

  it('and every host fits the name', () => {
    fc.assert(
      fc.property(hosts, (given) => {
        const pattern = patternOf(mxSiteName(given));
        for (const { name } of given) assert.match(`${name}.`, pattern);
      }),
    );
  });

  it('and one host is named as it is', () => {
    fc.assert(fc.property(host, (one) => assert.equal(mxSiteName([one]), one.name)));
  });
});
