import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Values } from '../support/helm.ts';
import { onlyOne, projectRoot } from '../packaging/manifests.ts';
import { notesOf, objectsOf } from './chart.ts';

/** The Pod template and its one container. */
async function podOf(values: Values) {
  const pod = onlyOne(await objectsOf(values), 'Deployment')['spec'].template.spec;
  return { pod, container: pod.containers[0] };
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string; readonly host?: string };
  readonly periodSeconds: number;
  readonly failureThreshold?: number;
  readonly timeoutSeconds?: number;
}

/** The largest number of bytes anywhere in the results. */
function mostBytes(results: unknown, name = ''): number {
  if (typeof results === 'object' && results !== null)
    return Math.max(0, ...Object.entries(results).map(([key, value]) => mostBytes(value, key)));
  return typeof results === 'number' && /^(peak|resident)Bytes$/.test(name) ? results : 0;
}

/** Seconds until so many failures in a row are too many; what is left out, Kubernetes puts in. */
const patience = ({ periodSeconds, failureThreshold = 3 }: Probe): number => periodSeconds * failureThreshold;

describe('probes', () => {
  test('a start may take a minute, a stuck process is restarted after half a minute, and readiness changes within seconds', async () => {
    const { startupProbe, livenessProbe, readinessProbe } = (await podOf({})).container;
    expect([patience(startupProbe), patience(livenessProbe), readinessProbe.periodSeconds]).toEqual([60, 30, 5]);
    for (const probe of [livenessProbe, readinessProbe]) expect(probe.timeoutSeconds).toBe(5);
  });

  test('liveness checks the work loop and not readiness, because outages of others must not restart the operator', async () => {
    const { startupProbe, livenessProbe, readinessProbe } = (await podOf({})).container;
    const paths = [startupProbe, livenessProbe, readinessProbe].map(({ httpGet }: Probe) => httpGet.path);
    expect(paths).toEqual(['/healthz', '/healthz', '/readyz']);
  });

  test("use the Pod's own address, of any family, on the port that the operator listens on", async () => {
    const { container } = await podOf({ config: { healthAddress: ':9091' } });
    expect(container.ports).toContainEqual({ name: 'health', containerPort: 9091 });
    for (const probe of [container.startupProbe, container.livenessProbe, container.readinessProbe])
      expect(probe.httpGet).toEqual({ path: expect.any(String), port: 'health' });
  });

  test('have configurable values', async () => {
    const { container } = await podOf({
      startupProbe: { failureThreshold: 90 },
      livenessProbe: { periodSeconds: 30 },
      readinessProbe: { failureThreshold: 5 },
    });
    const { startupProbe, livenessProbe, readinessProbe } = container;
    expect([patience(startupProbe), patience(livenessProbe), patience(readinessProbe)]).toEqual([180, 90, 25]);
  });
});

describe('resources', () => {
  test('memory has a limit, and CPU has none', async () => {
    const { requests, limits } = (await podOf({})).container.resources;
    expect(limits).toEqual({ memory: '384Mi' });
    expect(requests).toEqual({ cpu: '50m', memory: '128Mi' });
  });

  test('the memory limit is one and a half times the maximum of the bench', async () => {
    const measured = JSON.parse(readFileSync(path.join(projectRoot, 'docs/performance.json'), 'utf8'));
    const { limits } = (await podOf({})).container.resources;
    expect(parseInt(limits.memory, 10) * 2 ** 20).toBeGreaterThanOrEqual(1.5 * mostBytes(measured));
  });
});

test('Services of the namespace add no variables, because some would look like settings', async () => {
  expect((await podOf({})).pod.enableServiceLinks).toBe(false);
});

