/**
 * The name of a scheduled queue: `[campaign:][tenant]@domain[!routing_domain]`. The idea: the name
 * is the queue's whole identity, so text and parts convert both ways without loss.
 * Deliberately unknown here: how a message gets its campaign or tenant, and what a queue does.
 */

/** The parts of a queue's name; absent parts are absent keys. */
export interface QueueName {
  readonly campaign?: string;
  readonly tenant?: string;
  readonly domain: string;
  readonly routing_domain?: string;
}

/** Reads a queue's name; every text is some name, so this never fails. */
export function parseQueueName(text: string): QueueName {
  const at = text.indexOf('@');
  const right = at < 0 ? text : text.slice(at + 1);
  const bang = right.indexOf('!');
  const domain = bang < 0 ? right : right.slice(0, bang);
  const routing = bang < 0 ? {} : { routing_domain: right.slice(bang + 1) };
  if (at < 0) return { domain, ...routing };
  const left = text.slice(0, at);
  const colon = left.indexOf(':');
  // `campaign:@domain` has an empty tenant, not an absent one: the form has a place for it.
  if (colon < 0) return { tenant: left, domain, ...routing };
  return { campaign: left.slice(0, colon), tenant: left.slice(colon + 1), domain, ...routing };
}

/** Writes a queue's name as text. */
export function formatQueueName(name: QueueName): string {
  const { campaign, tenant, domain, routing_domain } = name;
  let text = domain;
  if (campaign !== undefined) text = `${campaign}:${tenant ?? ''}@${domain}`;
  else if (tenant !== undefined) text = `${tenant}@${domain}`;
  return routing_domain === undefined ? text : `${text}!${routing_domain}`;
}

/** True when the text of this name reads back as the same parts, so no other queue shares it. */
export function isUnambiguous(name: QueueName): boolean {
  const back = parseQueueName(formatQueueName(name));
  const tenant = name.campaign === undefined ? name.tenant : (name.tenant ?? '');
  return (
    back.campaign === name.campaign &&
    back.tenant === tenant &&
    back.domain === name.domain &&
    back.routing_domain === name.routing_domain
  );
}
