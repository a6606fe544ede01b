/**
 * The JSON Schemas of the operator's data files, drawn from the kinds that check those files, and
 * the documents of the public log record.
 * The one idea: there is no second description of a file that could fall behind the first.
 * Deliberately unknown here: where the schemas are written.
 */
import { schemaDocument } from '../../src/domain/option-schema.ts';
import type { Kind } from '../../src/domain/options.ts';
import { CLASSIFIER_FILE } from '../../src/policy/bounce-rules.ts';
import { DKIM_FILE } from '../../src/policy/helpers/dkim-file.ts';
import { LISTENER_DOMAINS_FILE } from '../../src/policy/helpers/listener-domains.ts';
import { LOG_HOOKS_FILE } from '../../src/policy/helpers/log-hook-file.ts';
import { QUEUES_FILE } from '../../src/policy/helpers/queue-file.ts';
import { SHAPING_FILE } from '../../src/policy/helpers/shaping-file.ts';
import { SOURCES_FILE } from '../../src/policy/helpers/sources.ts';
import { recordApi, recordSchema } from './record.ts';

/** The kinds of data files by the name of their schema. */
export const DATA_FILES: Readonly<Record<string, Kind<unknown>>> = {
  sources: SOURCES_FILE,
  queues: QUEUES_FILE,
  shaping: SHAPING_FILE,
  'listener-domains': LISTENER_DOMAINS_FILE,
  dkim: DKIM_FILE,
  'log-hooks': LOG_HOOKS_FILE,
  'bounce-classifier': CLASSIFIER_FILE,
};

/** The text of every schema file, by its name. */
export const drawSchemas = (): ReadonlyMap<string, string> =>
  new Map([
    ...Object.entries(DATA_FILES).map(([name, kind]) => {
      const schema = schemaDocument(`Waybill: ${name} file`, kind.schema ?? {});
      return [`${name}.schema.json`, print(schema)] as const;
    }),
    ['log-record.schema.json', print(recordSchema())],
    ['log-record.asyncapi.json', print(recordApi())],
  ]);

const print = (document: object): string => `${JSON.stringify(document, null, 1)}\n`;
