/** A Markdown table; `|` in cells is escaped and line breaks become blanks. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map(tableRow).join('\n');
}

function tableRow(cells: readonly string[]): string {
  const safe = cells.map((cell) => cell.replaceAll('|', String.raw`\|`).replaceAll(/\s*\n\s*/g, ' '));
  return `| ${safe.join(' | ')} |`;
}

/** The line under the title of a generated page. */
export function generatedFrom(source: string): string {
  return `<!-- Generated from ${source} by \`npm run generate\`; do not edit. -->`;
}

/** The text in lines of at most `width` characters, where words allow it; all lines but the first begin with `indent`. */
export function wrapped(text: string, width: number, indent = ''): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && longer.length > width) {
      lines.push(line);
      line = `${indent}${word}`;
    } else {
      line = longer;
    }
  }
  return [...lines, line].join('\n');
}

/** Characters in a line of a generated page. */
export const pageWidth = 100;
