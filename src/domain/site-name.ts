/**
 * The label under which the exchangers of a domain share connections and limits: host names
 * aligned from the right and folded label by label, so that domains with the same exchangers
 * share one site. It is a label and no matcher. It knows nothing of DNS or connections.
 */
import type { MxListEntry } from './option-places.ts';

/** One exchanger as it counts for the name of its site. */
export interface SiteHost {
  readonly name: string;
  readonly preference: number;
  readonly port?: number;
}

/** The one protocol of ready queues in this version. */
export const SMTP_PROTOCOL = 'smtp_client';

const byPreferenceThenName = (a: SiteHost, b: SiteHost): number =>
  a.preference - b.preference || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);

/** Hosts in the order that names a site: preference, then alphabet, equal entries once. */
export const orderHosts = <T extends SiteHost>(hosts: readonly T[]): readonly T[] => {
  const ordered = [...hosts].sort(byPreferenceThenName);
  return ordered.filter((host, index) => {
    const before = ordered[index - 1];
    return (
      before === undefined || byPreferenceThenName(before, host) !== 0 || before.port !== host.port
    );
  });
};

// The port is glued to the last label, so that one exchanger on two ports is two sites.
const labelsFromRight = (host: SiteHost): readonly string[] => {
  const name = host.name.toLowerCase().replace(/\.$/, '');
  if (name === '') return [];
  return (host.port === undefined ? name : `${name}:${host.port}`).split('.').reverse();
};

/** Folds hosts, taken in their given order, into a site name; no labels at all give ''. */
export const foldSiteName = (hosts: readonly SiteHost[]): string => {
  const rows = hosts.map(labelsFromRight);
  const depth = rows.reduce((most, row) => Math.max(most, row.length), 0);
  const parts: string[] = [];
  for (let position = 0; position < depth; position += 1) {
    const seen = new Set<string>();
    let isMissingSomewhere = false;
    for (const row of rows) {
      const label = row[position];
      if (label === undefined) isMissingSomewhere = true;
      else seen.add(label);
    }
    const labels = [...seen];
    const text = labels.length === 1 ? labels.join('') : `(${labels.join('|')})`;
    parts.push(isMissingSomewhere ? `${text}?` : text);
  }
  return parts.reverse().join('.');
};

/** The site of a domain routed by its MX records. */
export const mxSiteName = (hosts: readonly SiteHost[]): string => foldSiteName(orderHosts(hosts));

/** One entry as it stands in a site's name: a path, or host and port. */
export const listEntryText = (entry: MxListEntry): string => {
  if (entry.path !== undefined) return entry.path;
  const host = entry.address ?? entry.name;
  if (entry.port === undefined) return host;
  return host.includes(':') ? `[${host}]:${entry.port}` : `${host}:${entry.port}`;
};

/** The site of an operator's list, in its order: by name, or by address where one was given. */
export const mxListSiteName = (entries: readonly MxListEntry[]): string =>
  `mx_list:${entries.map(listEntryText).join(',')}`;

/** The name of the ready queue for a source and a site. */
export const readyQueueName = (
  source: string,
  site: string,
  protocol: string = SMTP_PROTOCOL,
): string => `${source}->${site}@${protocol}`;

/** The source in the name of a ready queue; '' where it is no such name. */
export const sourceOfReady = (name: string): string =>
  name.slice(0, Math.max(0, name.indexOf('->')));

/** The site in the name of a ready queue; '' where it is no such name. */
export const siteOfReady = (name: string): string => {
  const from = name.indexOf('->');
  const upto = name.lastIndexOf('@');
  return from < 0 || upto < from ? '' : name.slice(from + 2, upto);
};
