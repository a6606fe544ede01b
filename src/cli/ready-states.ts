/**
 * Asks what holds ready queues up, for the few that are shown: in requests of bounded length, so
 * that neither side lists what nobody looks at. Knows no command.
 */
import type { DaemonClient } from './client.ts';

/** Names in the query of one request, characters; a request head holds 16 KiB. */
const NAMES_CHARS_MAX = 4_000;
/** Ready queues asked about at most; who shows more has no use for their states. */
const NAMES_MAX = 1_000;

interface Said {
  readonly states_by_ready_queue: Readonly<
    Record<string, Readonly<Record<string, { readonly context: string; readonly since: string }>>>
  >;
}

/** Sentences by the name of the ready queue; those that nothing holds are absent. */
export const askStates = async (
  client: DaemonClient,
  names: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> => {
  const found = new Map<string, readonly string[]>();
  for (const group of groupsOf(names.slice(0, NAMES_MAX))) {
    const said = await client.get<Said>('/api/admin/ready-q-states/v1', {
      queues: group.join(','),
    });
    for (const [name, states] of Object.entries(said.states_by_ready_queue)) {
      const sentences = Object.values(states).map(({ context }) => context);
      if (sentences.length > 0) found.set(name, sentences);
    }
  }
  return found;
};

function* groupsOf(names: readonly string[]): Generator<readonly string[]> {
  let group: string[] = [];
  let chars = 0;
  for (const name of names) {
    // Percent-encoded it is three times as long at worst.
    if (chars + 3 * name.length > NAMES_CHARS_MAX && group.length > 0) {
      yield group;
      group = [];
      chars = 0;
    }
    group.push(name);
    chars += 3 * name.length;
  }
  if (group.length > 0) yield group;
}
