import { fullName } from '../../../src/telemetry/metrics-table.ts';
import { type Dashboard, dashboards, installationVariables, type Panel } from './panels.ts';

const source = { type: 'prometheus', uid: '${datasource}' };

/** deploy/monitoring/dashboards/<file>.json: a dashboard as Grafana imports it. */
export function renderDashboard(file: Dashboard['file']): string {
  const dashboard = dashboards.find((candidate) => candidate.file === file);
  if (dashboard === undefined) throw new Error(`unknown dashboard ${file}`);
  const { title, description, variables, panels } = dashboard;
  const json = {
    uid: `vps247-${file}`,
    title,
    description,
    tags: ['vps247'],
    schemaVersion: 39,
    editable: true,
    graphTooltip: 1,
    refresh: '1m',
    time: { from: 'now-6h', to: 'now' },
    templating: {
      list: [
        { name: 'datasource', label: 'Prometheus', type: 'datasource', query: 'prometheus' },
        ...installationVariables.map(chosenInstallation),
        ...variables.map(({ name, metric }) => query(name, metric)),
      ],
    },
    panels: placed(panels),
  };
  return `${JSON.stringify(json, null, 2)}\n`;
}

/** One label of the running installations; by default all values, and targets without the label too. */
function chosenInstallation(name: string, index: number): object {
  const earlier = installationVariables.slice(0, index).map((label) => `${label}=~"$${label}"`);
  const all = { includeAll: true, multi: true, allValue: '.*', current: { text: 'All', value: '$__all' } };
  return { ...query(name, `${fullName('build_info')}{${earlier.join(',')}}`), ...all };
}

/** A variable whose values are those of a label. */
function query(name: string, metric: string): object {
  return {
    name,
    label: name.replace('_', ' '),
    type: 'query',
    datasource: source,
    query: { query: `label_values(${metric}, ${name})`, refId: name },
    refresh: 2,
    sort: 1,
  };
}

/** A panel with its position: Grafana's grid has 24 columns. */
interface Placed {
  readonly panel: Panel;
  readonly x: number;
  readonly w: number;
}

/** From left to right, continued in the next row when one is full. */
function rowsOf(panels: readonly Panel[]): readonly (readonly Placed[])[] {
  const rows: Placed[][] = [];
  let x = Number.POSITIVE_INFINITY;
  for (const panel of panels) {
    const w = panel.width ?? 12;
    if (x + w > 24) {
      x = 0;
      rows.push([]);
    }
    rows.at(-1)?.push({ panel, x, w });
    x += w;
  }
  return rows;
}

function placed(panels: readonly Panel[]): readonly object[] {
  let y = 0;
  let id = 0;
  return rowsOf(panels).flatMap((row) => {
    const top = y;
    const heights = row.map(({ panel }) => (panel.isNumber ? 4 : 8));
    y += Math.max(...heights);
    return row.map(({ panel, x, w }, index) => render(panel, (id += 1), { x, y: top, w, h: heights[index] }));
  });
}

function render(
  { title, description, unit, queries, isNumber, isStacked }: Panel,
  id: number,
  gridPos: object,
): object {
  const lines = {
    custom: { fillOpacity: isStacked ? 30 : 0, stacking: { mode: isStacked ? 'normal' : 'none' }, showPoints: 'never' },
  };
  return {
    id,
    title,
    description,
    type: isNumber ? 'stat' : 'timeseries',
    datasource: source,
    gridPos,
    fieldConfig: {
      defaults: { unit: unit === 'cores' ? 'short' : unit, min: 0, ...(isNumber ? {} : lines) },
      overrides: [],
    },
    options: isNumber ? { reduceOptions: { calcs: ['lastNotNull'] } } : { tooltip: { mode: 'multi', sort: 'desc' } },
    targets: queries.map(({ expr, legend }, index) => ({
      refId: String.fromCodePoint(65 + index),
      datasource: source,
      expr,
      legendFormat: legend,
    })),
  };
}
