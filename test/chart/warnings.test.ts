import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '../packaging/manifests.ts';
import type { Values } from '../support/helm.ts';
import { notesOf } from './chart.ts';

/** Values that need no warning. */
const quiet = { serviceMonitor: { enabled: true }, prometheusRule: { enabled: true } };
const limit = { maxMachinesPerNamespace: 5 };

const rows: readonly (readonly [beginning: string, values: Values])[] = [
  ['crds.enabled is false', { crds: { enabled: false }, config: limit }],
  ['crds.protection is false', { crds: { protection: false }, config: limit }],
  ['rbac.create is false', { rbac: { create: false }, config: limit }],
  ['The CRD is cluster-scoped', { watchNamespaces: ['a'], config: limit }],
  ['replicas is 0', { replicas: 0, config: limit }],
  ['replicas is 1', { replicas: 1, config: limit }],
  ['config.leaderElection is false', { replicas: 1, config: { ...limit, leaderElection: false } }],
  ['takeOverFrom: this installation', { takeOverFrom: ['b/old'], config: limit }],
  ['config.insecureApiUrl is true', { config: { ...limit, insecureApiUrl: true, apiUrl: 'http://x.example' } }],
  ['config.serveTargets is true', { config: { ...limit, serveTargets: true } }],
  ["Metrics aren't scraped", { serviceMonitor: { enabled: false }, config: limit }],
  ["Alerts aren't installed", { prometheusRule: { enabled: false }, config: limit }],
  ["The number of VMs for each namespace isn't limited", {}],
];

function warningsIn(notes: string): readonly string[] {
  return notes.match(/^- .*$/gm) ?? [];
}

test('safe values cause no warning', async () => {
  expect(warningsIn(await notesOf({ ...quiet, replicas: 2, config: limit }))).toEqual([]);
});

test.each(rows)('a warning begins with "%s" where it applies, alone', async (beginning, values) => {
  const warnings = warningsIn(await notesOf({ ...quiet, ...values }));
  const both = beginning === 'config.leaderElection is false' ? ['- replicas is 1'] : [];
  expect(warnings.map((line) => [...both, `- ${beginning}`].find((begin) => line.startsWith(begin)))).toEqual([
    ...both,
    `- ${beginning}`,
  ]);
});

test('every warning of the chart has a row', () => {
  const template = readFileSync(path.join(projectRoot, 'deploy/chart/templates/_warnings.tpl'), 'utf8');
  const lines = template.match(/^- .*$/gm) ?? [];
  const without = lines.filter((line) => !rows.some(([beginning]) => line.startsWith(`- ${beginning}`)));
  expect([without, lines.length]).toEqual([[], rows.length]);
});
