/**
 * The engine as the routes for operators see it: wishes and questions in, answers as promises.
 * Knows no HTTP and decides nothing.
 */
import type { AdminDesk } from '../api/admin-routes.ts';
import type { LookDesk } from '../api/inspect-routes.ts';
import type { KeptDesk } from '../api/kept-routes.ts';
import type { Engine } from '../engine.ts';

/** The desk over a running engine. */
export const adminDesk = (engine: Engine): AdminDesk => ({
  allocateId: () => engine.allocateRuleId(),
  command: (command) =>
    new Promise((resolve) => engine.command(command, (refusal) => resolve(refusal?.text))),
  listRules: () =>
    new Promise((resolve) => engine.listRules((rules, at) => resolve({ rules, at }))),
  count: (criteria) => new Promise((resolve) => engine.inspect.count(criteria, resolve)),
});

/** What operators look at. */
export const lookDesk = ({ inspect }: Pick<Engine, 'inspect'>): LookDesk & KeptDesk => ({
  now: () => inspect.now(),
  message: (id, wantsBody) => new Promise((resolve) => inspect.message(id, wantsBody, resolve)),
  queue: (name, max, wantsBody) =>
    new Promise((resolve) => inspect.queue(name, { max, wantsBody }, resolve)),
  ready: (name, wantsQueues) => inspect.ready(name, wantsQueues),
  states: (names) => new Promise((resolve) => inspect.states(names, resolve)),
  path: (domain, source) => new Promise((resolve) => inspect.path({ domain, source }, resolve)),
  top: (by, max, prefix) => new Promise((resolve) => inspect.top({ by, max, prefix }, resolve)),
  sources: () => inspect.sources(),
  rates: () => inspect.rates(),
});