describe('availability', () => {
  test('two replicas run, on different nodes if possible, and an update starts a new one on standby before an old one ends', async () => {
    const { replicas, strategy, template } = onlyOne(await objectsOf({}), 'Deployment')['spec'];
    expect(replicas).toBe(2);
    expect(strategy).toEqual({ type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } });
    expect(template.spec.topologySpreadConstraints).toMatchObject([
      { topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'ScheduleAnyway' },
    ]);
  });

  test('a drain evicts one Pod at a time, and any Pod that is not ready', async () => {
    const objects = await objectsOf({});
    const { selector, ...budget } = onlyOne(objects, 'PodDisruptionBudget')['spec'];
    expect(budget).toEqual({ maxUnavailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow' });
    expect(selector).toEqual(onlyOne(objects, 'Deployment')['spec'].selector);
  });

  test('a Pod has five seconds more to end than the operator takes at most', async () => {
    const { pod, container } = await podOf({});
    const grace = container.env.find(({ name }: { name: string }) => name === 'VPS247_SHUTDOWN_GRACE_PERIOD');
    expect(grace.value).toBe('25s');
    expect(pod.terminationGracePeriodSeconds).toBe(30);
  });
});

test('the token of the service account is in the Pod of the operator only', async () => {
  const objects = await objectsOf({});
  expect(onlyOne(objects, 'Deployment')['spec'].template.spec.automountServiceAccountToken).toBe(true);
  expect(onlyOne(objects, 'ServiceAccount')['automountServiceAccountToken']).toBe(false);
  expect(onlyOne(objects, 'Pod')['spec']).toMatchObject({
    automountServiceAccountToken: false,
    enableServiceLinks: false,
  });
});

test('Service and monitors select the Pods of the operator, and not the one of `helm test`', async () => {
  const config = { metricsAddress: ':9090', healthAddress: ':9091' };
  const objects = [
    ...(await objectsOf({ serviceMonitor: { enabled: true }, config })),
    ...(await objectsOf({ podMonitor: { enabled: true }, config })).filter(({ kind }) => kind === 'PodMonitor'),
  ];
  const service = onlyOne(objects, 'Service');
  const { selector, template } = onlyOne(objects, 'Deployment')['spec'];
  expect(service['spec']).toEqual({
    type: 'ClusterIP',
    selector: selector.matchLabels,
    ports: [
      { name: 'metrics', port: 9090, targetPort: 'metrics' },
      { name: 'health', port: 9091, targetPort: 'health' },
    ],
  });
  expect(template.metadata.labels).toMatchObject(selector.matchLabels);
  expect(service.metadata.labels).toMatchObject(onlyOne(objects, 'ServiceMonitor')['spec'].selector.matchLabels);
  expect(onlyOne(objects, 'PodMonitor')['spec'].selector).toEqual(selector);
  expect(onlyOne(objects, 'Pod').metadata.labels).not.toMatchObject(selector.matchLabels);
});

test('the namespace enforces the restricted level for Pods, and warns of a Deployment whose Pods would be refused', async () => {
  const { labels } = onlyOne(await objectsOf({ namespace: { create: true } }), 'Namespace').metadata;
  expect(labels).toMatchObject({
    'pod-security.kubernetes.io/enforce': 'restricted',
    'pod-security.kubernetes.io/warn': 'restricted',
  });
});

describe('the user', () => {
  test("is not set: the kubelet uses the image's user, and OpenShift's restricted-v2 assigns another", async () => {
    const objects = await objectsOf({});
    const pods = [onlyOne(objects, 'Deployment')['spec'].template.spec, onlyOne(objects, 'Pod')['spec']];
    for (const { securityContext, containers } of pods) {
      expect(securityContext).toEqual({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
      for (const container of containers)
        expect(container.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
    }
  });

  test('can be set, with other security settings of the Pod', async () => {
    const { pod } = await podOf({ podSecurityContext: { runAsUser: 65532 } });
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 65532 });
  });
});

test('takeOverFrom reaches the operator, and the notes describe the next step', async () => {
  const values = { takeOverFrom: ['old/vps247-operator', 'older/operator'] };
  expect(await notesOf(values)).toContain('takes over the VirtualMachines of old/vps247-operator, older/operator');
  const { container } = await podOf(values);
  expect(container.env).toContainEqual({
    name: 'VPS247_TAKE_OVER_FROM',
    value: 'old/vps247-operator,older/operator',
  });
});
