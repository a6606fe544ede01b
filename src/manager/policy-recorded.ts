/**
 * A version is asked the questions that the log recorded, one after the other in its order, so that
 * what a handler remembers of itself grows as it did then. Comparing is not known here.
 */
import type { RareHandler } from '../domain/policy-asker.ts';
import { parseQueueName } from '../domain/queue-name.ts';
import { RECEPTION_HANDLERS } from '../domain/reception-asker.ts';
import { createPolicyAsker } from '../policy/ask.ts';
import type { LoadedVersion } from '../policy/load-version.ts';
import { overheard } from '../policy/overhear.ts';
import type { EffectiveAnswer, RecordedQuestion, Replayed } from './policy-jobs.ts';

const FAULTS_MAX = 100;

const UNRECORDED: readonly RareHandler[] = [
  'throttle_insert_ready_queue',
  'requeue_message',
  'rebind_message',
  'get_listener_domain',
];

/** Asks a loaded version. */
export const askRecorded = (
  { policy, findPlace }: LoadedVersion,
  questions: readonly RecordedQuestion[],
): Replayed => {
  const heard = overheard(policy);
  const faults: string[] = [];
  const onFault = ({ sentence }: { readonly sentence: string }): void => {
    if (faults.length < FAULTS_MAX) faults.push(sentence);
  };
  const asker = createPolicyAsker(heard.policy, onFault, findPlace);
  const texts = new Map<string, string>();
  const ask = (question: RecordedQuestion) => {
    switch (question.kind) {
      case 'queue':
        return asker.queueConfig(parseQueueName(question.name));
      case 'pool':
        return asker.pool(question.name);
      case 'source': {
        const answer = asker.source(question.name, true);
        return answer === 'unknown' ? undefined : answer;
      }
      case 'path': {
        const { domain, source, site, hosts } = question;
        return asker.pathConfig(domain, source, site, Object.freeze([...hosts]));
      }
    }
  };
  const answers = questions.map((question): EffectiveAnswer | undefined => {
    const answer = ask(question);
    const origins = heard.takeOrigins();
    if (answer === undefined) return undefined;
    texts.set(answer.key, answer.text);
    return origins === undefined ? { key: answer.key } : { key: answer.key, origins };
  });
  const unrecorded = [
    ...UNRECORDED.filter((handler) => asker.hears(handler)),
    ...RECEPTION_HANDLERS.filter((handler) => asker.reception?.hears(handler)),
  ];
  return { answers, texts, faults, unrecorded };
};
