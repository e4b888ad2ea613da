import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Config, loadConfig } from '../../config.ts';
import { CommandFailed, WrongUse } from '../../console/exit.ts';
import { isFolder, writeWhole } from '../../console/write-file.ts';
import { InvalidReference } from '../../image/reference.ts';
import {
  type FieldSpec,
  InvalidFieldSpec,
  parseFieldSpec,
  readFieldSpecs,
} from '../../manifest/field-spec.ts';
import type { FindOptions } from '../../manifest/images.ts';
import { InvalidLock, type Lock, printLock, readLock, Written } from '../../manifest/lock.ts';
import { revisionRules } from '../../pin/settings.ts';
import { codeOf, whyUnreadable } from '../../system-error.ts';
import { outputFolder, type PinOptions } from './options.ts';
import type { Destination } from './output.ts';
import { type Intent, type OpenedFile, type Style, updateOf } from './pinned-file.ts';

/** The settings of one run of `tagpin pin`. */
export interface Setup {
  options: PinOptions;
  config: Config;
  find: FindOptions;
  intent: Intent;
  style: Style;
  destination: Destination;
}

/** @throws WrongUse, InvalidConfig */
export async function setUp(options: PinOptions): Promise<Setup> {
  const config = loadConfig(options.registryConfig);
  const lock = await loadLock(options);
  const folder = outputFolder(options);
  return {
    options,
    config,
    find: { rules: revisionRules(config.pin), fieldSpecs: await loadFieldSpecs(options) },
    intent: {
      mode: options.check ? 'check' : options.unpin ? 'unpin' : 'pin',
      lock,
      written: new Written(lock),
      isUpdated: readUpdate(options),
    },
    style: { keepTag: !options.dropTag, pullPolicy: options.pullPolicy ?? false },
    destination: options.inPlace
      ? { to: 'themselves' }
      : folder === undefined
        ? { to: 'standard output' }
        : { to: 'folder', folder },
  };
}

async function loadLock({ lock: file, frozen, unpin, check }: PinOptions): Promise<Lock> {
  if (file === undefined) return new Map();
  const folder = dirname(file);
  // The folder isn't created, because nobody would find a lock file at a mistyped path.
  if (!isFolder(folder)) {
    throw new WrongUse(`the lock file ${file}: there is no folder ${folder}; create it, or correct the path`);
  }
  const text = await readText(file, 'the lock file');
  if (text !== undefined) {
    try {
      return readLock(text, file);
    } catch (error) {
      if (!(error instanceof InvalidLock)) throw error;
      throw new WrongUse(error.message);
    }
  }
  if (frozen || unpin || check) {
    throw new WrongUse(`the lock file ${file} doesn't exist; write it with tagpin pin --lock ${file}`);
  }
  return new Map();
}

/**
 * Writes a lock file, if the lock has changed.
 *
 * @throws CommandFailed
 */
export function storeLock({ options: { lock: file, frozen }, intent }: Setup, lock: Lock): void {
  if (file === undefined || frozen || intent.mode !== 'pin') return;
  const before = intent.lock;
  const isSame =
    lock.size === before.size && [...lock].every(([image, digest]) => before.get(image) === digest);
  if (isSame && before.size > 0) return;
  try {
    writeWhole(file, printLock(lock));
  } catch (error) {
    throw new CommandFailed(`the lock file ${file} can't be written: ${messageOf(error)}`);
  }
}

async function loadFieldSpecs({ imageField = [], imageFields = [], fieldSpecs: file }: PinOptions) {
  const specs: FieldSpec[] = [...imageFields];
  try {
    specs.push(...imageField.map(parseFieldSpec));
  } catch (error) {
    if (!(error instanceof InvalidFieldSpec)) throw error;
    throw new WrongUse(error.message);
  }
  if (file === undefined) return specs;
  const text = await readText(file, 'the configuration of fields');
  if (text === undefined) throw new WrongUse(`${file} doesn't exist; correct --field-specs`);
  try {
    return [...specs, ...readFieldSpecs(text)];
  } catch (error) {
    if (!(error instanceof InvalidFieldSpec)) throw error;
    throw new WrongUse(`${file}: ${error.message}`);
  }
}

/** Of a lock, of field specs: larger ones would take minutes. */
const LARGEST_BYTES = 16 * 2 ** 20;

/** Undefined for a file that doesn't exist. */
async function readText(file: string, what: string): Promise<string | undefined> {
  try {
    const { size } = await stat(file);
    if (size > LARGEST_BYTES) {
      throw new WrongUse(
        `${what} ${file} has ${Math.ceil(size / 2 ** 20)} MiB, and may have 16; correct the path`,
      );
    }
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof WrongUse) throw error;
    if (codeOf(error) === 'ENOENT') return undefined;
    throw new WrongUse(
      `${what} ${file} can't be read: ${whyUnreadable(error) ?? messageOf(error)}; correct the path`,
    );
  }
}

function readUpdate({ update }: PinOptions): Intent['isUpdated'] {
  try {
    return updateOf(update);
  } catch (error) {
    if (!(error instanceof InvalidReference)) throw error;
    throw new WrongUse(`--update: ${error.message}`);
  }
}

/** @throws WrongUse with the images of `--update` that no manifest has */
export function checkUpdate({ update }: PinOptions, files: readonly OpenedFile[]): void {
  if (!Array.isArray(update)) return;
  const images = files.flatMap(({ plans }) =>
    plans.flatMap((plan) => (plan.action === 'pin' ? [plan.written] : [])),
  );
  const absent = update.filter((image) => !images.some(updateOf([image])));
  if (absent.length === 0) return;
  throw new WrongUse(
    `--update: no manifest has ${absent.join(', ')}; write images as the manifests have them`,
  );
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
