/**
 * Proves that log hooks could start, without starting them: their templates compile, and what the
 * policy says of their queues and paths can be read. Whether a receiver is there is not asked: a
 * hook must start while its receiver is away.
 */
import { createHookAsker } from '../policy/ask-hook.ts';
import type { Gatherer, Validated } from '../policy/validate.ts';
import { compileTemplates, TemplateError } from '../projections/templates.ts';

/** Refuses log hooks that could not start. */
export const checkHooks = async (validated: Validated, found: Gatherer): Promise<void> => {
  const { policy, setup, findPlace } = validated;
  const hooks = setup.logHooks.filter(({ sink }) => sink.kind !== 'files');
  const asker = createHookAsker(
    policy,
    hooks.map(({ name }) => name),
    {
      findPlace,
      onFault: ({ sentence }) => found.addRefusal(sentence),
    },
  );
  for (const { name } of hooks) asker.shapeOf(name);
  for (const { name, templates, sink } of setup.logHooks) {
    try {
      (await compileTemplates(templates)).free();
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      const call = sink.kind === 'files' ? 'localLogs' : 'logHook';
      const where = `setup.${call} '${name}': per_record.${error.recordType}.template`;
      found.refuse(where, error.problem, 'correct the template');
    }
  }
};
