/** Numbers that look random, and are the same for a seed (mulberry32). */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** From 0 to below 1. */
  #next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** Whether something happens that happens once in so many times. */
  onceIn(times: number): boolean {
    return this.#next() * times < 1;
  }

  one<T>(...choices: readonly [T, ...T[]]): T {
    return choices[Math.floor(this.#next() * choices.length)] ?? choices[0];
  }

  count(most: number): number {
    return Math.floor(this.#next() * (most + 1));
  }
}

/** A file as people and programs write them, with any of the oddities that kubectl takes, and a few that it refuses. */
export function oddManifest(seed: number): string {
  const dice = new Dice(seed);
  if (dice.onceIn(8)) return jsonStream(dice);
  const documents = Array.from({ length: 1 + dice.count(3) }, () => document(dice));
  const separator = () =>
    dice.one(
      '---\n',
      '---\n',
      '--- # next\n',
      '---\n\uFEFF',
      '---  \n',
      '\uFEFF---\n',
      '---\n# empty\n---\n',
    );
  const start = dice.one('', '', '---\n', '\uFEFF', '# a file\n', '\n\n', '# a file\n---\n');
  let text = start + documents.reduce((all, next) => all + separator() + next);
  if (dice.onceIn(6)) text = text.replace(/\n$/, '');
  if (dice.onceIn(6)) return text.replaceAll('\n', '\r\n');
  return text;
}

function jsonStream(dice: Dice): string {
  const space = dice.one<string | number | undefined>(undefined, 2, '\t');
  const objects = Array.from({ length: 1 + dice.count(3) }, () =>
    JSON.stringify(object(dice), undefined, space),
  );
  return objects.join(dice.one('', '\n', '\n\n', '\n---\n', ' '));
}

type Value = string | number | boolean | null | Value[] | { [key: string]: Value };

const image = (dice: Dice) =>
  `${dice.one('nginx', 'team/web', 'registry.example.com:5000/team/web', 'localhost/a')}${dice.one(':1.27', ':latest', '', ':v1', ':1')}`;

function podSpec(dice: Dice): Value {
  const container = (name: string): Value => ({
    name,
    ...(dice.onceIn(12) ? {} : { image: image(dice) }),
    ...(dice.onceIn(2) ? { args: ['a: b', '# no comment', '{', 'image: no:1'] } : {}),
    ...(dice.onceIn(4) ? { env: [{ name: 'A', value: 'one\ntwo\n  three\n' }] } : {}),
    ...(dice.onceIn(5) ? { imagePullPolicy: 'Always' } : {}),
  });
  const containers = Array.from({ length: 1 + dice.count(2) }, (_, index) => container(`c${index}`));
  return {
    containers,
    ...(dice.onceIn(3) ? { initContainers: [container('init')] } : {}),
    ...(dice.onceIn(5) ? { volumes: [{ name: 'v', image: { reference: image(dice) } }] } : {}),
    ...(dice.onceIn(6) ? { hostPID: true } : {}),
    ...(dice.onceIn(6) ? { nodeSelector: {} } : {}),
    ...(dice.onceIn(8) ? { tolerations: null } : {}),
  };
}

function object(dice: Dice, depth = 0): Value {
  const metadata: Value = {
    name: `o${dice.count(999)}`,
    ...(dice.onceIn(2) ? { labels: { app: 'web', version: dice.one<Value>(null, '1', 'on the\nfly') } } : {}),
    ...(dice.onceIn(2)
      ? { annotations: { note: dice.one<Value>('---', 'a "quoted" text', 'x: y', null) } }
      : {}),
  };
  const kind = dice.one('Pod', 'Deployment', 'CronJob', 'ConfigMap', 'List', 'DaemonSet');
  switch (kind) {
    case 'Pod':
      return { apiVersion: 'v1', kind, metadata, spec: podSpec(dice) };
    case 'CronJob':
      return {
        apiVersion: 'batch/v1',
        kind,
        metadata,
        spec: { jobTemplate: { spec: { template: { spec: podSpec(dice) } } } },
      };
    case 'ConfigMap':
      return { apiVersion: 'v1', kind, metadata, data: { 'a.yaml': 'image: no:1\n---\nkind: Pod\n' } };
    case 'List':
      return depth > 1
        ? { apiVersion: 'v1', kind: 'ConfigMap', metadata }
        : {
            apiVersion: 'v1',
            kind,
            items: Array.from({ length: 1 + dice.count(2) }, () => object(dice, depth + 1)),
          };
    default:
      return {
        apiVersion: 'apps/v1',
        kind,
        metadata,
        spec: { template: { metadata: { labels: { app: 'web' } }, spec: podSpec(dice) } },
      };
  }
}

/** A line that has an image alone. */
const LINE = /^( +)image: ([^\s,{}"'#|>*&!]+)$/m;
const mutations: readonly { onceIn: number; mutate: (text: string) => string }[] = [
  { onceIn: 8, mutate: (text) => text.replace(LINE, '$& # a comment') },
  // Of a key that occurs twice, the last counts.
  { onceIn: 6, mutate: (text) => text.replace(LINE, '$1image: first:1\n$&') },
  { onceIn: 6, mutate: (text) => text.replace(LINE, '$&\n$1image: last:1') },
  { onceIn: 8, mutate: (text) => text.replace(LINE, '$1? image\n$1: asked:1') },
  { onceIn: 8, mutate: (text) => `x-base: &base {image: "base:1"}\n${text.replace(LINE, '$1<<: *base')}` },
  { onceIn: 8, mutate: (text) => `x-base: &base\n  image: base:1\n${text.replace(LINE, '$&\n$1<<: *base')}` },
  {
    onceIn: 8,
    mutate: (text) => `x-base: &base\n  image: base:1\n${text.replace(LINE, '$1<<: [*base]\n$&')}`,
  },
  { onceIn: 8, mutate: (text) => `x-image: &image anchored:1\n${text.replace(LINE, '$1image: *image')}` },
  { onceIn: 60, mutate: (text) => text.replace(LINE, '$1image: team/web:') },
  { onceIn: 60, mutate: (text) => text.replace(/^ {2}(?=\S)/m, '\t') },
];

function document(dice: Dice): string {
  const plain = write(dice, object(dice), 0, false).replace(/^\n/, '');
  const text = mutations.reduce(
    (all, { onceIn, mutate }) => (dice.onceIn(onceIn) ? mutate(all) : all),
    plain,
  );
  return text.endsWith('\n') ? text : `${text}\n`;
}

/** Writes a value behind a key or a dash, in some layout. */
function write(dice: Dice, value: Value, indent: number, isBehindKey: boolean): string {
  const pad = ' '.repeat(indent);
  const isEmpty = typeof value === 'object' && value !== null && Object.keys(value).length === 0;
  if (value === null) return isBehindKey ? dice.one(' null', ' ~', '', ' ') : 'null';
  if (isEmpty) return Array.isArray(value) ? ' []' : ' {}';
  if (typeof value === 'string') return ` ${text(dice, value, indent)}`;
  if (typeof value !== 'object') return ` ${value}`;
  if (isBehindKey && dice.onceIn(9)) return ` ${flow(dice, value)}`;
  const step = dice.one(2, 2, 4, 1);
  if (Array.isArray(value)) {
    const level = isBehindKey && dice.onceIn(2) ? indent : indent + step;
    const dash = ' '.repeat(level);
    return value
      .map((item) => {
        const written = write(dice, item, level + 2, false);
        return `\n${dash}-${/^\n/.test(written) ? ` ${written.slice(level + 3)}` : written.startsWith(' ') ? written : ` ${written}`}`;
      })
      .join('');
  }
  const below = isBehindKey ? indent + step : indent;
  const margin = isBehindKey ? ' '.repeat(below) : pad;
  return Object.entries(value)
    .map(([key, child]) => {
      const name = dice.onceIn(12) ? JSON.stringify(key) : key;
      return `\n${margin}${name}:${write(dice, child, below, true)}${dice.onceIn(25) ? ' # note' : ''}`.replace(
        /([|>][-+]?\d?\n[\s\S]*) # note$/,
        '$1',
      );
    })
    .join('');
}

function text(dice: Dice, value: string, indent: number): string {
  const pad = ' '.repeat(indent + 2);
  if (value.includes('\n')) {
    if (dice.onceIn(3)) return JSON.stringify(value);
    const end = value.endsWith('\n') ? '' : '-';
    return `|${end}\n${value
      .replace(/\n$/, '')
      .split('\n')
      .map((line) => pad + line)
      .join('\n')}`;
  }
  const isPlain = /^[a-z/][-a-z0-9:./]*$/.test(value) && !value.endsWith(':');
  if (isPlain && dice.onceIn(15)) return `>-\n${pad}${value}`;
  if (isPlain && dice.onceIn(15)) return `\n${pad}${value}`;
  if (isPlain && dice.onceIn(20)) return `!!str ${value}`;
  if (isPlain && !dice.onceIn(4)) return value;
  return dice.onceIn(2) ? `'${value.replaceAll("'", "''")}'` : JSON.stringify(value);
}

/** In brackets, over lines that are indented any way. */
function flow(dice: Dice, value: Value): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const gap = () => dice.one('', ' ', '\n', '\n  ', '\n\t', '\n      ', ' # a comment\n');
  const parts = Array.isArray(value)
    ? value.map((item) => flow(dice, item))
    : Object.entries(value).map(
        ([key, child]) => `${dice.one(key, JSON.stringify(key))}: ${flow(dice, child)}`,
      );
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  return `${open}${parts.map((part) => gap() + part).join(',')}${dice.onceIn(5) ? ',' : ''}${gap()}${close}`;
}
