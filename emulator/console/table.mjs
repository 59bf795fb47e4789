/** Builds elements. All text from the emulator goes through `textContent`, never through HTML. */
export function element(tag, { text, on = {}, ...attributes } = {}, ...children) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(name, value);
  for (const [name, listener] of Object.entries(on)) made.addEventListener(name, listener);
  made.append(...children);
  return made;
}

/**
 * A table whose rows stay the same elements while their content changes, so that the focus stays where it is. `columns` are the
 * headers; `cells` returns the texts of a row; `actions`, if given, builds its buttons once.
 */
export function liveTable({ caption, columns, keyOf, cells, actions, empty }) {
  // The roles are explicit, because the narrow layout takes them away with `display`.
  const headers = [...columns, ...(actions === undefined ? [] : ['Actions'])];
  const head = element('tr', { role: 'row' });
  for (const text of headers) head.append(element('th', { text, scope: 'col', role: 'columnheader' }));
  const body = element('tbody', { role: 'rowgroup' });
  const table = element(
    'table',
    { role: 'table', 'aria-label': caption },
    element('thead', { role: 'rowgroup' }, head),
    body,
  );
  const nothing = element('p', { text: empty, class: 'quiet' });
  const rows = new Map();

  function build(item) {
    const row = element('tr', { role: 'row' });
    const shown = { row, item };
    for (const label of columns) row.append(element('td', { role: 'cell', 'data-label': label }));
    if (actions !== undefined) {
      const buttons = element('div', { class: 'actions' }, ...actions(() => shown.item));
      row.append(element('td', { role: 'cell' }, buttons));
    }
    return shown;
  }

  return {
    element: element('div', {}, table, nothing),
    show(items) {
      const keys = new Set(items.map(keyOf));
      for (const [key, { row }] of rows) {
        if (keys.has(key)) continue;
        row.remove();
        rows.delete(key);
      }
      let previous;
      for (const item of items) {
        const key = keyOf(item);
        const shown = rows.get(key) ?? build(item);
        rows.set(key, shown);
        shown.item = item;
        for (const [index, text] of cells(item).entries()) {
          const cell = shown.row.children[index];
          if (cell.textContent !== String(text)) cell.textContent = String(text);
        }
        const place = previous === undefined ? body.firstElementChild : previous.nextElementSibling;
        if (place !== shown.row) body.insertBefore(shown.row, place);
        previous = shown.row;
      }
      table.hidden = items.length === 0;
      nothing.hidden = items.length > 0;
    },
  };
}
