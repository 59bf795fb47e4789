/** Where the plugin prints, and whom it asks. */
export interface Screen {
  /** The answer on stdout, for people or scripts. */
  print(text: string): void;
  /** Warnings and progress on stderr. */
  note(text: string): void;
  /** Replaces the progress line on a terminal; undefined removes it. Elsewhere it prints a line if the text is new. */
  progress(text: string | undefined): void;
  /** The user's answer; undefined if no terminal can be asked. */
  ask(question: string): Promise<string | undefined>;
  readonly hasColors: boolean;
}

const codes = { bold: 1, red: 31, green: 32, yellow: 33, dim: 2 } as const;
export type Color = keyof typeof codes;

export function paint(screen: Screen, color: Color, text: string): string {
  return screen.hasColors ? `\u001b[${codes[color]}m${text}\u001b[0m` : text;
}

/** Rows as aligned columns, without spaces at the ends of lines. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('   ')
        .trimEnd(),
    )
    .join('\n');
}

/** A duration as kubectl prints ages: `12s`, `5m`, `3h`, `4d`. */
export function age(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1_000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 2 * 3_600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 2 * 86_400) return `${Math.floor(seconds / 3_600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}
