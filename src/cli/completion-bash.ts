/**
 * Completion for bash, generated from the tree of commands: one function that finds the command by
 * the words before the cursor. Needs no bash-completion package. Knows no command.
 */
import type { CommandNode } from './completion-tree.ts';
import { walkTree } from './completion-tree.ts';

/** Text as one word of a POSIX shell. */
export const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

const words = (list: readonly string[]): string => quoted(list.join(' '));

/** The values of options and arguments: choices, files (left to the shell), or nothing to offer. */
const valueCases = (nodes: readonly CommandNode[]): string[] =>
  nodes.flatMap(({ at, options }) =>
    options
      .filter(({ takesValue }) => takesValue)
      .map(({ names, choices, isFile }) => {
        const cases = names.map((name) => quoted(`${at} ${name}`)).join('|');
        const offer =
          choices.length > 0 ? `COMPREPLY=($(compgen -W ${words(choices)} -- "$cur"))` : ':';
        const files = isFile || choices.length > 0 ? '' : 'compopt +o default; ';
        return `    ${cases}) ${files}${offer}; return ;;`;
      }),
  );

const placeCases = (nodes: readonly CommandNode[]): string[] =>
  nodes.map(({ at, options, inner, choices, takesFiles }) => {
    const names = options.flatMap((option) => option.names);
    const next = [...inner.map(({ name }) => name), ...choices];
    const stop = takesFiles ? '' : ' compopt +o default;';
    return `    ${quoted(at)})${stop} options=${words(names)} next=${words(next)} ;;`;
  });

/** The script. */
export const bashCompletion = (tree: CommandNode): string => {
  const nodes = [...walkTree(tree)];
  const known = nodes.filter(({ at }) => at !== '').map(({ at }) => quoted(at));
  return `# Completion of waybill for bash. Use it with: source <(waybill completion bash)
_waybill() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}"
  local at='' options='' next='' i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at/\${COMP_WORDS[i]}" in
      ${known.join('|')}) at="$at/\${COMP_WORDS[i]}" ;;
    esac
  done
  case "$at $prev" in
${valueCases(nodes).join('\n')}
  esac
  case "$at" in
${placeCases(nodes).join('\n')}
  esac
  if [[ "$cur" == -* ]]; then next="$options"; fi
  COMPREPLY=($(compgen -W "$next" -- "$cur"))
}
complete -o default -F _waybill waybill
`;
};
