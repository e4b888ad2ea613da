import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chromium, openPage, type Tab, withoutBrowser } from '../../support/browser.ts';
import { image } from '../../support/registry/image.ts';
import { type Registry, startRegistry } from '../../support/registry/registry.ts';
import { type AuditCluster, deployment, namespaceObject, node, podOf, startAuditCluster } from './audits.ts';

/** An image nobody could pull, and that a page must not run. */
const HOSTILE = `"><script>document.title='owned'</script><img src=http://127.0.0.1:9/x>`;

let cluster: AuditCluster;
let registry: Registry;
let file: string;
let said: string;

beforeAll(async () => {
  cluster = await startAuditCluster();
  registry = await startRegistry();
  file = join(cluster.folder, 'audit.html');
  cluster.put(node('intel'));
  const modes = ['enforce', 'best-effort', 'audit', 'enforced', undefined, undefined];
  for (const [index, mode] of modes.entries()) {
    const namespace = `${['shop', 'billing', 'search', 'mail', 'data', 'tools'][index]}`;
    cluster.put(namespaceObject(namespace, mode));
    for (const [position, app] of ['api', 'web', 'worker'].slice(0, 3 - (index % 3)).entries()) {
      const repository = `${namespace}/${app}`;
      const tag = (index + position) % 3 === 0 ? 'latest' : '1.4';
      const before = registry.push(repository, tag, image());
      const created = new Date(Date.now() - (index + 1) * 86_400_000).toISOString();
      if (position > 0) registry.push(repository, tag, image({ created }));
      const tagged = `${registry.host}/${repository}:${tag}`;
      const pinned = `${registry.host}/${repository}@${before}`;
      cluster.put(...deployment({ namespace, name: app, image: tagged }));
      for (let number = 0; number <= index + position; number++) {
        const isPinned = index < 2 || (index === 2 && number === 0);
        cluster.put(
          podOf({
            namespace,
            deployment: app,
            name: `${app}-${number}`,
            image: isPinned ? pinned : tagged,
            imageId: pinned,
            node: 'intel',
            pullPolicy: index === 1 ? 'Always' : 'IfNotPresent',
            ...(isPinned && { from: tagged }),
          }),
        );
      }
    }
  }
  cluster.put(podOf({ namespace: 'tools', name: 'hostile', image: HOSTILE }));
  said = (await cluster.print({ html: file })).out;
});
afterAll(async () => {
  await Promise.all([cluster[Symbol.asyncDispose](), registry.close()]);
});

