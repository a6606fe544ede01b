/**
 * What queue data says about a message that is being received: which tenant and campaign it
 * belongs to, whether its sender may use that tenant, where it is routed. The idea: a function of
 * the data and the message, and beside it what carries out its answer on a message.
 * It does not know headers as bytes, nor how a refusal reaches the peer.
 */
import type { Message } from '../../mail/message.ts';
import { reject } from '../define.ts';
import type { ReceptionRules } from './queue-file.ts';

/** What is asked of a message. */
export interface ReceivedMail {
  /** The first header of that name, unfolded, without white space around it. */
  header(name: string): string | undefined;
  /** Whom the peer proved to be. */
  readonly authz: string | undefined;
  /** The domain of the first recipient. */
  readonly domain: string;
}

/** What is asked of the data. */
export interface ReceptionData {
  readonly rules: ReceptionRules;
  isTenant(name: string): boolean;
  /** Who may send as this tenant; undefined: anybody. */
  authzOf(tenant: string): readonly string[] | undefined;
  routingDomainOf(
    domain: string,
    tenant: string | undefined,
    campaign: string | undefined,
  ): string | undefined;
}

/** What becomes of the message: its queue and what is taken off, or a refusal. */
export type Reception =
  | {
      readonly kind: 'accepted';
      readonly tenant: string | undefined;
      readonly campaign: string | undefined;
      readonly routing_domain: string | undefined;
      /** The text of the scheduling header. */
      readonly scheduling: string | undefined;
      readonly headersRemoved: readonly string[];
    }
  | { readonly kind: 'refused'; readonly code: 500; readonly text: string };

const CODE_REFUSED = 500;

const refused = (text: string): Reception => ({ kind: 'refused', code: CODE_REFUSED, text });

const headerOf = (mail: ReceivedMail, name: string | undefined): string | undefined => {
  const value = name === undefined ? undefined : mail.header(name)?.trim();
  return value === '' ? undefined : value;
};

const authzRefusal = (
  tenant: string,
  allowed: readonly string[] | undefined,
  authz: string | undefined,
): string | undefined => {
  if (allowed === undefined) return undefined;
  if (authz === undefined) return `tenant '${tenant}' requires authentication`;
  return allowed.includes(authz) ? undefined : `tenant '${tenant}' is not open to '${authz}'`;
};

/** Reads tenant, campaign and routing of a message; refuses what the data does not allow. */
export const receiveMail = (data: ReceptionData, mail: ReceivedMail): Reception => {
  const { rules } = data;
  const named = headerOf(mail, rules.tenant_header);
  const tenant = named ?? rules.default_tenant;
  const campaign = headerOf(mail, rules.campaign_header);
  if (tenant !== undefined) {
    const where = named === undefined ? 'default_tenant' : `the header ${rules.tenant_header}`;
    if (!data.isTenant(tenant)) {
      return refused(
        `tenant '${tenant}' specified by ${where} is not defined in your queue config`,
      );
    }
    const refusal = authzRefusal(tenant, data.authzOf(tenant), mail.authz);
    if (refusal !== undefined) return refused(refusal);
  }
  return {
    kind: 'accepted',
    tenant,
    campaign,
    routing_domain: data.routingDomainOf(mail.domain, tenant, campaign),
    scheduling: headerOf(mail, rules.scheduling_header),
    headersRemoved: removedHeaders(rules),
  };
};

const removedHeaders = (rules: ReceptionRules): readonly string[] => {
  const candidates: readonly (readonly [string | undefined, boolean])[] = [
    [rules.scheduling_header, true],
    [rules.tenant_header, rules.remove_tenant_header ?? false],
    [rules.campaign_header, rules.remove_campaign_header ?? false],
  ];
  return candidates.flatMap(([name, isRemoved]) => (isRemoved && name ? [name] : []));
};

const QUEUE_PARTS = ['tenant', 'campaign', 'routing_domain'] as const;

/** Does to a message what the data say: its queue, its schedule, headers taken off; or refuses. */
export const carryOut = (data: ReceptionData, message: Message): void => {
  const authz = message.get_meta('authz_id');
  const answer = receiveMail(data, {
    header: (name) => message.get_first_named_header_value(name),
    authz: typeof authz === 'string' ? authz : undefined,
    domain: message.recipient_list()[0]?.domain.toLowerCase() ?? '',
  });
  if (answer.kind === 'refused') return reject(answer.code, answer.text);
  for (const part of QUEUE_PARTS) {
    if (answer[part] !== undefined) message.set_meta(part, answer[part]);
  }
  const { scheduling_header } = data.rules;
  if (answer.scheduling !== undefined && scheduling_header !== undefined) {
    message.import_scheduling_header(scheduling_header);
  }
  for (const name of answer.headersRemoved) message.remove_all_named_headers(name);
};
