import type { Values } from '../support/helm.ts';
import { type Manifest, onlyOne, virtualMachines } from '../packaging/manifests.ts';

type Objects = readonly Manifest[];
// oxlint-disable-next-line typescript/no-explicit-any -- as in the manifests
type Part = any;

/** What one value of the chart changes. */
export interface Effect {
  readonly value: unknown;
  /** The part of the objects that depends on the value. */
  readonly part: (objects: Objects) => Part;
  readonly becomes: unknown;
  /** Values with which it is rendered by itself, because it goes with no other. Otherwise it is rendered with all others. */
  readonly alone?: Values;
}

/** Switched on so that every value that describes it has an effect. */
export const switchedOn: Values = {
  serviceMonitor: { enabled: true },
  prometheusRule: { enabled: true },
  dashboards: { enabled: true },
  networkPolicy: { enabled: true },
};
const withPodMonitor: Values = { podMonitor: { enabled: true } };

const counted =
  (kind: string) =>
  (objects: Objects): number =>
    objects.filter((object) => object.kind === kind).length;
const metadata =
  (kind: string) =>
  (objects: Objects): Part =>
    onlyOne(objects, kind, kind === 'CustomResourceDefinition' ? virtualMachines : undefined).metadata;
const specOf =
  (kind: string) =>
  (objects: Objects): Part =>
    onlyOne(objects, kind)['spec'];
const labels =
  (kind: string, ...names: readonly string[]) =>
  (objects: Objects): Part =>
    names.map((name) => metadata(kind)(objects).labels?.[name]);
const annotation =
  (kind: string, name: string) =>
  (objects: Objects): Part =>
    metadata(kind)(objects).annotations?.[name];

const deployment = specOf('Deployment');
const template = (objects: Objects): Part => deployment(objects).template;
const pod = (objects: Objects): Part => template(objects).spec;
const container = (objects: Objects): Part => pod(objects).containers[0];
const environment = (objects: Objects): Part =>
  Object.fromEntries(container(objects).env.map(({ name, value }: Part) => [name, value]));
const peer = { namespaceSelector: { matchLabels: { team: 'a' } } };
const relabeling = { action: 'labeldrop', regex: 'pod' };

function monitor(kind: 'ServiceMonitor' | 'PodMonitor', endpoints: string, base: Values | undefined) {
  const name = kind === 'ServiceMonitor' ? 'serviceMonitor' : 'podMonitor';
  const endpoint = (objects: Objects): Part => specOf(kind)(objects)[endpoints][0];
  const alone = base === undefined ? {} : { alone: base };
  const rows: Record<string, Effect> = {
    namespace: {
      value: 'monitoring',
      part: (objects) => [metadata(kind)(objects).namespace, specOf(kind)(objects).namespaceSelector],
      becomes: ['monitoring', { matchNames: ['vps247-system'] }],
      ...alone,
    },
    labels: { value: { release: 'a' }, part: labels(kind, 'release'), becomes: ['a'], ...alone },
    annotations: { value: { note: 'a' }, part: annotation(kind, 'note'), becomes: 'a', ...alone },
    interval: { value: '15s', part: (objects) => endpoint(objects).interval, becomes: '15s', ...alone },
    scrapeTimeout: { value: '7s', part: (objects) => endpoint(objects).scrapeTimeout, becomes: '7s', ...alone },
    relabelings: {
      value: [relabeling],
      part: (objects) => endpoint(objects).relabelings,
      becomes: [relabeling],
      ...alone,
    },
    metricRelabelings: {
      value: [relabeling],
      part: (objects) => endpoint(objects).metricRelabelings,
      becomes: [relabeling],
      ...alone,
    },
  };
  return Object.fromEntries(Object.entries(rows).map(([field, effect]) => [`${name}.${field}`, effect]));
}

const alerts = (objects: Objects): readonly Part[] =>
  specOf('PrometheusRule')(objects)
    .groups.flatMap(({ rules }: Part) => rules)
    .filter(({ alert }: Part) => alert !== undefined);

