import { Server } from 'node:http';
import { connect } from 'node:net';
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createHealthServer, type HealthServer, type HealthServerOptions } from '../../src/telemetry/http-server.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { refuseIpv6, watchIpv6 } from '../support/ipv6.ts';

const anyPort = { host: '127.0.0.1', port: 0 };
const started: HealthServer[] = [];
const isLoopback = ({ internal }: NetworkInterfaceInfo): boolean => internal;

async function startServer(options: Partial<HealthServerOptions> = {}): Promise<{ metrics: string; health: string }> {
  const server = createHealthServer({
    metricsAddress: anyPort,
    healthAddress: anyPort,
    isAlive: () => true,
    readiness: { evaluate: () => ({ isReady: true, lines: [] }) },
    metrics: createMetrics({ version: 'x' }),
    log: silentLog,
    ...options,
  });
  started.push(server);
  await server.start();
  if (server.addresses === undefined) throw new Error('started without addresses');
  return server.addresses;
}

afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.stop()));
});

test('serves the metrics page with its content type', async () => {
  const { metrics } = await startServer();
  const response = await fetch(`${metrics}/metrics?x=1`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  expect(await response.text()).toContain('vps247_operator_build_info');
});

test('serves its current health and readiness', async () => {
  let isReady = false;
  const { health } = await startServer({ readiness: { evaluate: () => ({ isReady, lines: [] }) } });
  const statusOf = async (path: string): Promise<number> => (await fetch(`${health}${path}`)).status;
  expect([await statusOf('/healthz'), await statusOf('/readyz')]).toEqual([200, 503]);
  isReady = true;
  expect(await statusOf('/readyz')).toBe(200);
  // No proxy may answer with what was so before.
  expect((await fetch(`${health}/readyz`)).headers.get('cache-control')).toBe('no-store');
});

test('reports a stopped loop as unhealthy', async () => {
  const { health } = await startServer({ isAlive: () => false });
  const response = await fetch(`${health}/healthz`);
  expect([response.status, await response.text()]).toEqual([503, 'reconciliation has stopped\n']);
});

test('each address serves only its own pages, to GET and HEAD only', async () => {
  const { metrics, health } = await startServer();
  const asked = [`${health}/metrics`, `${metrics}/healthz`, `${metrics}/`].map(
    async (url) => (await fetch(url)).status,
  );
  expect(await Promise.all(asked)).toEqual([404, 404, 404]);
  expect((await fetch(`${metrics}/metrics`, { method: 'POST' })).status).toBe(405);
});

/** What a server sends, byte for byte: an HTTP client would hide a body that must not be there. */
async function rawResponse(url: string, method: string): Promise<readonly [head: string, body: string]> {
  const { hostname, port, pathname } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.end(`${method} ${pathname} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n');
  return [head, body];
}

test('HEAD has the head of GET, whose length is in bytes, and no body', async () => {
  const { metrics } = await startServer({ targets: () => '["Zürich"]' });
  const [head, body] = await rawResponse(`${metrics}/targets`, 'HEAD');
  expect(head).toMatch(/^HTTP\/1\.1 200 [^]*\r\ncontent-length: 11\r\n/);
  expect(body).toBe('');
  expect((await rawResponse(`${metrics}/targets`, 'GET'))[1]).toBe('["Zürich"]');
});

test('a client that is slow to send its request is cut off after seconds', async () => {
  const listen = vi.spyOn(Server.prototype, 'listen');
  await startServer();
  const servers = listen.mock.contexts.filter((server) => server instanceof Server);
  listen.mockRestore();
  expect(servers.map(({ requestTimeout, headersTimeout }) => [requestTimeout, headersTimeout])).toEqual([
    [5_000, 5_000],
    [5_000, 5_000],
  ]);
});

test('a server that stopped has no addresses', async () => {
  await startServer();
  await started[0]?.stop();
  expect(started[0]?.addresses).toBeUndefined();
});

test('serves targets as JSON once they are known, and before that an error, after which Prometheus keeps its targets', async () => {
  const known: { page?: string } = {};
  const { metrics, health } = await startServer({ targets: () => known.page });
  expect((await fetch(`${metrics}/targets`)).status).toBe(503);
  known.page = '[]\n';
  const response = await fetch(`${metrics}/targets`);
  // Prometheus accepts this type only.
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/json']);
  expect(await response.text()).toBe('[]\n');
  expect((await fetch(`${health}/targets`)).status).toBe(404);
  expect((await fetch(`${(await startServer()).metrics}/targets`)).status).toBe(404);
});

test('a page that fails is a 500 without details', async () => {
  const metrics = { contentType: 'text/plain', render: () => Promise.reject(new Error('inner words')) };
  const addresses = await startServer({ metrics });
  const response = await fetch(`${addresses.metrics}/metrics`);
  expect([response.status, await response.text()]).toEqual([500, 'failed, see the log\n']);
});

test('a port in use is one sentence naming the flag, and nothing stays open', async () => {
  const { health } = await startServer();
  const port = Number(new URL(health).port);
  const metricsPort = Number(new URL((await startServer()).metrics).port);
  await started.at(-1)?.stop();
  const second = createHealthServer({
    metricsAddress: { host: '127.0.0.1', port: metricsPort },
    healthAddress: { host: '127.0.0.1', port },
    isAlive: () => true,
    readiness: { evaluate: () => ({ isReady: true, lines: [] }) },
    metrics: createMetrics({ version: 'x' }),
    log: silentLog,
  });
  await expect(second.start()).rejects.toThrow(
    `Port ${port} on 127.0.0.1 is in use; stop the program that uses it, or set another address with --health-address.`,
  );
  expect(second.addresses).toBeUndefined();
  await expect(fetch(`http://127.0.0.1:${metricsPort}/metrics`)).rejects.toThrow('fetch failed');
  await second.stop();
});

test('an address of another machine is one sentence', async () => {
  await expect(startServer({ metricsAddress: { host: '192.0.2.1', port: 0 } })).rejects.toThrow(
    '192.0.2.1 is not an address of this machine; give another one with --metrics-address.',
  );
});

test('stopping ends connections that are held open', async () => {
  const { health } = await startServer();
  const socket = connect(Number(new URL(health).port), '127.0.0.1');
  await new Promise((resolve) => socket.once('connect', resolve));
  await started[0]?.stop();
  await expect.poll(() => socket.closed).toBe(true);
});

async function isReachable(host: string, port: string): Promise<boolean> {
  return (await fetch(`http://${host}:${port}/healthz`)).ok;
}

describe('without a host', () => {
  const everywhere = { metricsAddress: { host: '', port: 0 }, healthAddress: { host: '', port: 0 } };

  test('it listens on all addresses of both families, and answers on each that the kernel has', async () => {
    using listened = watchIpv6();
    const { port } = new URL((await startServer(everywhere)).health);
    const bothFamilies = 0;
    expect(listened.mock.calls).toContainEqual(['::', 0, bothFamilies]);
    const loopbacks = Object.values(networkInterfaces()).flatMap((entries = []) => entries.filter(isLoopback));
    expect(loopbacks.map(({ family }) => family)).toContain('IPv4');
    for (const { address, family } of loopbacks)
      expect(await isReachable(family === 'IPv6' ? `[${address}]` : address, port), address).toBe(true);
  });

  test('it answers on IPv4 where the kernel has no IPv6', async () => {
    using refused = refuseIpv6();
    const { port } = new URL((await startServer(everywhere)).health);
    expect(refused).toHaveBeenCalled();
    expect(await isReachable('127.0.0.1', port)).toBe(true);
  });
});

test('an explicit host is the only one', async () => {
  const { health } = await startServer({ healthAddress: { host: '127.0.0.2', port: 0 } });
  expect((await fetch(`${health}/healthz`)).ok).toBe(true);
  await expect(fetch(`http://127.0.0.1:${new URL(health).port}/healthz`)).rejects.toThrow('fetch failed');
});
