/**
 * Completion for zsh, generated from the tree of commands, with what each command and option does.
 * Knows no command.
 */
import { quoted } from './completion-bash.ts';
import type { CommandNode, OptionNode } from './completion-tree.ts';
import { walkTree } from './completion-tree.ts';

/** `name:what it does`, as _describe wants it. */
const entry = (name: string, says: string): string =>
  quoted(`${name.replaceAll(':', '\\:')}:${says.split('\n')[0]}`);

const list = (entries: readonly string[]): string => `(${entries.join(' ')})`;

const valueCases = (nodes: readonly CommandNode[]): string[] =>
  nodes.flatMap(({ at, options }) =>
    options.flatMap(({ names, takesValue, choices, isFile }) => {
      if (!takesValue) return [];
      const cases = names.map((name) => quoted(`${at} ${name}`)).join('|');
      const offer =
        choices.length > 0
          ? `compadd -- ${choices.map(quoted).join(' ')}`
          : isFile
            ? '_files'
            : "_message 'a value'";
      return [`    ${cases}) ${offer}; return ;;`];
    }),
  );

const optionEntries = (options: readonly OptionNode[]): string[] =>
  options.flatMap(({ names, says }) => names.map((name) => entry(name, says)));

const placeCases = (nodes: readonly CommandNode[]): string[] =>
  nodes.map(({ at, options, inner, choices, takesFiles }) => {
    const next = [
      ...inner.map(({ name, says }) => entry(name, says)),
      ...choices.map((choice) => entry(choice, '')),
    ];
    return `    ${quoted(at)})
      options=${list(optionEntries(options))}
      following=${list(next)}
      files=${takesFiles ? 1 : 0} ;;`;
  });

/** The script. */
export const zshCompletion = (tree: CommandNode): string => {
  const nodes = [...walkTree(tree)];
  const known = nodes.filter(({ at }) => at !== '').map(({ at }) => quoted(at));
  return `#compdef waybill
# Completion of waybill for zsh. Use it with: source <(waybill completion zsh), after compinit
_waybill() {
  local at='' i files=0
  local -a options following
  for ((i = 2; i < CURRENT; i++)); do
    case "$at/\${words[i]}" in
      ${known.join('|')}) at="$at/\${words[i]}" ;;
    esac
  done
  case "$at \${words[CURRENT-1]}" in
${valueCases(nodes).join('\n')}
  esac
  case "$at" in
${placeCases(nodes).join('\n')}
  esac
  if [[ "\${words[CURRENT]}" == -* ]]; then
    _describe -o 'option' options
  elif (( \${#following} > 0 )); then
    _describe 'command' following
  elif (( files )); then
    _files
  fi
}
if [[ "\${funcstack[1]}" == _waybill ]]; then _waybill "$@"; else compdef _waybill waybill; fi
`;
};
