import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { startOperator } from '../support/operator-process.ts';
import { startCollector } from '../support/collector.ts';
import { startRawServer } from '../support/raw-server.ts';
import { serveCluster, writeKubeconfig } from './cluster.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'vps247-running-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const logFile = path.join(folder, 'operator.log');

test.each([
  { what: "the kubeconfig's context", flags: [], namespace: 'found' },
  { what: 'its flag, whatever the context says', flags: ['--leader-election-namespace=given'], namespace: 'given' },
])('the namespace of the Lease is that of $what', async ({ flags, namespace }) => {
  await using cluster = await serveCluster();
  const kubeconfig = writeKubeconfig(path.join(folder, namespace), cluster.url, 'found');
  const operator = startOperator({
    kubeconfig,
    apiUrl: cluster.url,
    flags: ['--leader-election=true', ...flags],
    logFile,
  });
  await expect.poll(operator.output).toContain('"lease":"');
  await operator.kill();
  const leases = cluster.requests.flatMap((request) => /\/namespaces\/(\w+)\/leases/.exec(request)?.[1] ?? []);
  expect(new Set(leases)).toEqual(new Set([namespace]));
});

test('a renewal of the Lease without a response ends at half of the renew deadline, so that another one is in time', async () => {
  await using cluster = await serveCluster({
    answers: ({ method, url }) => method === 'PATCH' && url?.includes('/leases/') === true,
  });
  const operator = startOperator({
    kubeconfig: writeKubeconfig(path.join(folder, 'renewal'), cluster.url, 'found'),
    apiUrl: cluster.url,
    flags: ['--leader-election=true', '--lease-duration=6s', '--renew-deadline=3s', '--retry-period=100ms'],
    logFile,
  });
  await expect.poll(operator.output).toContain('Failed to read or update Lease, retrying');
  await operator.kill();
  expect(operator.output()).toMatch(/patch leases found\/[^ ]+: no complete answer within 1500 ms/);
});

test('a second SIGINT ends it at once, although the Lease is not released yet', async () => {
  const released = Promise.withResolvers<void>();
  await using cluster = await serveCluster({
    answers: ({ method }, body) => {
      // Never answered.
      const isRelease = method === 'PATCH' && JSON.stringify(body).includes('"holderIdentity":""');
      if (isRelease) released.resolve();
      return isRelease;
    },
  });
  const operator = startOperator({
    kubeconfig: writeKubeconfig(path.join(folder, 'signals'), cluster.url, 'found'),
    apiUrl: cluster.url,
    flags: ['--leader-election=true', '--lease-duration=10m', '--renew-deadline=5m', '--shutdown-grace-period=10m'],
    logFile,
  });
  await expect.poll(operator.output).toContain('"lease":"');
  process.kill(operator.pid, 'SIGINT');
  await Promise.race([released.promise, operator.exited]);
  process.kill(operator.pid, 'SIGINT');
  expect(await operator.exited).toBe(130);
});

test('a span of a call to the provider is an error only if the call failed', async () => {
  const namespace = 'found';
  const metadata = { namespace, name: 'web', uid: 'uid-1', resourceVersion: '1', generation: 1 };
  await using cluster = await serveCluster({
    objects: {
      virtualmachines: {
        items: [{ metadata, spec: { managementPolicy: 'Plan' } }],
        metadata: { resourceVersion: '1' },
      },
      'vps247-credentials': {
        metadata: { namespace, name: 'vps247-credentials', uid: 'uid-2', resourceVersion: '1' },
        data: { 'api-key': Buffer.from('planted-key-running').toString('base64') },
      },
    },
  });
  await using provider = await startRawServer((_request, response) =>
    // The first answer is followed by another try.
    response.writeHead(provider.requests.length === 1 ? 503 : 200).end('[]'),
  );
  await using collector = await startCollector();
  const operator = startOperator({
    kubeconfig: writeKubeconfig(path.join(folder, 'traces'), cluster.url),
    apiUrl: provider.url,
    variables: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '100' },
    logFile,
  });
  const calls = () =>
    collector.spans
      .filter(({ attributes }) => attributes['vps247.api'] === 'provider')
      .map(({ attributes, isError }) => [attributes['vps247.code'], isError])
      .slice(0, 2);
  await expect.poll(calls).toHaveLength(2);
  expect(calls()).toEqual([
    ['ServerError', true],
    ['ok', false],
  ]);
  await operator.kill();
});
