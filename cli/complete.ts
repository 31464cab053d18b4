// What the shell may offer next on a command line: commands, options, and the names of desktops, sites and hosts. Pure but for `names`.
import type { Command } from 'commander';
import { FILTER_FIELDS } from './filters.js';

/** What arguments stand for, by their names in the program. */
type NameKind = 'desktop' | 'site' | 'place' | 'host';

/** Asks the loop for names of a kind. */
type Names = (kind: NameKind) => Promise<readonly string[]>;

const KINDS: Readonly<Record<string, NameKind>> = {
  desktop: 'desktop',
  site: 'site',
  place: 'place',
  host: 'host',
  what: 'desktop',
};

/** Give what may stand in the place of the last of `words` (`vmshadow` itself left out); those that begin with it. */
export async function complete(program: Command, words: readonly string[], names: Names): Promise<string[]> {
  const current = words.at(-1) ?? '';
  let command = program;
  let given = 0;
  let option: string | undefined;
  for (const word of words.slice(0, -1)) {
    if (option !== undefined) option = undefined;
    else if (word.startsWith('-'))
      option = command.options.find((o) => (o.long === word || o.short === word) && o.required)?.long;
    else {
      const sub = given === 0 ? command.commands.find((c) => c.name() === word) : undefined;
      if (sub === undefined) given++;
      else command = sub;
    }
  }
  const offered = await offer(command, { current, given, option }, names);
  return [...new Set(offered)].filter((text) => text.startsWith(current)).sort();
}

async function offer(
  command: Command,
  at: { current: string; given: number; option: string | undefined },
  names: Names,
): Promise<readonly string[]> {
  if (at.option !== undefined) {
    const kind = KINDS[at.option.slice(2)];
    return kind === undefined ? [] : names(kind);
  }
  if (at.current.startsWith('-')) return ['--help', ...command.options.flatMap((o) => o.long ?? [])];
  const argument = command.registeredArguments[Math.min(at.given, command.registeredArguments.length - 1)];
  const subs = at.given === 0 ? visible(command) : [];
  if (argument === undefined || (at.given >= command.registeredArguments.length && !argument.variadic))
    return subs;
  if (argument.name() === 'filters') return [...subs, ...FILTER_FIELDS.map((field) => `${field}:`)];
  const kind = KINDS[argument.name()];
  return kind === undefined ? subs : [...subs, ...(await names(kind))];
}

/** Names of the commands that the help shows. */
function visible(command: Command): string[] {
  const help = command.createHelp();
  return help.visibleCommands(command).map((c) => c.name());
}

/** Scripts that ask `vmshadow __complete WORDS...`, and offer file names where it offers nothing. */
export const COMPLETION_SCRIPTS = {
  bash: `_vmshadow() {
  local IFS=$'\\n'
  COMPREPLY=($(vmshadow __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
  [[ \${COMPREPLY[0]-} == *: ]] && compopt -o nospace
}
# A colon does not divide words here: filters have one.
COMP_WORDBREAKS=\${COMP_WORDBREAKS//:}
complete -o default -F _vmshadow vmshadow`,
  zsh: `#compdef vmshadow
_vmshadow() {
  local -a offered
  offered=("\${(@f)$(vmshadow __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "$offered[1]" ]]; then compadd -- "\${offered[@]}"; else _files; fi
}
compdef _vmshadow vmshadow`,
  fish: `function __vmshadow_complete
  set -l words (commandline -opc) (commandline -ct)
  vmshadow __complete -- $words[2..-1] 2>/dev/null
end
complete -c vmshadow -a '(__vmshadow_complete)'`,
} as const;
