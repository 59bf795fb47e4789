import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ordered } from '../../../src/config/load.ts';
import { flagOf, type Setting, type SettingName, settingsTable, variableOf } from '../../../src/config/settings.ts';
import { sample } from './chart.ts';
import { configNames } from './schema.ts';

const monitoring = path.join(import.meta.dirname, '../../../deploy/monitoring');

/** Settings that objects of the chart depend on: only its own values may set them. */
const fixed: Readonly<Partial<Record<SettingName, string>>> = {
  accounts: 'accounts.enabled',
  namespaces: 'watchNamespaces',
  leaderElection: 'config.leaderElection',
  leaderElectionNamespace: 'config.leaderElectionNamespace',
  defaultCredentialsSecret: 'config.defaultCredentialsSecret',
  metricsAddress: 'config.metricsAddress',
  healthAddress: 'config.healthAddress',
};
// `as`: `Object.keys` loses the type of the keys.
const fixedNames = Object.keys(fixed) as readonly SettingName[];

/** deploy/chart/files/settings.json: what the templates need to validate settings. */
function renderSettings(): string {
  const durations = configNames.flatMap((name) => {
    const { kind, defaultValue }: Setting<unknown> = settingsTable[name];
    const { bounds, rule } = kind;
    if (bounds.type !== 'duration') return [];
    return [[name, { minimum: bounds.minimum, maximum: bounds.maximum, defaultValue, rule }]];
  });
  const known = {
    durations: Object.fromEntries(durations),
    ordered,
    fixed: Object.fromEntries(fixedNames.map((name) => [flagOf(name), fixed[name]])),
    fixedVariables: Object.fromEntries(fixedNames.map((name) => [variableOf(name), fixed[name]])),
  };
  return `${JSON.stringify(known, null, 2)}\n`;
}

/** The files of deploy/monitoring, if any. */
function monitoringFiles(): readonly string[] {
  if (!existsSync(monitoring)) return [];
  const dashboards = path.join(monitoring, 'dashboards');
  const files = existsSync(dashboards) ? readdirSync(dashboards).toSorted() : [];
  const rules = existsSync(path.join(monitoring, 'rules.yaml')) ? ['rules.yaml'] : [];
  return [...rules, ...files.filter((file) => file.endsWith('.json')).map((file) => `dashboards/${file}`)];
}

/** Copies under deploy/chart/files: a packaged chart contains only files of its folder. */
export const chartFiles: readonly { readonly path: string; readonly render: () => string }[] = [
  { path: 'deploy/chart/files/settings.json', render: renderSettings },
  { path: 'deploy/chart/files/sample.yaml', render: sample },
  ...monitoringFiles().map((file) => ({
    path: `deploy/chart/files/${file}`,
    render: () => readFileSync(path.join(monitoring, file), 'utf8'),
  })),
];
