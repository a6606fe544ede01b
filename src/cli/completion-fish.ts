/**
 * Completion for fish, generated from the tree of commands, with what each command and option does.
 * Knows no command.
 */
import type { CommandNode, OptionNode } from './completion-tree.ts';
import { walkTree } from './completion-tree.ts';

/** Text as one word of fish. */
const quoted = (text: string): string =>
  `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

const condition = (at: string): string => `-n ${quoted(`__waybill_at ${quoted(at)}`)}`;

const optionLine = (at: string, { names, says, takesValue, choices, isFile }: OptionNode) => {
  const flags = names.map((name) =>
    name.startsWith('--') ? `-l ${quoted(name.slice(2))}` : `-s ${quoted(name.slice(1))}`,
  );
  const offer = choices.length > 0 ? `-x -a ${quoted(choices.join(' '))}` : isFile ? '-r -F' : '-x';
  const value = takesValue ? `${offer} ` : '';
  return `complete -c waybill ${condition(at)} ${flags.join(' ')} ${value}-d ${quoted(says)}`;
};

const linesOf = ({ at, options, inner, choices, takesFiles }: CommandNode): string[] => [
  ...inner.map(
    ({ name, says }) =>
      `complete -c waybill ${condition(at)} -a ${quoted(name)} -d ${quoted(says)}`,
  ),
  ...choices.map((choice) => `complete -c waybill ${condition(at)} -a ${quoted(choice)}`),
  ...(takesFiles ? [`complete -c waybill ${condition(at)} -F`] : []),
  ...options.map((option) => optionLine(at, option)),
];

/** The script. */
export const fishCompletion = (tree: CommandNode): string => {
  const nodes = [...walkTree(tree)];
  const known = nodes.filter(({ at }) => at !== '').map(({ at }) => quoted(at));
  return `# Completion of waybill for fish. Use it with: waybill completion fish | source
function __waybill_at
  set -l at ''
  for word in (commandline -opc)[2..-1]
    if contains -- "$at/$word" ${known.join(' ')}
      set at "$at/$word"
    end
  end
  test "$at" = "$argv[1]"
end
complete -c waybill -f
${nodes.flatMap(linesOf).join('\n')}
`;
};
