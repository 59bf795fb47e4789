import { describe, expect, test } from 'vitest';
import type { Values } from '../../hack/kit/helm.ts';
import { onlyOne } from '../packaging/manifests.ts';
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

/** Seconds until so many failures in a row are too many; what is left out, Kubernetes puts in. */
const patience = ({ periodSeconds, failureThreshold = 3 }: Probe): number => periodSeconds * failureThreshold;

describe('probes', () => {
  test('a start may take a minute, a process that is stuck is ended after half of one, and readiness is told within seconds', async () => {
    const { startupProbe, livenessProbe, readinessProbe } = (await podOf({})).container;
    expect([patience(startupProbe), patience(livenessProbe), readinessProbe.periodSeconds]).toEqual([60, 30, 5]);
    for (const probe of [livenessProbe, readinessProbe]) expect(probe.timeoutSeconds).toBe(5);
  });

  test('liveness asks whether the work goes round and not whether it is ready, or an outage of others would end it', async () => {
    const { startupProbe, livenessProbe, readinessProbe } = (await podOf({})).container;
    const paths = [startupProbe, livenessProbe, readinessProbe].map(({ httpGet }: Probe) => httpGet.path);
    expect(paths).toEqual(['/healthz', '/healthz', '/readyz']);
  });

  test("they ask the Pod's own address, whatever its family, on the port that the operator listens on", async () => {
    const { container } = await podOf({ config: { healthAddress: ':9091' } });
    expect(container.ports).toContainEqual({ name: 'health', containerPort: 9091 });
    for (const probe of [container.startupProbe, container.livenessProbe, container.readinessProbe])
      expect(probe.httpGet).toEqual({ path: expect.any(String), port: 'health' });
  });

  test('their numbers are values', async () => {
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

  test('they are values', async () => {
    const { resources } = (await podOf({ resources: { limits: { memory: '1Gi' } } })).container;
    expect(resources.limits).toEqual({ memory: '1Gi' });
  });
});

test('Services of the namespace add no variables, some of which would look like settings', async () => {
  expect((await podOf({})).pod.enableServiceLinks).toBe(false);
});

describe('the user', () => {
  test("none is set: the kubelet finds the image's number, and OpenShift's restricted-v2 assigns its own", async () => {
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

  test('one may be set, with what else the Pod asks for', async () => {
    const { pod } = await podOf({ podSecurityContext: { runAsUser: 65532 } });
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 65532 });
  });
});

test('takeOverFrom reaches the operator, and the notes say what to do about it', async () => {
  const values = { takeOverFrom: ['old/vps247-operator', 'older/operator'] };
  expect(await notesOf(values)).toContain('takes over the VirtualMachines of old/vps247-operator, older/operator');
  const { container } = await podOf(values);
  expect(container.env).toContainEqual({
    name: 'VPS247_TAKE_OVER_FROM',
    value: 'old/vps247-operator,older/operator',
  });
});
