/**
 * `waybill inject`: sends a message from a file, or one made of options, to recipients by the HTTP
 * injection API, in requests of bounded size. Knows no MIME: the daemon makes messages of parts.
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import process from 'node:process';
import { Command, InvalidArgumentError, Option } from 'commander';
import { collect, parseCount } from './arguments.ts';
import { openClient } from './client.ts';
import type { EndpointFlags } from './endpoint.ts';
import { endpointHelp, withEndpoint } from './endpoint.ts';
import { answer } from './table.ts';
import {
  CommandFailure,
  count,
  counted,
  EXIT,
  explain,
  harmless,
  remark,
  startProgress,
} from './terminal.ts';

type Values = Readonly<Record<string, string>>;

interface Flags extends EndpointFlags {
  readonly from: string;
  readonly to?: readonly string[];
  readonly toFile?: string;
  readonly subject?: string;
  readonly text?: string;
  readonly html?: string;
  readonly header?: Values;
  readonly attach?: readonly string[];
  readonly set?: Values;
  readonly template: 'Static' | 'Jinja' | 'Handlebars';
  readonly deferredGeneration?: boolean;
  readonly batch: number;
}

interface Injected {
  readonly success_count: number;
  readonly fail_count: number;
  readonly failed_recipients: readonly string[];
  readonly errors: readonly string[];
  /** None from a daemon that does not know the question. */
  readonly ids?: readonly { readonly recipient: string; readonly id: string }[];
}

/** Recipients of one request. */
const BATCH = 500;
/** Messages, and refused recipients, that are named one by one. */
const NAMED_MAX = 20;

const HELP = `
Each recipient gets a message of its own. FILE is a whole message (header, empty line, text; - is
standard input); without it the message is made of --subject, --text, --html, --header and --attach.
Nothing is filled in unless --template says how; then texts see {{ email }} and what --set sets.
With --to-file, one address a line; requests of --batch recipients go one after the other.
It prints the id of each message (of many the first; --json has all), for journey, why and others.

Examples:
  $ waybill inject --from me@here.example --to you@example.com --subject Hello --text "It works."
  $ waybill inject letter.eml --from news@here.example --to-file addresses.txt
  $ waybill inject --from a@here.example --to b@example.com --subject Bill --text "{{ sum }}" \\
      --template Jinja --set sum=17 --attach bill.pdf
`;

/** The `inject` command. */
export const build = (): Command =>
  withEndpoint(new Command('inject'))
    .description('Sends a message to recipients over HTTP; answers when it is stored durably.')
    .argument('[file]', 'a whole message, or - for standard input')
    .requiredOption('--from <address>', 'envelope sender, and From of a message made of parts')
    .option('--to <address>', 'a recipient (may be repeated)', collect)
    .option('--to-file <file>', 'more recipients, one a line')
    .option('--subject <text>', 'the subject')
    .option('--text <text>', 'the plain text')
    .option('--html <text>', 'the HTML text')
    .option('--header <name:value>', 'another header (may be repeated)', addHeader)
    .option('--attach <file>', 'an attachment (may be repeated)', collect)
    .option('--set <key=value>', 'a value for templates (may be repeated)', addValue)
    .addOption(
      new Option('--template <dialect>', 'how texts are filled in')
        .choices(['Static', 'Jinja', 'Handlebars'])
        .default('Static'),
    )
    .option('--deferred-generation', 'answer before messages are made; they follow by themselves')
    .option('--batch <n>', 'recipients of one request', parseCount, BATCH)
    .addHelpText('after', () => HELP + endpointHelp('a recipient was refused'))
    .action(run);

const pair = (text: string, mark: string, before: Values | undefined): Values => {
  const at = text.indexOf(mark);
  if (at <= 0) throw new InvalidArgumentError(`Expected a name, ${mark} and a value.`);
  return { ...before, [text.slice(0, at).trim()]: text.slice(at + 1).trim() };
};

function addHeader(text: string, before: Values | undefined): Values {
  return pair(text, ':', before);
}

function addValue(text: string, before: Values | undefined): Values {
  return pair(text, '=', before);
}

