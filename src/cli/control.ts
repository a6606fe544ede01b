/**
 * Asks the manager of a data directory over its control socket, for the commands that can do
 * without HTTP. Whatever is in the way is a sentence and an exit code. Knows no question.
 */
import { existsSync } from 'node:fs';
import { DATA_DEFAULT } from '../manager/arguments.ts';
import { askManager, NoManager } from '../manager/control-client.ts';
import { findControlPath } from '../manager/control-path.ts';
import type { ControlRequest } from '../manager/messages.ts';
import type { EndpointFlags } from './endpoint.ts';
import { findSaid } from './endpoint.ts';
import { CommandFailure, DaemonRefusal } from './terminal.ts';

/** Asks; a refusal of the daemon is a DaemonRefusal. */
export const askControl = (
  dir: string,
  question: Omit<ControlRequest, 'id'>,
  answerMsMax?: number,
): Promise<Readonly<Record<string, unknown>>> =>
  askManager(dir, question, answerMsMax).catch((error: Error) => {
    if (error instanceof NoManager) throw new CommandFailure(error.message);
    throw new DaemonRefusal(error.message);
  });

/** The data directory whose manager is meant; undefined: an HTTP listener is meant. */
export const findControlDir = ({ endpoint, data }: EndpointFlags): string | undefined => {
  if (endpoint !== undefined) return undefined;
  if (data !== undefined) return data;
  const path = findSaid() !== undefined ? undefined : findControlPath(DATA_DEFAULT);
  return path !== undefined && existsSync(path) ? DATA_DEFAULT : undefined;
};
