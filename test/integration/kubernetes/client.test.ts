import { KubeConfig } from '@kubernetes/client-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createKubeClient, type KubeClient } from '../../../src/kubernetes/client.ts';
import { createEventRecorder } from '../../../src/kubernetes/events.ts';
import { createLeaderElector } from '../../../src/kubernetes/leader-election/leader-elector.ts';
import { createTransport } from '../../../src/kubernetes/transport.ts';
import { systemClock } from '../../../src/domain/clock.ts';
import { silentLog } from '../../../src/telemetry/log.ts';
import { rejection } from '../../kubernetes/connect.ts';
import { type ApiServer, configMap, configMaps, startApiServer } from './api-server.ts';

let api: ApiServer;
let client: KubeClient & AsyncDisposable;

beforeAll(async () => {
  api = await startApiServer();
  client = api.connect();
}, 120_000);

afterAll(async () => {
  await client.close();
  await api[Symbol.asyncDispose]();
});

const at = (name: string) => ({ namespace: 'default', name });

test('the server returns its version', async () => {
  expect(await client.version()).toMatch(/^v1\.\d+/);
});

test('an object is stored, read, patched and listed', async () => {
  await client.create(configMaps, 'default', configMap('life', '1', 'life'));
  expect(await client.get(configMaps, at('life'))).toMatchObject({ data: { value: '1' } });
  await client.patch(configMaps, at('life'), { type: 'merge', body: { data: { value: '2' } } });
  const operation = { op: 'replace', path: '/data/value', value: '3' };
  const patched = await client.patch(configMaps, at('life'), { type: 'json', body: [operation] });
  // Who wrote it is not read; that it says vps247-operator is seen where kubectl reads it, in the tests of GitOps.
  expect(patched).toMatchObject({ data: { value: '3' }, metadata: { managedFields: [] } });
  const { items } = await client.list(configMaps, { namespace: 'default', labelSelector: 'suite=life' });
  expect(items).toHaveLength(1);
});

test('a status is patched by itself', async () => {
  const claims = { group: '', version: 'v1', plural: 'persistentvolumeclaims' };
  const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
  const claim = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'disk' }, spec };
  await client.create(claims, 'default', claim);
  const body = { spec: { volumeName: 'ignored-here' }, status: { phase: 'Lost' } };
  const patched = await client.patch(claims, at('disk'), { type: 'merge', body, subresource: 'status' });
  expect(patched).toMatchObject({ status: { phase: 'Lost' } });
  expect(patched).not.toHaveProperty('spec.volumeName');
});

test.each<[string, () => Promise<unknown>, string]>([
  ['an object that is not there', () => client.get(configMaps, at('absent')), 'NotFound'],
  ['a kind that is not served', () => client.get({ ...configMaps, plural: 'dreams' }, at('absent')), 'Unexpected'],
  [
    'a group that is not served',
    () => client.list({ group: 'dreams.io', version: 'v1', plural: 'dreams' }),
    'Unexpected',
  ],
  [
    'a name that is taken',
    async () => {
      await client.create(configMaps, 'default', configMap('taken', '1'));
      return client.create(configMaps, 'default', configMap('taken', '2'));
    },
    'AlreadyExists',
  ],
  [
    'an object that another client changed',
    async () => {
      await client.create(configMaps, 'default', configMap('stale', '1'));
      return client.patch(configMaps, at('stale'), { type: 'merge', body: { metadata: { resourceVersion: '1' } } });
    },
    'Conflict',
  ],
  ['a name that is none', () => client.create(configMaps, 'default', configMap('Not A Name', '1')), 'Invalid'],
  ['a namespace that is not there', () => client.create(configMaps, 'nowhere', configMap('lost', '1')), 'NotFound'],
  ['a page of a list that is nonsense', () => client.list(configMaps, { continue: 'nonsense' }), 'Invalid'],
])('%s is distinguished', async (_what, call, reason) => {
  expect(await rejection(call())).toMatchObject({ reason });
});

test.each<[string, object, object, string]>([
  ['who is not known', {}, { token: 'planted-key' }, 'Unauthorized'],
  ['a server that cannot be verified', { caData: undefined }, {}, 'Network'],
  ['a server by another name', { tlsServerName: 'elsewhere' }, {}, 'Network'],
])('%s is reported without a token', async (_what, cluster, user, reason) => {
  const { server, caData } = api.plane;
  const config = new KubeConfig();
  config.loadFromClusterAndUser(
    { name: 'test', server, skipTLSVerify: false, caData: Buffer.from(caData).toString('base64'), ...cluster },
    { name: 'test', ...user },
  );
  const stranger = createKubeClient(createTransport(config, { clock: systemClock, version: 'test' }));
  const error = await rejection(stranger.list(configMaps));
  expect(error).toMatchObject({ reason });
  expect(error.message).not.toContain('planted-key');
  await stranger.close();
});

test("events are stored in the server's format, and repeated ones counted", async () => {
  const recorder = createEventRecorder({ client, clock: systemClock, log: silentLog, instance: 'test-1' });
  const { metadata } = (await client.create(configMaps, 'default', configMap('eventful', '1'))) as {
    readonly metadata: { readonly uid: string; readonly resourceVersion: string };
  };
  const regarding = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'default', name: 'eventful', ...metadata };
  const event = { type: 'Warning', reason: 'Tested', action: 'Test', note: 'x'.repeat(2_000) } as const;
  const { uid, resourceVersion } = metadata;
  for (let count = 0; count < 3; count += 1) {
    recorder.record({ ...event, regarding: { ...regarding, uid, resourceVersion } });
  }
  await recorder.drain();
  const { items } = await client.list(
    { group: 'events.k8s.io', version: 'v1', plural: 'events' },
    { namespace: 'default' },
  );
  const ours = items.filter((item) => (item as { readonly reason?: string }).reason === 'Tested');
  expect(ours).toEqual([
    expect.objectContaining({
      type: 'Warning',
      action: 'Test',
      reportingController: 'vps247.com/operator',
      regarding: expect.objectContaining({ name: 'eventful', uid }),
      series: expect.objectContaining({ count: 3 }),
    }),
  ]);
});

test('events about the operator are about its Lease, in its namespace', async () => {
  const ref = { namespace: 'kube-system', name: 'reported' };
  const times = { leaseDuration: 15_000, renewDeadline: 10_000, retryPeriod: 2_000 };
  const lease = createLeaderElector({
    connect: () => client,
    ref,
    identity: 'test-1',
    times,
    clock: systemClock,
    random: Math.random,
    log: silentLog,
  });
  expect(lease.reference()).toBeUndefined();
  lease.start();
  await lease.elected;
  const regarding = lease.reference();
  await lease.release();
  if (regarding === undefined) throw new Error('a Lease that was won is not known');
  const recorder = createEventRecorder({ client, clock: systemClock, log: silentLog, instance: 'test-1' });
  recorder.record({
    regarding,
    type: 'Normal',
    reason: 'UnmanagedVMs',
    action: 'ListMachines',
    note: '1 unmanaged VM',
  });
  await recorder.drain();
  const { metadata } = (await client.get({ group: 'coordination.k8s.io', version: 'v1', plural: 'leases' }, ref)) as {
    readonly metadata: { readonly uid: string };
  };
  // As kubectl describe looks for them: by name and UID of the object that they involve.
  const { items } = await client.list({ group: '', version: 'v1', plural: 'events' }, { namespace: ref.namespace });
  const involvedObject = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', ...ref, uid: metadata.uid };
  expect(items).toContainEqual(expect.objectContaining({ involvedObject, message: '1 unmanaged VM' }));
});
