import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ordered } from '../../../src/config/load.ts';
import { flagOf, type Setting, type SettingName, settingsTable, variableOf } from '../../../src/config/settings.ts';
import { sample } from './chart.ts';
import { configNames } from './schema.ts';

const monitoring = path.join(import.meta.dirname, '../../../deploy/monitoring');

/** Settings on which objects of the chart depend: they may come from nothing but its values. */
const fixed: Readonly<Partial<Record<SettingName, string>>> = {
  namespaces: 'watchNamespaces',
  leaderElection: 'config.leaderElection',
  leaderElectionNamespace: 'config.leaderElectionNamespace',
  defaultCredentialsSecret: 'config.defaultCredentialsSecret',
  metricsAddress: 'config.metricsAddress',
  healthAddress: 'config.healthAddress',
};
// `Object.keys` forgets the type of the keys.
const fixedNames = Object.keys(fixed) as readonly SettingName[];

/** deploy/chart/files/settings.json: what the templates must know of settings to judge them. */
function renderSettings(): string {
  const durations = configNames.flatMap((name) => {
    const { kind, byDefault }: Setting<unknown> = settingsTable[name];
    const { bounds, rule } = kind;
    if (bounds.type !== 'duration') return [];
    return [[name, { minimum: bounds.minimum, maximum: bounds.maximum, byDefault, rule }]];
  });
  const known = {
    durations: Object.fromEntries(durations),
    ordered,
    fixed: Object.fromEntries(fixedNames.map((name) => [flagOf(name), fixed[name]])),
    fixedVariables: Object.fromEntries(fixedNames.map((name) => [variableOf(name), fixed[name]])),
  };
  return `${JSON.stringify(known, null, 2)}\n`;
}

/** What is in deploy/monitoring, if anything is. */
function monitoringFiles(): readonly string[] {
  if (!existsSync(monitoring)) return [];
  const dashboards = path.join(monitoring, 'dashboards');
  const files = existsSync(dashboards) ? readdirSync(dashboards).toSorted() : [];
  const rules = existsSync(path.join(monitoring, 'rules.yaml')) ? ['rules.yaml'] : [];
  return [...rules, ...files.filter((file) => file.endsWith('.json')).map((file) => `dashboards/${file}`)];
}

/** Everything under deploy/chart/files that has its source elsewhere: a packaged chart holds nothing but what lies in its folder. */
export const chartFiles: readonly { readonly path: string; readonly render: () => string }[] = [
  { path: 'deploy/chart/files/settings.json', render: renderSettings },
  { path: 'deploy/chart/files/sample.yaml', render: sample },
  ...monitoringFiles().map((file) => ({
    path: `deploy/chart/files/${file}`,
    render: () => readFileSync(path.join(monitoring, file), 'utf8'),
  })),
];
