/** The output of the table: a terminal, a pipe or a file. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

export interface Column {
  readonly title: string;
  /** Width of its widest usual cell, so that printed rows stay aligned with later ones. */
  readonly width: number;
  /** Omitted if the terminal is too narrow, the highest value first; never if missing. */
  readonly dispensable?: number;
}

/** A table that redraws itself in place on a terminal, and elsewhere prints only the rows that changed. */
export interface LiveTable {
  show(rows: readonly (readonly string[])[]): void;
  /** Prints a line above the table. */
  say(text: string): void;
}

const gap = 2;

export function createLiveTable(columns: readonly Column[], out: Output): LiveTable {
  let drawn = 0;
  let shown: readonly (readonly string[])[] = [];
  let printed = new Set<string>();
  const header = columns.map(({ title }) => title);
  // Widths only grow: columns that change are hard to read.
  const widths = columns.map(({ title, width }) => Math.max(title.length, width));
  const startedAt = performance.now();
  const seconds = (): string => `${((performance.now() - startedAt) / 1000).toFixed(1).padStart(5)} s`;

  const erase = (): void => {
    if (drawn > 0) out.write(`\u001B[${drawn}A\u001B[0J`);
    drawn = 0;
  };
  const draw = (): void => {
    const rows = [header, ...shown];
    growTo(rows, widths);
    // The last column of a terminal stays free: some terminals wrap as soon as it is written to.
    const available = (out.columns ?? Infinity) - 1;
    const fitting = columnsThatFit(columns, widths, available);
    const lines = align(
      rows.map((row) => fitting.map((index) => row[index] ?? '')),
      fitting.map((index) => widths[index] ?? 0),
    );
    out.write(`${lines.join('\n')}\n`);
    // The terminal wraps a row that is still too long.
    drawn = lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / (available + 1))), 0);
  };

  return {
    show(rows) {
      if (JSON.stringify(rows) === JSON.stringify(shown)) return;
      shown = rows;
      if (out.isTTY === true) {
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
      if (out.isTTY === true) erase();
      out.write(`${seconds()}  ${text}\n`);
      if (out.isTTY === true) draw();
    },
  };
}

/** The indices of the columns that fit into a line of `available` characters. */
function columnsThatFit(columns: readonly Column[], widths: readonly number[], available: number): readonly number[] {
  let kept = [...columns.keys()];
  const lineLength = (): number => kept.reduce((sum, index) => sum + (widths[index] ?? 0) + gap, -gap);
  const candidates = columns
    .flatMap(({ dispensable }, index) => (dispensable === undefined ? [] : [{ index, dispensable }]))
    .toSorted((a, b) => b.dispensable - a.dispensable);
  for (const { index } of candidates) {
    if (lineLength() <= available) break;
    kept = kept.filter((other) => other !== index);
  }
  return kept;
}

function growTo(rows: readonly (readonly string[])[], widths: number[]): void {
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length);
  }
}

/** Columns as wide as their widest cell so far (kept in `widths`), two spaces apart. */
export function align(rows: readonly (readonly string[])[], widths: number[] = []): readonly string[] {
  growTo(rows, widths);
  return rows.map((row) =>
    row
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join(' '.repeat(gap))
      .trimEnd(),
  );
}
