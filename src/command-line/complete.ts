import type { Argument, Command, Option } from 'commander';

/** The completions of a word. */
export interface Completions {
  candidates: readonly Candidate[];
  /** Whether the shell should complete paths. */
  files: boolean;
}

export interface Candidate {
  text: string;
  description: string;
}

const nothing: Completions = { candidates: [], files: false };
const aFile: Completions = { candidates: [], files: true };

/**
 * The completions of the last word, by the declarations of the program and its subcommands.
 *
 * @param words after the program's name; the last one may be empty
 */
export function complete(program: Command, words: readonly string[]): Completions {
  const before = words.slice(0, -1);
  const word = words.at(-1) ?? '';
  const { command, pending, positionals, onlyPositionals } = read(program, before);
  if (pending !== undefined) return startingWith(word, valuesOf(pending));
  const [, name, value] = /^(--[^=]+)=(.*)$/s.exec(word) ?? [];
  if (name !== undefined && value !== undefined && !onlyPositionals) {
    const option = optionOf(command, name);
    if (option === undefined || !takesValue(option)) return nothing;
    const { candidates, files } = startingWith(value, valuesOf(option));
    return {
      candidates: candidates.map(({ text, description }) => ({ text: `${name}=${text}`, description })),
      files,
    };
  }
  if (word.startsWith('-') && !onlyPositionals) return startingWith(word, optionsOf(command));
  if (command === program) return startingWith(word, commandsOf(program));
  if (command.name() === 'help') return startingWith(word, commandsOf(program));
  return startingWith(word, valuesOf(argumentAt(command, positionals)));
}

interface ParsedWords {
  command: Command;
  /** The option whose value comes next. */
  pending: Option | undefined;
  positionals: number;
  /** After `--`. */
  onlyPositionals: boolean;
}

function read(program: Command, words: readonly string[]): ParsedWords {
  const place: ParsedWords = { command: program, pending: undefined, positionals: 0, onlyPositionals: false };
  for (const word of words) {
    if (place.pending !== undefined) {
      place.pending = undefined;
    } else if (place.onlyPositionals || !word.startsWith('-') || word === '-') {
      const named = place.command === program && visible(program).find((known) => known.name() === word);
      if (named) place.command = named;
      else place.positionals += 1;
    } else if (word === '--') {
      place.onlyPositionals = true;
    } else {
      const option = optionOf(place.command, word);
      if (option !== undefined && takesValue(option)) place.pending = option;
    }
  }
  return place;
}

const visible = (program: Command) => program.createHelp().visibleCommands(program);
const visibleOptions = (command: Command) => command.createHelp().visibleOptions(command);
const optionOf = (command: Command, flag: string) =>
  visibleOptions(command).find(({ long, short }) => flag === long || flag === short);
const takesValue = ({ required, optional }: Option) => required || optional;

/** The argument at an index; a variadic one takes all that follow. */
function argumentAt({ registeredArguments }: Command, index: number): Argument | undefined {
  const last = registeredArguments.at(-1);
  return registeredArguments[index] ?? (last?.variadic ? last : undefined);
}

function commandsOf(program: Command): Completions {
  const candidates = visible(program).map((command) => ({
    text: command.name(),
    description: command.description(),
  }));
  return { candidates, files: false };
}

function optionsOf(command: Command): Completions {
  const candidates = visibleOptions(command).flatMap(({ long, short, description }) =>
    [long, short].flatMap((flag) => (flag == null ? [] : [{ text: flag, description }])),
  );
  return { candidates, files: false };
}

function valuesOf(of: Option | Argument | undefined): Completions {
  if (of === undefined) return nothing;
  if (of.argChoices !== undefined) {
    return { candidates: of.argChoices.map((text) => ({ text, description: '' })), files: false };
  }
  const placeholder = 'flags' in of ? of.flags : of.name();
  return /\b(file|folder|dir|directory)\b/.test(placeholder.replace(/^.*</, '')) ? aFile : nothing;
}

function startingWith(word: string, { candidates, files }: Completions): Completions {
  return { candidates: candidates.filter(({ text }) => text.startsWith(word)), files };
}
