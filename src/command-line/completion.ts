import { Argument } from 'commander';
import { complete } from './complete.ts';
import { exitCodes } from './options.ts';
import type { Declare } from './process.ts';
import { type Shell, scripts, shells } from './shells.ts';

export const declareCompletion: Declare = (program, world) => {
  const command = program
    .command('completion')
    .description('print what makes a shell complete tagpin: source <(tagpin completion bash)')
    .addArgument(new Argument('<shell>', 'which one').choices(shells));
  exitCodes(command, { 0: 'printed', 3: 'failed' }).action(async (shell: Shell) => {
    world.context({}).terminal.out(scripts[shell]);
    await world.end(0);
  });

  program
    .command(COMPLETE, { hidden: true })
    .description('what the last word can become, as cobra programs tell it: kubectl asks plugins so')
    .argument('[words...]')
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .passThroughOptions()
    .action(async (words: string[]) => {
      const { candidates, files } = complete(program, words);
      const lines = candidates.map(({ text, description }) => `${text}\t${description}`);
      world
        .context({})
        .terminal.out([...lines, files ? FILES : NO_FILES].map((line) => `${line}\n`).join(''));
      await world.end(0);
    });
};

/** What cobra calls it (spf13/cobra completions.go, `ShellCompRequestCmd`), and so what kubectl's plugins are asked. */
const COMPLETE = '__complete';
/** Cobra's directives `ShellCompDirectiveDefault` and `ShellCompDirectiveNoFileComp`. */
const FILES = ':0';
const NO_FILES = ':4';
