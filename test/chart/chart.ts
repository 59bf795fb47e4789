import { expect } from 'vitest';
import { helm, chartFolder, renderChart, type Values } from '../support/helm.ts';
import { type Manifest, parseManifests } from '../packaging/manifests.ts';

const renderings = new Map<string, Promise<Awaited<ReturnType<typeof renderChart>>>>();

/** All objects that the chart makes of these values, its tests among them. The same values are rendered once. */
export async function objectsOf(values: Values): Promise<readonly Manifest[]> {
  const key = JSON.stringify(values);
  const rendering = renderings.get(key) ?? renderChart(values);
  renderings.set(key, rendering);
  const { text, complaint } = await rendering;
  expect(complaint).toBe('');
  return parseManifests(text, 'the chart');
}

/** The notes that users read after an installation. */
export async function notesOf(values: Values): Promise<string> {
  const command = ['install', 'vps247-operator', chartFolder, '--namespace', 'vps247-system', '--dry-run=client'];
  const { stdout, stderr } = await helm([...command, '--values', '-'], JSON.stringify(values));
  expect(stderr).toBe('');
  return stdout.slice(stdout.indexOf('NOTES:'));
}

/** Everything that can be switched on. */
export const everything: Values = {
  namespace: { create: true },
  commonLabels: { team: 'platform' },
  commonAnnotations: { contact: 'platform' },
  extraObjects: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: '{{ .Release.Name }}-extra' } }],
  networkPolicy: { enabled: true },
  serviceMonitor: { enabled: true },
  prometheusRule: { enabled: true },
  dashboards: { enabled: true },
};