/** Every dashboard is a ConfigMap. */
const dashboards = (objects: Objects): readonly Part[] =>
  objects.filter(({ kind, metadata: { name } }) => kind === 'ConfigMap' && name.includes('-dashboard-'));

const secretRef = [{ secretRef: { name: 'environment' } }];
const volume = { name: 'ca', configMap: { name: 'ca' } };
const mount = { name: 'ca', mountPath: '/etc/ca', readOnly: true };
const variable = { name: 'NODE_EXTRA_CA_CERTS', value: '/etc/ca/ca.crt' };
const toleration = { key: 'dedicated', operator: 'Exists', effect: 'NoSchedule' };
const affinity = { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } } };
const spread = { maxSkew: 2, topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'DoNotSchedule' };
const digest = `sha256:${'0'.repeat(64)}`;
const extra = { apiVersion: 'v1', kind: 'LimitRange', metadata: { name: '{{ .Release.Name }}-extra' } };
const image = (objects: Objects): Part => container(objects).image;
const clusterRoles = (objects: Objects): Part =>
  objects.filter(({ kind }) => kind === 'ClusterRole').map(({ metadata: { name } }) => name);

export const effects: Readonly<Record<string, Effect>> = {
  nameOverride: { value: 'vms', part: labels('Service', 'app.kubernetes.io/name'), becomes: ['vms'] },
  fullnameOverride: { value: 'vm-operator', part: (o) => metadata('Deployment')(o).name, becomes: 'vm-operator' },
  commonLabels: { value: { team: 'a' }, part: labels('Service', 'team'), becomes: ['a'] },
  commonAnnotations: { value: { contact: 'a' }, part: annotation('Service', 'contact'), becomes: 'a' },
  'namespace.create': { value: true, part: counted('Namespace'), becomes: 1 },
  'accounts.enabled': {
    value: false,
    part: (objects) => [environment(objects)['VPS247_ACCOUNTS'], counted('CustomResourceDefinition')(objects)],
    becomes: [undefined, 1],
    alone: {},
  },
  'crds.enabled': { value: false, part: counted('CustomResourceDefinition'), becomes: 0, alone: {} },
  'crds.protection': { value: false, part: counted('ValidatingAdmissionPolicy'), becomes: 0, alone: {} },
  'crds.annotations': { value: { note: 'a' }, part: annotation('CustomResourceDefinition', 'note'), becomes: 'a' },
  extraObjects: {
    value: [extra],
    part: (o) => o.filter(({ kind }) => kind === 'LimitRange').map(({ metadata: { name } }) => name),
    becomes: ['vps247-operator-extra'],
  },
  watchNamespaces: {
    value: ['team-a'],
    part: (o) => [environment(o).VPS247_NAMESPACES, clusterRoles(o)],
    becomes: ['team-a', []],
  },
  takeOverFrom: {
    value: ['old/operator'],
    part: (o) => environment(o).VPS247_TAKE_OVER_FROM,
    becomes: 'old/operator',
  },
  'rbac.create': {
    value: false,
    part: (o) => o.filter(({ kind }) => /^(Cluster)?Role(Binding)?$/.test(kind)).map(({ kind }) => kind),
    becomes: [],
    alone: { rbac: { aggregateRoles: false } },
  },
  'rbac.aggregateRoles': { value: false, part: clusterRoles, becomes: ['vps247-operator'], alone: {} },
  'serviceAccount.create': {
    value: false,
    part: counted('ServiceAccount'),
    becomes: 0,
    alone: { serviceAccount: { name: 'theirs' } },
  },
  'serviceAccount.name': {
    value: 'operator',
    part: (o) => [
      metadata('ServiceAccount')(o).name,
      pod(o).serviceAccountName,
      ...new Set(o.filter(({ kind }) => kind.endsWith('RoleBinding')).map((binding) => binding['subjects'][0].name)),
    ],
    becomes: ['operator', 'operator', 'operator'],
  },
  'serviceAccount.annotations': { value: { note: 'a' }, part: annotation('ServiceAccount', 'note'), becomes: 'a' },
  replicas: { value: 3, part: (o) => deployment(o).replicas, becomes: 3 },
  'podDisruptionBudget.enabled': { value: false, part: counted('PodDisruptionBudget'), becomes: 0, alone: {} },
  'podDisruptionBudget.minAvailable': {
    value: 1,
    part: (o) => specOf('PodDisruptionBudget')(o).minAvailable,
    becomes: 1,
    alone: {},
  },
  'podDisruptionBudget.maxUnavailable': {
    value: '40%',
    part: (o) => specOf('PodDisruptionBudget')(o).maxUnavailable,
    becomes: '40%',
  },
  'image.registry': {
    value: 'registry.example.org',
    part: (o) => image(o).split('/')[0],
    becomes: 'registry.example.org',
  },
  'image.repository': {
    value: 'vms',
    part: (o) => image(o).split('/').slice(1).join('/').split(/[:@]/)[0],
    becomes: 'vms',
  },
  'image.tag': { value: '1.2.3', part: (o) => image(o).split('@')[0].split(':').at(-1), becomes: '1.2.3' },
  'image.digest': { value: digest, part: (o) => image(o).split('@')[1], becomes: digest },
  'image.pullPolicy': { value: 'Always', part: (o) => container(o).imagePullPolicy, becomes: 'Always' },
  imagePullSecrets: { value: [{ name: 'pull' }], part: (o) => pod(o).imagePullSecrets, becomes: [{ name: 'pull' }] },
  extraArgs: { value: ['--log-level=debug'], part: (o) => container(o).args, becomes: ['--log-level=debug'] },
  extraEnv: { value: [variable], part: (o) => environment(o)[variable.name], becomes: variable.value },
  extraEnvFrom: { value: secretRef, part: (o) => container(o).envFrom, becomes: secretRef },
  extraVolumes: { value: [volume], part: (o) => pod(o).volumes, becomes: [volume] },
  extraVolumeMounts: { value: [mount], part: (o) => container(o).volumeMounts, becomes: [mount] },
  podLabels: { value: { a: 'b' }, part: (o) => template(o).metadata.labels.a, becomes: 'b' },
  podAnnotations: { value: { c: 'd' }, part: (o) => template(o).metadata.annotations?.c, becomes: 'd' },
  deploymentAnnotations: { value: { note: 'a' }, part: annotation('Deployment', 'note'), becomes: 'a' },
  revisionHistoryLimit: { value: 2, part: (o) => deployment(o).revisionHistoryLimit, becomes: 2 },
  resources: {
    value: { limits: { memory: '1Gi' } },
    part: (o) => container(o).resources.limits,
    becomes: { memory: '1Gi' },
  },
  priorityClassName: {
    value: 'system-cluster-critical',
    part: (o) => pod(o).priorityClassName,
    becomes: 'system-cluster-critical',
  },
  nodeSelector: {
    value: { pool: 'system' },
    part: (o) => pod(o).nodeSelector,
    becomes: { 'kubernetes.io/os': 'linux', pool: 'system' },
  },
  tolerations: { value: [toleration], part: (o) => pod(o).tolerations, becomes: [toleration] },
  affinity: { value: affinity, part: (o) => pod(o).affinity, becomes: affinity },
  topologySpreadConstraints: {
    value: [spread],
    // It counts the Pods of this release only.
    part: (o) => {
      const [{ labelSelector, ...rest }, ...more] = pod(o).topologySpreadConstraints;
      return [rest, more, JSON.stringify(labelSelector) === JSON.stringify(deployment(o).selector)];
    },
    becomes: [spread, [], true],
  },
  terminationGracePeriodSeconds: { value: 90, part: (o) => pod(o).terminationGracePeriodSeconds, becomes: 90 },
  podSecurityContext: { value: { runAsUser: 65532 }, part: (o) => pod(o).securityContext.runAsUser, becomes: 65532 },
  securityContext: { value: { runAsGroup: 7 }, part: (o) => container(o).securityContext.runAsGroup, becomes: 7 },
  startupProbe: {
    value: { failureThreshold: 90 },
    part: (o) => container(o).startupProbe.failureThreshold,
    becomes: 90,
  },
  livenessProbe: { value: { periodSeconds: 30 }, part: (o) => container(o).livenessProbe.periodSeconds, becomes: 30 },
  readinessProbe: {
    value: { failureThreshold: 5 },
    part: (o) => container(o).readinessProbe.failureThreshold,
    becomes: 5,
  },
  'service.labels': { value: { shown: 'a' }, part: labels('Service', 'shown'), becomes: ['a'] },
  'service.annotations': { value: { note: 'a' }, part: annotation('Service', 'note'), becomes: 'a' },
  'networkPolicy.enabled': { value: true, part: counted('NetworkPolicy'), becomes: 1, alone: {} },
  'networkPolicy.metricsFrom': {
    value: [peer],
    part: (o) => specOf('NetworkPolicy')(o).ingress[0],
    becomes: { ports: [{ port: 'metrics' }], from: [peer] },
  },
  'networkPolicy.egressPorts': {
    value: [8443],
    part: (o) => specOf('NetworkPolicy')(o).egress[1].ports,
    becomes: [{ port: 8443 }],
  },
  'networkPolicy.extraIngress': {
    value: [{ from: [peer] }],
    part: (o) => specOf('NetworkPolicy')(o).ingress.slice(2),
    becomes: [{ from: [peer] }],
  },
  'networkPolicy.extraEgress': {
    value: [{ to: [peer] }],
    part: (o) => specOf('NetworkPolicy')(o).egress.slice(2),
    becomes: [{ to: [peer] }],
  },
  'serviceMonitor.enabled': { value: true, part: counted('ServiceMonitor'), becomes: 1, alone: {} },
  ...monitor('ServiceMonitor', 'endpoints', undefined),
  'podMonitor.enabled': { value: true, part: counted('PodMonitor'), becomes: 1, alone: {} },
  ...monitor('PodMonitor', 'podMetricsEndpoints', withPodMonitor),
  'prometheusRule.enabled': { value: true, part: counted('PrometheusRule'), becomes: 1, alone: {} },
  'prometheusRule.namespace': {
    value: 'monitoring',
    part: (o) => metadata('PrometheusRule')(o).namespace,
    becomes: 'monitoring',
  },
  'prometheusRule.labels': { value: { release: 'a' }, part: labels('PrometheusRule', 'release'), becomes: ['a'] },
  'prometheusRule.annotations': { value: { note: 'a' }, part: annotation('PrometheusRule', 'note'), becomes: 'a' },
  'prometheusRule.alertLabels': {
    value: { team: 'a' },
    part: (o) => [...new Set(alerts(o).map((alert) => alert.labels.team))],
    becomes: ['a'],
  },
  'prometheusRule.disabledAlerts': {
    value: ['Vps247OperatorDown'],
    part: (o) => alerts(o).some(({ alert }) => alert === 'Vps247OperatorDown'),
    becomes: false,
  },
  'dashboards.enabled': { value: true, part: (o) => dashboards(o).length > 0, becomes: true, alone: {} },
  'dashboards.namespace': {
    value: 'grafana',
    part: (o) => [...new Set(dashboards(o).map((board) => board.metadata.namespace))],
    becomes: ['grafana'],
  },
  'dashboards.labels': {
    value: { shown: 'a' },
    part: (o) => [...new Set(dashboards(o).map((board) => board.metadata.labels.shown))],
    becomes: ['a'],
  },
  'dashboards.annotations': {
    value: { folder: 'a' },
    part: (o) => [...new Set(dashboards(o).map((board) => board.metadata.annotations?.folder))],
    becomes: ['a'],
  },
};

/** Values that change no object, and why. */
export const withoutEffect: Readonly<Record<string, string>> = {
  enabled: 'charts that have this one as a dependency read it',
  global: 'charts that have this one as a dependency set it',
  scope: 'it refuses an installation of another scope, as test/chart/refusals.test.ts shows',
  config: 'each setting under it reaches the operator, as test/chart/settings.test.ts shows',
};
