import { isDeepStrictEqual } from 'node:util';
import { expect, test } from 'vitest';
import type { Values } from '../support/helm.ts';
import { type Manifest, onlyOne } from '../packaging/manifests.ts';
import { objectsOf } from './chart.ts';

type Peer = Readonly<Record<string, unknown>>;
interface Rule {
  readonly ports?: readonly { readonly port: number | string; readonly protocol?: string }[];
  readonly from?: readonly Peer[];
  readonly to?: readonly Peer[];
}

const prometheus: Peer = { namespaceSelector: { matchLabels: { name: 'monitoring' } } };
const stranger: Peer = { podSelector: { matchLabels: { app: 'stranger' } } };

/** Which of `port/protocol` a policy lets through: in from the peer, out to it. */
interface Passage {
  in(ports: readonly string[], peer?: Peer): readonly string[];
  out(ports: readonly string[], peer?: Peer): readonly string[];
}

function matches(rule: Rule, port: string, peer: Peer, named: ReadonlyMap<string, number>): boolean {
  const { ports = [], from, to } = rule;
  const peers = from ?? to;
  const isPort = ports.some(
    ({ port: one, protocol = 'TCP' }) => `${named.get(String(one)) ?? one}/${protocol}` === port,
  );
  return isPort && (peers === undefined || peers.some((one) => isDeepStrictEqual(one, peer)));
}

/** The rules that a NetworkPolicy's controller would follow for the operator's Pods. */
async function passageOf(values: Values): Promise<Passage> {
  const objects = await objectsOf(values);
  const { spec } = onlyOne(objects, 'NetworkPolicy') as Manifest & {
    readonly spec: {
      readonly policyTypes: readonly string[];
      readonly ingress: readonly Rule[];
      readonly egress: readonly Rule[];
    };
  };
  const [container] = onlyOne(objects, 'Deployment')['spec'].template.spec.containers;
  const named = new Map<string, number>(
    container.ports.map(({ name, containerPort }: { name: string; containerPort: number }) => [name, containerPort]),
  );
  expect(spec.policyTypes, 'without a type, all of that kind is let through').toEqual(['Ingress', 'Egress']);
  const through =
    (rules: readonly Rule[]) =>
    (ports: readonly string[], peer: Peer = stranger) =>
      ports.filter((port) => rules.some((rule) => matches(rule, port, peer, named)));
  return { in: through(spec.ingress), out: through(spec.egress) };
}

const tried = [
  '22/TCP',
  '53/TCP',
  '53/UDP',
  '80/TCP',
  '443/TCP',
  '443/UDP',
  '6443/TCP',
  '8080/TCP',
  '8080/UDP',
  '8081/TCP',
];

test('is absent by default', async () => {
  expect((await objectsOf({})).map(({ kind }) => kind)).not.toContain('NetworkPolicy');
});

test('allows by default metrics and health as ingress, and DNS, the Kubernetes API and the provider as egress', async () => {
  const passage = await passageOf({ networkPolicy: { enabled: true } });
  expect(passage.in(tried)).toEqual(['8080/TCP', '8081/TCP']);
  expect(passage.out(tried)).toEqual(['53/TCP', '53/UDP', '443/TCP', '6443/TCP']);
});

test('selects the Pods of the operator, and not the one of `helm test`', async () => {
  const objects = await objectsOf({ networkPolicy: { enabled: true } });
  const { podSelector } = onlyOne(objects, 'NetworkPolicy')['spec'];
  expect(onlyOne(objects, 'Deployment')['spec'].template.metadata.labels).toMatchObject(podSelector.matchLabels);
  expect(onlyOne(objects, 'Pod').metadata.labels).not.toMatchObject(podSelector.matchLabels);
});

test('metricsFrom: only these peers read metrics, and all peers read health, as the kubelet does', async () => {
  const passage = await passageOf({ networkPolicy: { enabled: true, metricsFrom: [prometheus] } });
  expect(passage.in(tried, prometheus)).toEqual(['8080/TCP', '8081/TCP']);
  expect(passage.in(tried, stranger)).toEqual(['8081/TCP']);
});

test('egressPorts: replace the default ports, except DNS', async () => {
  const passage = await passageOf({ networkPolicy: { enabled: true, egressPorts: [8443] } });
  expect(passage.out([...tried, '8443/TCP'])).toEqual(['53/TCP', '53/UDP', '8443/TCP']);
});

test('extraIngress and extraEgress: are added', async () => {
  const passage = await passageOf({
    networkPolicy: {
      enabled: true,
      metricsFrom: [prometheus],
      extraIngress: [{ ports: [{ port: 22 }], from: [stranger] }],
      extraEgress: [{ ports: [{ port: 80 }], to: [prometheus] }],
    },
  });
  expect([passage.in(tried, stranger), passage.in(tried, prometheus)]).toEqual([
    ['22/TCP', '8081/TCP'],
    ['8080/TCP', '8081/TCP'],
  ]);
  expect(passage.out(['80/TCP', '443/TCP'], prometheus)).toEqual(['80/TCP', '443/TCP']);
  expect(passage.out(['80/TCP', '443/TCP'], stranger)).toEqual(['443/TCP']);
});

test('follows the ports that the operator listens on', async () => {
  const config = { metricsAddress: ':9090', healthAddress: '[::]:9091' };
  const passage = await passageOf({ networkPolicy: { enabled: true }, config });
  expect(passage.in([...tried, '9090/TCP', '9091/TCP'])).toEqual(['9090/TCP', '9091/TCP']);
});
