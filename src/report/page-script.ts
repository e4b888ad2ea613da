/** The page's script: sorts a table by the column that is clicked, and shows only the rows that are asked for. */
export const script = `
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
