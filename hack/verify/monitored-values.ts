/**
 * Renderings of the chart with objects for the Prometheus Operator: each of them, and each of its values, at least
 * once.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { chartFolder, type Values } from '../../test/support/helm.ts';
import { valuesFiles } from './chart-values.ts';

interface Variant {
  readonly what: string;
  readonly values: Values;
  readonly namespace: string;
  readonly release?: string;
  /** The namespace of the Deployment, if it isn't the release's. */
  readonly name?: string;
  /** The port of the metrics, if it isn't the default. */
  readonly port?: number;
}

const place = { namespace: 'monitoring', labels: { release: 'prometheus' }, annotations: { contact: 'platform' } };
const monitor = {
  ...place,
  enabled: true,
  interval: '1m30s',
  scrapeTimeout: '10s',
  // With the action that the CRDs fill in by default, so that the stored object equals the written one.
  relabelings: [
    {
      action: 'replace',
      sourceLabels: ['__meta_kubernetes_pod_node_name'],
      separator: ';',
      regex: '(.*)',
      targetLabel: 'node',
      replacement: '$1',
    },
    { action: 'labeldrop', regex: 'pod_template_.*' },
  ],
  metricRelabelings: [
    { sourceLabels: ['__name__'], regex: 'vps247_operator_machine_.*', action: 'drop' },
    { sourceLabels: ['object'], modulus: 4, targetLabel: 'shard', action: 'hashmod' },
  ],
};
const prometheusRule = {
  ...place,
  enabled: true,
  alertLabels: { team: 'platform' },
  disabledAlerts: ['Vps247UnmanagedMachines', 'Vps247OperatorDown'],
};
/** Other objects that a monitor might match. */
const other = {
  commonLabels: { team: 'platform' },
  podLabels: { tier: 'a' },
  service: { labels: { tier: 'b' } },
  config: { metricsAddress: ':9090' },
};
const port = 9090;

/** Several of them are in one namespace, so that a monitor could match another's Pods. */
export const variants: readonly Variant[] = [
  { what: 'a ServiceMonitor alone', values: { serviceMonitor: { enabled: true } }, namespace: 'services' },
  { what: 'a PodMonitor alone', values: { podMonitor: { enabled: true } }, namespace: 'pods' },
  {
    what: 'a ServiceMonitor and alerts with every value, in another namespace',
    values: { ...other, prometheusRule, serviceMonitor: monitor },
    namespace: 'shared',
    release: 'first',
    name: 'first-vps247-operator',
    port,
  },
  {
    what: 'a PodMonitor and alerts with every value, in another namespace',
    values: { ...other, prometheusRule, podMonitor: monitor },
    namespace: 'shared',
    release: 'second',
    name: 'second-vps247-operator',
    port,
  },
  {
    what: 'a ServiceMonitor of other names',
    values: { nameOverride: 'vps', fullnameOverride: 'machines', serviceMonitor: { enabled: true } },
    namespace: 'shared',
    release: 'third',
    name: 'machines',
  },
  ...valuesFiles().map(({ name, values }) => ({ what: name, values, namespace: path.parse(name).name })),
];

/** Values that no rendering sets, such as `podMonitor.interval`. */
export function valuesLeftOut(): readonly string[] {
  const defaults = parse(readFileSync(path.join(chartFolder, 'values.yaml'), 'utf8'));
  return Object.entries({ serviceMonitor: monitor, podMonitor: monitor, prometheusRule }).flatMap(([section, given]) =>
    Object.keys(defaults[section])
      .filter((name) => !(name in given))
      .map((name) => `${section}.${name}`),
  );
}
