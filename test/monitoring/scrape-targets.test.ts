import { expect, test } from 'vitest';
import { targetsOf } from '../support/scrape-targets.ts';
import { objectsOf } from '../chart/chart.ts';
import { type Manifest, onlyOne, parseManifests } from '../packaging/manifests.ts';

const objects = parseManifests(
  `
kind: Service
metadata: { name: a, namespace: here, labels: { app: a } }
spec: { selector: { pod: a }, ports: [{ name: metrics, port: 80, targetPort: web }, { name: number, port: 81, targetPort: 9000 }] }
---
kind: Deployment
metadata: { name: a, namespace: here }
spec: { template: { metadata: { labels: { pod: a, app: a } }, spec: { containers: [{ ports: [{ name: web, containerPort: 8080 }, { name: raw, containerPort: 9000 }] }] } } }
---
kind: Pod
metadata: { name: lone, namespace: there, labels: { app: a } }
spec: { containers: [{ ports: [{ name: web, containerPort: 7000 }] }, {}] }
`,
  'objects',
);

function monitor(kind: 'ServiceMonitor' | 'PodMonitor', spec: Readonly<Record<string, unknown>>): Manifest {
  const endpoints = { endpoints: [{ port: 'metrics' }], podMetricsEndpoints: [{ port: 'web' }] };
  const metadata = { name: 'm', namespace: 'here' };
  return {
    file: '',
    apiVersion: '',
    kind,
    metadata,
    spec: { selector: { matchLabels: { app: 'a' } }, ...endpoints, ...spec },
  };
}

const a = { namespace: 'here', workload: 'Deployment/a', port: 8080, path: '/metrics' };
const lone = { namespace: 'there', workload: 'Pod/lone', port: 7000, path: '/metrics' };

test.each([
  ['a Service leads to its Pods by the name of their port', monitor('ServiceMonitor', {}), [a]],
  [
    'or by its number',
    monitor('ServiceMonitor', { endpoints: [{ port: 'number', path: '/x' }] }),
    [{ ...a, port: 9000, path: '/x' }],
  ],
  ['the name of the port is not that of the Service', monitor('ServiceMonitor', { endpoints: [{ port: 'web' }] }), []],
  ['the label is not that of the Service', monitor('ServiceMonitor', { selector: { matchLabels: { pod: 'a' } } }), []],
  ['the Service is elsewhere', monitor('ServiceMonitor', { namespaceSelector: { matchNames: ['there'] } }), []],
  ['Pods are looked for where the monitor is', monitor('PodMonitor', {}), [a]],
  ['or where it says', monitor('PodMonitor', { namespaceSelector: { matchNames: ['there'] } }), [lone]],
  ['or everywhere', monitor('PodMonitor', { namespaceSelector: { any: true } }), [a, lone]],
  ['no Pod has such a port', monitor('PodMonitor', { podMetricsEndpoints: [{ port: 'metrics' }] }), []],
])('%s', (_, given, expected) => {
  expect(targetsOf(given, objects)).toEqual(expected);
});

test('an unsupported selector is an error', () => {
  const selector = { matchExpressions: [{ key: 'app', operator: 'Exists' }] };
  expect(() => targetsOf(monitor('PodMonitor', { selector }), objects)).toThrow('not understood');
});

test.each(['serviceMonitor', 'podMonitor'])(
  'the %s selects the Pods of the operator, in whichever namespace it is',
  async (value) => {
    const kind = value === 'podMonitor' ? 'PodMonitor' : 'ServiceMonitor';
    for (const namespace of ['', 'vps247-system', 'monitoring']) {
      const rendered = await objectsOf({ [value]: { enabled: true, namespace } });
      const own = onlyOne(rendered, kind);
      const expected = {
        namespace: 'vps247-system',
        workload: 'Deployment/vps247-operator',
        port: 8080,
        path: '/metrics',
      };
      expect(targetsOf(own, rendered)).toEqual([expected]);
      // Without a name in it, a user who moves all objects into another namespace moves its targets too.
      expect(JSON.stringify(own['spec']).includes('vps247-system')).toBe(namespace === 'monitoring');
    }
  },
);
