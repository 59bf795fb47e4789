import { align } from './table.ts';

/** One line of the summary: what was counted, and what was expected. */
export interface SummaryLine {
  readonly what: string;
  readonly counted: number;
  /** The minimum, which is also the only correct number; undefined for an informational figure. */
  readonly least: number | undefined;
  /** An upper limit instead of an exact number. */
  readonly most?: number;
  readonly note?: string;
}

/** Whether a line is as expected. */
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
