/**
 * The engine as the routes for operators see it: wishes in, answers when they are durable. Knows no
 * HTTP and decides nothing.
 */
import type { AdminDesk } from '../api/admin-routes.ts';
import type { Engine } from '../engine.ts';

/** The desk over a running engine. */
export const adminDesk = (engine: Engine): AdminDesk => ({
  allocateId: () => engine.allocateRuleId(),
  command: (command) =>
    new Promise((resolve) => engine.command(command, (refusal) => resolve(refusal?.text))),
  listRules: () =>
    new Promise((resolve) => engine.listRules((rules, at) => resolve({ rules, at }))),
});
