/**
 * Values by domain name, with wildcards. The idea: names are walked label by label from the right,
 * so a look-up costs as many steps as the name has labels, however many names there are.
 *   exact name; else `*.parent` of the deepest name that is known; else the lone `*`
 * It does not know what the values are.
 */

/** Finds the value of a name. */
export interface DomainMap<T> {
  find(name: string): T | undefined;
}

interface Node<T> {
  readonly children: Map<string, Node<T>>;
  value: T | undefined;
}

const WILDCARD = '*';

const makeNode = <T>(): Node<T> => ({ children: new Map(), value: undefined });

/** A domain as it is looked up: lower case, without the trailing dot. */
export const normalDomain = (name: string): string => name.toLowerCase().replace(/(.)\.$/, '$1');

/** What is wrong with a key of a domain map, or undefined. */
export const domainKeyProblem = (key: string): string | undefined => {
  if (key === WILDCARD) return undefined;
  const labels = normalDomain(key).split('.');
  if (labels.some((label) => label === '')) return 'has an empty label';
  const rest = labels[0] === WILDCARD ? labels.slice(1) : labels;
  return rest.some((label) => label.includes(WILDCARD))
    ? "has a '*' that is not the whole first label"
    : undefined;
};

/** Makes a map; a later entry of the same name replaces the one before. */
export const createDomainMap = <T>(entries: Iterable<readonly [string, T]>): DomainMap<T> => {
  const root = makeNode<T>();
  for (const [name, value] of entries) {
    let node = root;
    for (const label of normalDomain(name).split('.').reverse()) {
      const child = node.children.get(label) ?? makeNode<T>();
      node.children.set(label, child);
      node = child;
    }
    node.value = value;
  }
  // In the reference a lone `*` matches nothing once the last label of the name is in the map, and
  // its helpers work around that one by one; its manual means what is done here: any name.
  const fallback = (): T | undefined => root.children.get(WILDCARD)?.value;
  return {
    find(name) {
      let node = root;
      for (const label of normalDomain(name).split('.').reverse()) {
        const child = label === WILDCARD ? undefined : node.children.get(label);
        // As with wildcards in DNS (RFC 4592 section 3.3.1), the deepest known name decides: a
        // wildcard further up is not gone back to.
        if (child === undefined) return node.children.get(WILDCARD)?.value ?? fallback();
        node = child;
      }
      return node.value ?? fallback();
    },
  };
};
