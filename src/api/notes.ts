/**
 * Notes of what operators did where the engine has no event of its own for it, so that the log
 * knows who did it. Knows no routes.
 */
import type { AdminDesk } from './admin-routes.ts';

/** Writes down what was done, to what, by whom and why; settles when that is durable. */
export type NoteAct = (act: string, about: string, by: string, why: string) => Promise<void>;

/** Notes by way of the desk. */
export const noteBy =
  (desk: AdminDesk): NoteAct =>
  async (act, about, by, why) => {
    await desk.command({ kind: 'act.note', act, about, why, by });
  };
