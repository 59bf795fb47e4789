import { dashboards, type Panel } from '../generate/monitoring/panels.ts';
import { rateInterval, withVariables } from '../generate/monitoring/variables.ts';
import { scaledDuration } from './time-scale.ts';
import type { Prometheus, Series } from './prometheus.ts';

/** The values of a dashboard's variables: the VM with the most faults. */
export const chosen = { object_namespace: 'shop', object: 'web' };

const variables = {
  cluster: '.*',
  namespace: '.*',
  job: 'vps247-operator',
  ...chosen,
  __rate_interval: scaledDuration(rateInterval),
};

/** The time range of a dashboard. Seconds since 1970. */
export interface Day {
  readonly startedAt: number;
  /** When the first fault was planted. */
  readonly worseAt: number;
  readonly endedAt: number;
}

export interface ShownPanel {
  readonly dashboard: string;
  readonly panel: Panel;
  readonly queries: readonly {
    readonly expr: string;
    readonly legend: string;
    readonly series: readonly Series[];
  }[];
}

/** Runs every query of every panel over the whole time range. */
export async function showPanels(prometheus: Prometheus, { startedAt, endedAt }: Day): Promise<readonly ShownPanel[]> {
  const shown: ShownPanel[] = [];
  for (const { file, panels } of dashboards) {
    for (const panel of panels) {
      const queries = [];
      for (const { expr, legend } of panel.queries) {
        const span = { start: startedAt, end: endedAt, step: 1 };
        queries.push({ expr, legend, series: await prometheus.askRange(withVariables(expr, variables), span) });
      }
      shown.push({ dashboard: file, panel, queries });
    }
  }
  return shown;
}

/** Every value that any series had from one time to another; undefined if a query returned nothing in that time. */
export function valuesIn({ queries }: ShownPanel, from: number, to: number): readonly number[] | undefined {
  const values = queries.map(({ series }) =>
    series.flatMap(({ points }) => points.filter(([time]) => time >= from && time < to).map(([, value]) => value)),
  );
  return values.some((ofQuery) => ofQuery.length === 0) ? undefined : values.flat();
}
