import { align } from '../hack/demo/table.ts';
import type { Goal } from './goals.ts';

/** One line of the result: what was measured, the least that is possible at all, and what it must be. */
export interface Figure {
  readonly what: string;
  readonly measured: number;
  /** Digits after the point; 0 for counts. */
  readonly digits?: number;
  readonly unit?: string;
  /** The least that would do the job; undefined where nobody can say. */
  readonly floor?: number;
  /** Left out for what is told and not judged: times depend on the machine and on what else it does. */
  readonly must?: { readonly equal: number } | { readonly from?: number; readonly notExceed: number };
  readonly note?: string;
}

/** Figures of one part of the run. */
export interface Section {
  readonly title: string;
  readonly figures: readonly Figure[];
}

/** Whether a figure is what it must be; always so for one that is not judged. */
export function isRight({ measured, must }: Figure): boolean {
  if (must === undefined) return true;
  if ('equal' in must) return measured === must.equal;
  return measured >= (must.from ?? -Infinity) && measured <= must.notExceed;
}

/** The figures that are not right, a sentence each. */
export function findWrong(sections: readonly Section[]): readonly string[] {
  return sections.flatMap(({ title, figures }) =>
    figures
      .filter((figure) => !isRight(figure))
      .map((figure) => `${title}: ${figure.what} is ${write(figure, figure.measured)}, must be ${writeMust(figure)}`),
  );
}

export function renderTable(sections: readonly Section[]): string {
  const rows = sections.flatMap(({ title, figures }) => [
    ['', '', '', '', '', ''],
    ['', title.toUpperCase(), 'MEASURED', 'FLOOR', 'MUST BE', ''],
    ...figures.map((figure) => [
      isRight(figure) ? ' ' : '✗',
      figure.what,
      write(figure, figure.measured),
      figure.floor === undefined ? '' : write(figure, figure.floor),
      writeMust(figure),
      figure.note ?? '',
    ]),
  ]);
  return align(rows).join('\n');
}

/** The numbers to reach; a goal that is missed is marked, and no more than that. */
export function renderGoals(goals: readonly Goal[]): string {
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