async function run(file: string | undefined, flags: Flags): Promise<void> {
  const recipients = readRecipients(flags);
  const request = {
    envelope_sender: flags.from === '<>' ? '' : flags.from,
    content: file === undefined ? makeParts(flags) : readWhole(file, flags),
    template_dialect: flags.template,
    ...(flags.set === undefined ? {} : { substitutions: flags.set }),
    ...(flags.deferredGeneration === true ? { deferred_generation: true } : {}),
  };
  const client = openClient(flags);
  const sum = { success_count: 0, fail_count: 0 };
  const failed_recipients: string[] = [];
  const errors: string[] = [];
  const ids: { recipient: string; id: string }[] = [];
  const progress = await startProgress(recipients.length, recipients.length > flags.batch);
  for (let at = 0; at < recipients.length; at += flags.batch) {
    const part = recipients.slice(at, at + flags.batch).map((email) => ({ email }));
    const said = await client
      .post<Injected>('/api/inject/v1', { ...request, recipients: part }, { ids: true })
      .catch((error: Error) => {
        progress.stop();
        if (at > 0) remark(`${count(at)} of ${counted(recipients.length, 'recipient')} are done`);
        throw error;
      });
    sum.success_count += said.success_count;
    sum.fail_count += said.fail_count;
    failed_recipients.push(...said.failed_recipients);
    errors.push(...said.errors);
    ids.push(...(said.ids ?? []));
    progress.show(at + part.length, `${count(sum.fail_count)} refused`);
  }
  progress.stop();
  const injected = { ...sum, failed_recipients, errors, ids };
  const later = flags.deferredGeneration === true ? recipients.length : 0;
  answer(flags.json, injected, () => describe(injected, later));
  if (sum.fail_count > 0) process.exitCode = EXIT.wanting;
}

const describe = (
  { success_count, fail_count, failed_recipients, errors, ids = [] }: Injected,
  later: number,
): string =>
  [
    later > 0
      ? `taken for ${counted(later, 'recipient')}; the messages are made now`
      : `${count(success_count)} injected, ${count(fail_count)} refused`,
    ...named(ids.map(({ recipient, id }) => `${id}  ${harmless(recipient)}`)),
    ...named(
      failed_recipients.map((one, at) => `${harmless(one)}: ${harmless(errors[at] ?? 'refused')}`),
    ),
  ].join('\n');

const named = (lines: readonly string[]): string[] => [
  ...lines.slice(0, NAMED_MAX).map((line) => `  ${line}`),
  ...(lines.length > NAMED_MAX ? ['  … (--json has all of them)'] : []),
];

const read = (file: string, encoding: 'utf8' | 'base64'): string => {
  try {
    return readFileSync(file === '-' ? 0 : file, encoding);
  } catch (error) {
    throw new CommandFailure(`cannot read ${file}: ${explain(error)}.`);
  }
};

const readRecipients = ({ to = [], toFile }: Flags): readonly string[] => {
  const more = toFile === undefined ? [] : read(toFile, 'utf8').split(/\r?\n/);
  const all = [...to, ...more].map((one) => one.trim()).filter((one) => one !== '');
  if (all.length > 0) return all;
  throw new CommandFailure('to whom? Give --to ADDRESS or --to-file FILE.', EXIT.usage);
};

const PARTS = ['subject', 'text', 'html', 'header', 'attach'] as const;

const readWhole = (file: string, flags: Flags): string => {
  const part = PARTS.find((one) => flags[one] !== undefined);
  if (part === undefined) return read(file, 'utf8');
  throw new CommandFailure(`--${part} is for a message without FILE: FILE is whole.`, EXIT.usage);
};

const makeParts = ({ from, subject, text, html, header, attach = [] }: Flags): object => {
  if (text === undefined && html === undefined) {
    throw new CommandFailure('which message? Give FILE, --text or --html.', EXIT.usage);
  }
  return {
    ...(from === '<>' || from === '' ? {} : { from: { email: from } }),
    ...(subject === undefined ? {} : { subject }),
    ...(text === undefined ? {} : { text_body: text }),
    ...(html === undefined ? {} : { html_body: html }),
    ...(header === undefined ? {} : { headers: header }),
    ...(attach.length === 0 ? {} : { attachments: attach.map(readAttachment) }),
  };
};

/** Types of files by their names; what is none of them is of no known type. */
const TYPES: Readonly<Record<string, string>> = {
  txt: 'text/plain',
  html: 'text/html',
  csv: 'text/csv',
  pdf: 'application/pdf',
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  json: 'application/json',
  zip: 'application/zip',
};

const readAttachment = (file: string): object => ({
  data: read(file, 'base64'),
  base64: true,
  file_name: basename(file),
  content_type: TYPES[file.split('.').at(-1)?.toLowerCase() ?? ''] ?? 'application/octet-stream',
});
