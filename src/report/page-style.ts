/** The page's style: the system's fonts, and the reader's light or dark scheme. */
export const style = `
:root {
  color-scheme: light dark;
  --paper: #ffffff; --panel: #f5f7fa; --ink: #16202c; --faint: #5a6878; --line: #d5dce4; --link: #0b5cad;
  --good: #1f7a5c; --warning: #c98a00; --bad: #c8372d; --unknown: #8793a1; --track: #e4e9ef;
  --good-soft: #dff1ea; --warning-soft: #fbeec9; --bad-soft: #fbe1de; --unknown-soft: #e8ecf0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #10161d; --panel: #18212b; --ink: #e4eaf1; --faint: #9aa8b7; --line: #2c3946; --link: #7db8f5;
    --good: #4cc79c; --warning: #e9b44c; --bad: #f0776c; --unknown: #8090a0; --track: #232e39;
    --good-soft: #16372d; --warning-soft: #40330f; --bad-soft: #472220; --unknown-soft: #2a343e;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 14px/1.5 system-ui, sans-serif; }
main { max-width: 1500px; margin: 0 auto; padding: 24px; }
h1 { font-size: 24px; margin: 0; }
h2 { font-size: 17px; margin: 32px 0 8px; }
header p { color: var(--faint); margin: 4px 0 20px; }
.warnings { border: 1px solid var(--bad); background: var(--bad-soft); border-radius: 6px; padding: 4px 16px; margin-bottom: 20px; }
.warnings ul { margin: 8px 0; padding-left: 18px; overflow-wrap: anywhere; }
.figures { display: flex; flex-wrap: wrap; gap: 12px; }
.figure { background: var(--panel); border: 1px solid var(--line); border-top: 3px solid var(--line); border-radius: 6px; padding: 10px 16px; min-width: 110px; }
.figure strong { display: block; font-size: 22px; }
.figure span { color: var(--faint); }
.figure.good { border-top-color: var(--good); }
.figure.warning { border-top-color: var(--warning); }
.figure.bad { border-top-color: var(--bad); }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 20px; margin-top: 24px; }
figure { background: var(--panel); border: 1px solid var(--line); border-radius: 6px; margin: 0; padding: 14px 16px; }
figcaption { font-weight: 600; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; list-style: none; margin: 4px 0 10px; padding: 0; color: var(--faint); }
.swatch { display: inline-block; width: 11px; height: 11px; border-radius: 2px; margin-right: 6px; }
svg { display: block; width: 100%; }
svg text { fill: var(--ink); font-size: 12px; dominant-baseline: central; }
svg .value { fill: var(--faint); text-anchor: end; }
svg .track { fill: var(--track); }
svg .good { fill: var(--good); } svg .warning { fill: var(--warning); } svg .bad { fill: var(--bad); } svg .unknown { fill: var(--unknown); }
.swatch.good { background: var(--good); } .swatch.warning { background: var(--warning); } .swatch.bad { background: var(--bad); } .swatch.unknown { background: var(--unknown); }
.more { color: var(--faint); margin: 8px 0 0; }
.controls { display: flex; flex-wrap: wrap; gap: 10px; align-items: center; margin-bottom: 8px; }
.controls output { color: var(--faint); }
input, select { font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--line); border-radius: 5px; padding: 5px 9px; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: 6px 10px; border-bottom: 1px solid var(--line); vertical-align: top; }
thead th { background: var(--panel); padding: 0; white-space: nowrap; }
th button { font: inherit; font-weight: 600; color: inherit; background: none; border: 0; padding: 7px 10px; width: 100%; text-align: left; cursor: pointer; }
th[aria-sort=ascending] button::after { content: ' \\2191'; }
th[aria-sort=descending] button::after { content: ' \\2193'; }
tbody tr:last-child td { border-bottom: 0; }
tbody tr:hover { background: var(--panel); }
td { overflow-wrap: anywhere; min-width: 70px; }
td.short { white-space: nowrap; }
td.number { font-variant-numeric: tabular-nums; overflow-wrap: normal; }
code { font: 12px/1.5 ui-monospace, monospace; user-select: all; }
td.nothing { color: var(--faint); }
td.reference { min-width: 150px; }
.digest { display: inline-block; max-width: 20ch; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; vertical-align: bottom; user-select: all; }
.copy { font: 11px/1.4 system-ui, sans-serif; color: var(--link); background: none; border: 1px solid var(--line); border-radius: 4px; margin-left: 5px; padding: 1px 6px; cursor: pointer; }
.copy::after { content: 'copy'; }
.copy.done::after { content: 'copied'; }
.meanings dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 6px 24px; margin: 0; }
.meanings dl div { display: grid; grid-template-columns: 92px 1fr; align-items: baseline; }
.meanings dd { margin: 0; }
.badge { display: inline-block; border-radius: 4px; padding: 0 6px; font-size: 12px; white-space: nowrap; overflow-wrap: normal; }
.badge.good { background: var(--good-soft); color: var(--good); } .badge.unknown { background: var(--unknown-soft); color: var(--ink); }
.badge.warning { background: var(--warning-soft); color: var(--ink); } .badge.bad { background: var(--bad-soft); color: var(--ink); }
:focus-visible { outline: 2px solid var(--link); outline-offset: 1px; }
@media (max-width: 700px) {
  main { padding: 14px; }
  .figure { flex: 1 1 90px; min-width: 90px; padding: 8px 12px; }
  .controls input { flex: 1 1 100%; }
  .scroll { overflow: visible; border: 0; }
  table, tbody, tr, td { display: block; }
  thead tr { display: flex; flex-wrap: wrap; gap: 4px; margin-bottom: 8px; }
  thead th { background: none; border: 0; }
  th button { width: auto; border: 1px solid var(--line); border-radius: 5px; padding: 3px 8px; font-size: 12px; font-weight: 400; }
  tr { border: 1px solid var(--line); border-radius: 6px; padding: 6px 12px; margin-bottom: 10px; }
  thead tr { border: 0; padding: 0; }
  tr[hidden], td.nothing { display: none; }
  td, tbody tr:last-child td { position: relative; border: 0; padding: 2px 0 2px 100px; }
  td.short { white-space: normal; }
  tbody tr td.nothing { display: none; }
  td::before { position: absolute; left: 0; content: attr(data-label); color: var(--faint); }
}
@media print { .controls { display: none; } main { max-width: none; } }
`;