test('the page is one file that loads nothing', () => {
  const page = readFileSync(file, 'utf8');
  expect(page.match(/<link|@import|url\(|src="|href="|<script src|@font-face/g)).toBeNull();
  expect(page).toContain('&lt;script&gt;document.title=&#39;owned&#39;&lt;/script&gt;');
});

test('the tables are printed beside it', () => expect(said).toMatch(/^NAMESPACE +MODE +PODS/m));

if (withoutBrowser !== undefined) test.skip(`the page in a browser: ${withoutBrowser}`, () => undefined);

describe.skipIf(withoutBrowser !== undefined)('in a browser', () => {
  let tab: Tab;
  beforeAll(async () => {
    expect(chromium, 'CI needs chromium').toBeDefined();
    tab = await openPage(file);
  });
  afterAll(async () => tab?.[Symbol.asyncDispose]());

  const rows = (table: number) =>
    `[...document.querySelectorAll('section.table')[${table}].querySelectorAll('tbody tr')]`;
  const column = (table: number, index: number) =>
    tab.evaluate(`${rows(table)}.filter((row) => !row.hidden).map((row) => row.cells[${index}].textContent)`);
  const press = (table: number, heading: string) =>
    tab.evaluate(
      `[...document.querySelectorAll('section.table')[${table}].querySelectorAll('th button')].find((b) => b.textContent === '${heading}').click()`,
    );

  test('there are no network requests, foreign scripts or errors', async () => {
    expect(await tab.evaluate('document.title')).toBe('Images of cluster embedded');
    expect(await tab.evaluate('document.images.length + document.scripts.length')).toBe(1);
    expect(tab.requests.filter((request) => !request.includes(`file://${file}`))).toEqual([]);
    expect(tab.messages).toEqual([]);
  });

  test('an injected script does not run', async () => {
    await tab.evaluate(
      `{ const s = document.createElement('script'); s.textContent = "document.title='owned'"; document.body.append(s); s.remove(); }`,
    );
    expect(await tab.evaluate('document.title')).toBe('Images of cluster embedded');
    tab.messages.length = 0;
  });

  test('a table is sorted by the column that is clicked, numbers by their value, and back', async () => {
    await press(0, 'Pods');
    const ascending = await column(0, 2);
    expect(ascending).toEqual(['3', '5', '6', '7', '11', '15']);
    await press(0, 'Pods');
    expect(await column(0, 2)).toEqual(['15', '11', '7', '6', '5', '3']);
    await press(0, 'Namespace');
    expect(await column(0, 0)).toEqual(['billing', 'data', 'mail', 'search', 'shop', 'tools']);
  });

  test('filters by words and by finding show only matching rows', async () => {
    const filter = (text: string) =>
      tab.evaluate(
        `{ const i = document.querySelectorAll('section.table input')[1]; i.value = '${text}'; i.dispatchEvent(new Event('input')); }`,
      );
    const choose = (text: string) =>
      tab.evaluate(
        `{ const s = document.querySelector('section.table select'); s.value = '${text}'; s.dispatchEvent(new Event('change')); }`,
      );
    await filter('MAIL api');
    expect(await column(1, 0)).toEqual(['mail']);
    await filter('');
    await choose('latest');
    const findings = await column(1, 6);
    expect(findings).not.toEqual([]);
    expect(Array.isArray(findings) && findings.every((text) => String(text).includes('latest'))).toBe(true);
    await choose('');
    expect(await tab.evaluate(`document.querySelectorAll('output')[1].textContent`)).toMatch(/^(\d+) of \1$/);
  });

  test('there is a picture of the share pinned and one of drift, with a bar for each namespace', async () => {
    expect(
      await tab.evaluate(
        `[...document.querySelectorAll('svg')].map((svg) => svg.getAttribute('aria-label'))`,
      ),
    ).toEqual(['Share pinned, by namespace', 'Drift, by namespace']);
    expect(await tab.evaluate(`document.querySelectorAll('svg .track').length`)).toBe(12);
  });

  test('it says what the findings mean that occur, and which cluster it is about', async () => {
    const terms = "[...document.querySelectorAll('.meanings dt')].map((term) => term.textContent)";
    expect(await tab.evaluate(terms)).toEqual([
      'invalid',
      'drift',
      'latest',
      'unpinned',
      'always',
      'label',
      'ineffective',
    ]);
    expect(await tab.evaluate("document.querySelector('header').textContent")).toContain(cluster.api.url);
  });

  test('a digest is selected and copied whole, however much of it is seen', async () => {
    const code = "document.querySelector('td.reference code:has(.digest)')";
    expect(await tab.evaluate(`getSelection().selectAllChildren(${code}), String(getSelection())`)).toMatch(
      /@?sha256:[0-9a-f]{64}$|^127.0.0.1:\d+\/\S+$/,
    );
    expect(await tab.evaluate(`${code}.nextElementSibling.dataset.copy === ${code}.textContent`)).toBe(true);
    expect(await tab.evaluate("document.querySelectorAll('.copy').length")).toBeGreaterThan(20);
    const heights = `[...document.querySelectorAll('.digest')].filter((one) => one.offsetHeight > 25).length`;
    expect(await tab.evaluate(heights)).toBe(0);
  });

  test.each([400, 1280])('at %d pixels nothing is cut off or must be scrolled to', async (width) => {
    await tab.setWidth(width);
    expect(await tab.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
    const labels = `[...document.querySelectorAll('svg text')].map((text) => text.getBoundingClientRect())`;
    // In pixels of the screen: 12 px text in lines of its own, inside the picture.
    expect(
      await tab.evaluate(
        `${labels}.every(({ height, right, left }) => height > 9 && left >= 0 && right <= ${width})`,
      ),
    ).toBe(true);
    const outside = `[...document.querySelectorAll('tbody tr:not([hidden]) td')].filter((cell) => cell.offsetWidth > 0 && cell.getBoundingClientRect().right > ${width + 1})`;
    expect(await tab.evaluate(`${outside}.length`)).toBe(0);
  });

  test.each(['light', 'dark'] as const)(
    'it is %s if the reader prefers that, and readable',
    async (scheme) => {
      await tab.setScheme(scheme);
      const [ink, paper] = await Promise.all(
        ['color', 'background-color'].map(async (property) =>
          luminance(
            String(await tab.evaluate(`getComputedStyle(document.body).getPropertyValue('${property}')`)),
          ),
        ),
      );
      expect(contrast(ink ?? 0, paper ?? 0)).toBeGreaterThan(7);
      expect((paper ?? 0) > 0.5).toBe(scheme === 'light');
      const folder = process.env['SCREENSHOTS'];
      if (folder === undefined) return;
      mkdirSync(folder, { recursive: true });
      for (const width of [400, 1280]) {
        await tab.setWidth(width);
        writeFileSync(join(folder, `audit-${scheme}-${width}.png`), await tab.screenshot());
      }
    },
  );
});

/** As WCAG 2 has it. */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = (colour.match(/\d+/g) ?? []).map((part) => {
    const value = Number(part) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

const contrast = (a: number, b: number) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
