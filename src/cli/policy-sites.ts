/**
 * The sites of domains that have no queue yet, from their MX records; a domain that does not answer
 * in time stands for itself. Knows no policy.
 */
import { Lookups } from '../manager/prepare.ts';
import { createClock } from '../ports/node/clock.ts';
import { createResolver } from '../ports/node/resolver.ts';

/** Domain → site name; domains without an answer are absent. */
export const findSites = async (domains: readonly string[]): Promise<Map<string, string>> => {
  const sites = new Map<string, string>();
  if (domains.length === 0) return sites;
  const resolver = createResolver({ clock: createClock() });
  try {
    const lookups = new Lookups(resolver);
    const answers = await Promise.all(domains.map((domain) => lookups.find(domain)));
    for (const [at, answer] of answers.entries()) {
      const domain = domains[at];
      if (domain !== undefined && 'site_name' in answer) sites.set(domain, answer.site_name);
    }
  } finally {
    resolver.stop();
  }
  return sites;
};