/** The page's script: sorts a table by a clicked column, filters its rows, and copies references. */
export const script = `
document.addEventListener('click', ({ target }) => {
  const button = target instanceof Element ? target.closest('.copy') : null;
  if (!button) return;
  const done = () => {
    button.classList.add('done');
    setTimeout(() => button.classList.remove('done'), 1500);
  };
  const select = () => {
    const range = document.createRange();
    range.selectNodeContents(button.previousElementSibling);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    if (document.execCommand('copy')) done();
  };
  if (navigator.clipboard) navigator.clipboard.writeText(button.dataset.copy).then(done, select);
  else select();
});
for (const section of document.querySelectorAll('section.table')) {
  const body = section.querySelector('tbody');
  const rows = [...body.rows];
  const search = section.querySelector('input');
  const select = section.querySelector('select');
  const output = section.querySelector('output');
  const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
  const filter = () => {
    const words = search.value.toLowerCase().split(/\\s+/).filter((word) => word !== '');
    const choice = select ? select.value : '';
    let shown = 0;
    for (const row of rows) {
      const isChosen = choice === '' || row.dataset.choices.split(' ').includes(choice);
      row.hidden = !isChosen || !words.every((word) => texts.get(row).includes(word));
      if (!row.hidden) shown += 1;
    }
    output.textContent = shown + ' of ' + rows.length;
  };
  search.addEventListener('input', filter);
  if (select) select.addEventListener('change', filter);
  const compare = new Intl.Collator(undefined, { numeric: true }).compare;
  const headings = [...section.querySelectorAll('th')];
  headings.forEach((heading, column) => {
    heading.querySelector('button').addEventListener('click', () => {
      const isDown = heading.getAttribute('aria-sort') === 'ascending';
      for (const other of headings) other.removeAttribute('aria-sort');
      heading.setAttribute('aria-sort', isDown ? 'descending' : 'ascending');
      const keyed = rows.map((row) => {
        const cell = row.cells[column];
        return { row, number: Number(cell.dataset.sort), text: cell.textContent };
      });
      const isNumber = keyed.every(({ number }) => !Number.isNaN(number));
      keyed.sort((a, b) => (isNumber ? a.number - b.number : compare(a.text, b.text)) * (isDown ? -1 : 1));
      body.append(...keyed.map(({ row }) => row));
    });
  });
}
`;
