import { Argument } from 'commander';
import { complete } from './complete.ts';
import { type Declare, exitCodes } from './options.ts';

export const declareCompletion: Declare = (program, runtime) => {
  const command = program
    .command('completion')
    .description('print the script for shell completion: source <(tagpin completion bash)')
    .addArgument(new Argument('<shell>', 'the shell').choices(shells));
  exitCodes(command, { 0: 'printed', 3: 'failed' }).action(async (shell: Shell) => {
    runtime.context({}).terminal.out(scripts[shell]);
    await runtime.end(0);
  });

  program
    .command(COMPLETE, { hidden: true })
    .description('completions of the last word, in the format of cobra, which kubectl uses for plugins')
    .argument('[words...]')
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .passThroughOptions()
    .action(async (words: string[]) => {
      const { candidates, files } = complete(program, words);
      const lines = candidates.map(({ text, description }) => `${text}\t${description}`);
      runtime
        .context({})
        .terminal.out([...lines, files ? FILES : NO_FILES].map((line) => `${line}\n`).join(''));
      await runtime.end(0);
    });
};

/** Cobra's name for it (spf13/cobra completions.go, `ShellCompRequestCmd`), which kubectl uses for plugins. */
const COMPLETE = '__complete';
/** Cobra's directives `ShellCompDirectiveDefault` and `ShellCompDirectiveNoFileComp`. */
const FILES = ':0';
const NO_FILES = ':4';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/*
 * Each script calls `tagpin __complete` with the words so far. It prints a line for each completion, with a tab before
 * the description, and finally :0 if the shell should complete files, else :4.
 */

/** For bash 3.2 too, which macOS has. To bash, = is a word of its own. */
const bash = `# source <(tagpin completion bash)
_tagpin() {
  local word line directive=:4
  local -a words=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD}"; do
    [[ $word == '=' ]] || words+=("$word")
  done
  [[ \${COMP_WORDS[COMP_CWORD]} == '=' ]] && words+=('')
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :*) directive=$line ;;
      *) COMPREPLY+=("\${line%%$'\\t'*}") ;;
    esac
  done < <("\${COMP_WORDS[0]}" __complete "\${words[@]}" 2>/dev/null)
  if [[ $directive == :0 ]]; then compopt -o default 2>/dev/null; fi
}
complete -F _tagpin tagpin kubectl-tagpin
`;

const zsh = `#compdef tagpin kubectl-tagpin
# source <(tagpin completion zsh), after compinit
_tagpin() {
  local line directive=:4 tab=$'\\t'
  local -a candidates
  while IFS= read -r line; do
    case $line in
      :*) directive=$line ;;
      *) candidates+=("\${\${line%%$tab*}//:/\\\\:}:\${line#*$tab}") ;;
    esac
  done < <($words[1] __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if [[ $directive == :0 ]]; then _files; else _describe tagpin candidates; fi
}
compdef _tagpin tagpin kubectl-tagpin
`;

const fish = `# tagpin completion fish | source
function __tagpin_complete
  set -l words (commandline -opc) "$(commandline -ct)"
  set -l lines ($words[1] __complete $words[2..-1] 2>/dev/null)
  if test "$lines[-1]" = :0
    __fish_complete_path "$(commandline -ct)"
  else
    printf '%s\\n' $lines[1..-2]
  end
end
complete -c tagpin -f -a '(__tagpin_complete)'
complete -c kubectl-tagpin -f -a '(__tagpin_complete)'
`;

export const scripts: Readonly<Record<Shell, string>> = { bash, zsh, fish };
