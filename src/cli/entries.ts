/**
 * What the commands about entries with an id and an end share: the duration, the criteria as text,
 * the command that takes an entry back. Knows no kind of entry.
 */
import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import { parseDuration } from '../domain/duration.ts';
import { OptionValueError } from '../domain/option-error.ts';
import { openClient } from './client.ts';
import type { EndpointFlags } from './endpoint.ts';
import { endpointHelp, withEndpoint } from './endpoint.ts';
import { formatSpan } from './span.ts';
import { answer } from './table.ts';

// The daemon reads it again; here a mistake is found before anybody is asked anything.
const readDuration = (text: string): string => {
  const value = /^\d+(\.\d+)?$/.test(text) ? `${text}s` : text;
  try {
    parseDuration(value);
    return value;
  } catch (error) {
    if (error instanceof OptionValueError) throw new InvalidArgumentError(`${error.message}.`);
    throw error;
  }
};

/** What the daemon takes where no duration is given. */
const DURATION_DEFAULT = '5m';

/** How long an entry holds. */
export const durationOption = (): Option =>
  new Option(
    '--duration <span>',
    `how long, as 90s, 2h or "1h 30m" (default: ${DURATION_DEFAULT})`,
  ).argParser(readDuration);

/** When an entry that was placed just now ends, and how it would end later. */
export const tellEnd = (duration: string | undefined): string => {
  const span = formatSpan(parseDuration(duration ?? DURATION_DEFAULT));
  return duration === undefined ? `ends in ${span}; give --duration for longer` : `ends in ${span}`;
};

const CRITERIA = ['campaign', 'tenant', 'domain', 'routing_domain', 'queue_names'] as const;

/** The criteria of an entry, as one text. */
export const formatCriteria = (entry: object): string => {
  const fields = entry as Readonly<Record<string, unknown>>;
  const said = CRITERIA.flatMap((key) => {
    const value = fields[key] ?? [];
    const values = Array.isArray(value) ? value : [value];
    return values.length === 0 ? [] : [`${key}=${values.join(',')}`];
  });
  return said.length === 0 ? 'everything' : said.join(', ');
};

/** The command that takes an entry back by its id. */
export const buildRemoval = (command: Command, path: string, says: string): Command =>
  withEndpoint(command)
    .description(says)
    .requiredOption('--id <uuid>', 'id of the entry')
    .addHelpText('after', () => {
      const line = `$ waybill ${command.name()} --id 0b6c1f0e-8a0b-4b6e-9c3f-2d8f1c1f7a55`;
      return `\nExample:\n  ${line}\n${endpointHelp()}`;
    })
    .action(async (flags: EndpointFlags & { readonly id: string }) => {
      const { id } = flags;
      const said = await openClient(flags).remove<string>(path, { id });
      answer(flags.json, { id, said }, () => said || 'OK');
    });
