/** A table that redraws itself in place on a terminal, and elsewhere prints only the rows that changed. */
export interface LiveTable {
  show(rows: readonly (readonly string[])[]): void;
  /** A line of story above the table. */
  say(text: string): void;
}

export function createLiveTable(header: readonly string[], out: NodeJS.WriteStream): LiveTable {
  let drawn = 0;
  let shown: readonly (readonly string[])[] = [];
  let printed = new Set<string>();
  // They only grow: columns that jump are hard to read.
  const widths: number[] = [];
  const startedAt = performance.now();
  const seconds = (): string => `${((performance.now() - startedAt) / 1000).toFixed(1).padStart(5)} s`;

  const erase = (): void => {
    if (drawn > 0) out.write(`\u001B[${drawn}A\u001B[0J`);
    drawn = 0;
  };
  const draw = (): void => {
    const lines = align([header, ...shown], widths).map((line) => line.slice(0, (out.columns ?? 120) - 1));
    out.write(`${lines.join('\n')}\n`);
    drawn = lines.length;
  };

  return {
    show(rows) {
      if (JSON.stringify(rows) === JSON.stringify(shown)) return;
      shown = rows;
      if (out.isTTY) {
        erase();
        draw();
        return;
      }
      const cells = rows.map((row) => JSON.stringify(row));
      const [head = '', ...lines] = align([header, ...rows], widths);
      if (printed.size === 0) out.write(`${seconds()}  ${head}\n`);
      for (const [index, line] of lines.entries()) {
        if (!printed.has(cells[index] ?? '')) out.write(`${seconds()}  ${line}\n`);
      }
      printed = new Set(cells);
    },
    say(text) {
      if (out.isTTY) erase();
      out.write(`${seconds()}  ${text}\n`);
      if (out.isTTY) draw();
    },
  };
}

/** Columns as wide as their widest cell so far (kept in `widths`), two spaces apart. */
export function align(rows: readonly (readonly string[])[], widths: number[] = []): readonly string[] {
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length);
  }
  return rows.map((row) =>
    row
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
