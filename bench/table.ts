import { align } from '../hack/demo/table.ts';
import type { Target } from './targets.ts';

/** One line of the result: the measurement, its floor and its limit. */
export interface Figure {
  readonly what: string;
  readonly measured: number;
  /** Digits after the point; 0 for counts. */
  readonly digits?: number;
  readonly unit?: string;
  /** The least possible; undefined if unknown. */
  readonly floor?: number;
  /** Undefined if the figure isn't judged: times depend on the machine and its other load. */
  readonly must?: { readonly equal: number } | { readonly from?: number; readonly notExceed: number };
  readonly note?: string;
}

/** Figures of one part of the run. */
export interface Section {
  readonly title: string;
  readonly figures: readonly Figure[];
}

/** Whether a figure is within its limit; always true without one. */
export function isRight({ measured, must }: Figure): boolean {
  if (must === undefined) return true;
  if ('equal' in must) return measured === must.equal;
  return measured >= (must.from ?? -Infinity) && measured <= must.notExceed;
}

/** One sentence for each figure outside its limit. */
export function findWrong(sections: readonly Section[]): readonly string[] {
  return sections.flatMap(({ title, figures }) =>
    figures
      .filter((figure) => !isRight(figure))
      .map((figure) => `${title}: ${figure.what} is ${write(figure, figure.measured)}, limit: ${writeMust(figure)}`),
  );
}

/** Name, value, floor, limit and note of a figure. */
export function cellsOf(figure: Figure): readonly string[] {
  const { what, measured, floor, note = '' } = figure;
  return [what, write(figure, measured), floor === undefined ? '' : write(figure, floor), writeMust(figure), note];
}

export function renderTable(sections: readonly Section[]): string {
  const rows = sections.flatMap(({ title, figures }) => [
    ['', '', '', '', '', ''],
    ['', title.toUpperCase(), 'MEASURED', 'FLOOR', 'LIMIT', ''],
    ...figures.map((figure) => [isRight(figure) ? ' ' : '✗', ...cellsOf(figure)]),
  ]);
  return align(rows).join('\n');
}

/** The goals; a missed one is marked. */
export function renderGoals(goals: readonly Target[]): string {
  return align([
    ['', '', 'MEASURED', 'FLOOR', 'CONTROLLER-RUNTIME', 'GOAL', ''],
    ...goals.map(({ what, measured, floor, controllerRuntime, goal, isMet, note }) => [
      isMet ? ' ' : '✗',
      what,
      measured,
      floor,
      controllerRuntime,
      goal,
      note,
    ]),
  ]).join('\n');
}

function write({ digits = 0, unit }: Figure, value: number): string {
  return `${value.toFixed(digits)}${unit === undefined ? '' : ` ${unit}`}`;
}

function writeMust({ must }: Figure): string {
  if (must === undefined) return '';
  if ('equal' in must) return String(must.equal);
  return must.from === undefined || must.from === 0 ? `≤ ${must.notExceed}` : `${must.from}–${must.notExceed}`;
}
