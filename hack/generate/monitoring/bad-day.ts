/** What a real Prometheus saw of a day on which everything went wrong: data for the pictures in docs/monitoring.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const file = join(import.meta.dirname, '../../../docs/monitoring-bad-day.json');

/** Times are seconds since the beginning, sixty times shorter than in life. */
export interface BadDay {
  /** How long it was. */
  readonly seconds: number;
  /** Between two values of a series. */
  readonly step: number;
  readonly faults: readonly {
    readonly at: number;
    readonly what: string;
    /** What fired for it, and when. */
    readonly alerts: readonly { readonly name: string; readonly at: number }[];
  }[];
  readonly panels: readonly RecordedPanel[];
}

/** What the queries of one panel returned. */
export interface RecordedPanel {
  readonly dashboard: string;
  readonly title: string;
  readonly queries: readonly { readonly expr: string; readonly series: readonly RecordedSeries[] }[];
}

export interface RecordedSeries {
  readonly legend: string;
  /** One for each step, the first at 0; null where there was none. */
  readonly values: readonly (number | null)[];
}

export function readBadDay(): BadDay {
  // Written by `keepBadDay`, as it is.
  return JSON.parse(readFileSync(file, 'utf8')) as BadDay;
}

/** A line for each query, so that a later record can be compared with this one. */
export function keepBadDay({ panels, ...rest }: BadDay): void {
  const lines = panels.map((panel) => JSON.stringify(panel));
  writeFileSync(file, `${JSON.stringify({ ...rest, panels: [] }).slice(0, -2)}\n${lines.join(',\n')}\n]}\n`);
}
