import { align } from './table.ts';

/** One line of the receipt: what was counted, and what it had to be. */
export interface SummaryLine {
  readonly what: string;
  readonly counted: number;
  /** The least possible, which is also the only correct number; undefined for an informational figure. */
  readonly least: number | undefined;
  /** An upper bound instead of an exact number. */
  readonly most?: number;
  readonly note?: string;
}

/** Whether a line is what it must be. */
export function isRight(line: SummaryLine): boolean {
  if (line.least !== undefined && line.counted !== line.least) return false;
  return line.most === undefined || line.counted <= line.most;
}

export function renderSummary(lines: readonly SummaryLine[]): string {
  const rows = lines.map((line) => [
    isRight(line) ? ' ' : '✗',
    line.what,
    String(line.counted),
    line.least !== undefined ? String(line.least) : line.most !== undefined ? `≤ ${line.most}` : '',
    line.note ?? '',
  ]);
  return align([[' ', 'RECEIPT', 'COUNTED', 'EXPECTED', ''], ...rows]).join('\n');
}
