/**
 * Where the options of an answer were written: handlers are asked once more and their answers taken
 * as they gave them, where origins are still on them. For people who ask why, never for the engine.
 * It does not know what an option does.
 */
import type { Rule, RuleHandler } from '../domain/explanation.ts';
import type { PolicyAsker } from '../domain/policy-asker.ts';
import { parseQueueName } from '../domain/queue-name.ts';
import { createPolicyAsker } from './ask.ts';
import type { Policy } from './define.ts';
import { originsOf } from './helpers/origins.ts';
import type { PolicyPart } from './hooks.ts';

type AnyHandler = (...args: readonly unknown[]) => unknown;

/** `file: key path` by option; undefined where a handler of plain code answered. */
export type Origins = Readonly<Record<string, string>> | undefined;

/** A policy that keeps the last answer as its handlers gave it. */
export const overheard = (policy: Policy): { policy: Policy; takeOrigins: () => Origins } => {
  let last: unknown;
  const overhear = (part: PolicyPart): PolicyPart =>
    Object.fromEntries(
      Object.entries(part).map(([name, handler]) => [
        name,
        (...args: readonly unknown[]) => {
          const answer = (handler as AnyHandler)(...args);
          if (answer !== undefined) last = answer;
          return answer;
        },
      ]),
    );
  return {
    policy: { parts: policy.parts.map(overhear) },
    takeOrigins: () => {
      const origins = originsOf(last);
      last = undefined;
      return origins;
    },
  };
};

const ask = (asker: PolicyAsker, { handler, args }: Rule): void => {
  if (handler === 'get_queue_config') {
    asker.queueConfig(parseQueueName(String(args[0])));
  } else if (handler === 'get_egress_path_config') {
    const [routing, source, site, hosts] = args as [string, string, string, readonly string[]];
    asker.pathConfig(routing, source, site, hosts);
  } else if (handler === 'get_egress_pool') asker.pool(String(args[0]));
  else asker.source(String(args[0]), true);
};

/** Finds where the option of a rule was written: the file and key, else the handler's place. */
export const createOriginFinder = (
  policy: Policy,
  placeOf: (handler: RuleHandler) => string,
): ((rule: Rule) => string) => {
  const heard = overheard(policy);
  const asker = createPolicyAsker(heard.policy, () => {});
  return (rule) => {
    ask(asker, rule);
    const origin = heard.takeOrigins()?.[rule.option];
    return origin ?? `${placeOf(rule.handler)}: ${rule.handler}, or the default`;
  };
};
