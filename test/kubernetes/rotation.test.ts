import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { type AddressInfo, isIPv6 } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createKubeClient, type KubeClient } from '../../src/kubernetes/client.ts';
import { loadKubeConfig } from '../../src/kubernetes/config.ts';
import { createTransport } from '../../src/kubernetes/transport.ts';
import { type Certificate, type CertificateAuthority, createCertificateAuthority } from '../support/certificate.ts';
import { createManualClock, type ManualClock } from '../support/clock.ts';
import { connectIpv6ToIpv4 } from '../support/ipv6.ts';
import { json, pods, rejection, status, web } from './connect.ts';

const minute = 60_000;

let folder: string;
let clock: ManualClock;
let server: Server | undefined;
let client: KubeClient | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vps247-rotation-'));
  clock = createManualClock();
});

afterEach(async () => {
  await client?.close();
  await stop();
  rmSync(folder, { recursive: true });
});

function write(name: string, text: string): void {
  writeFileSync(join(folder, name), text);
}

/** Starts on the same port as before, as an API server that is restarted with another certificate. */
async function start(
  { cert, key }: Certificate,
  { port = 0, clientCa }: { port?: number; clientCa?: CertificateAuthority } = {},
): Promise<number> {
  const clients = clientCa === undefined ? {} : { ca: clientCa.cert, requestCert: true, rejectUnauthorized: false };
  server = createServer({ cert, key, ...clients }, ({ socket, headers }, response) => {
    // `as`: a server with TLS has no other sockets.
    const { authorized } = socket as TLSSocket;
    const isKnown = clientCa === undefined ? headers.authorization !== 'Bearer expired' : authorized;
    json(response, isKnown ? 200 : 401, isKnown ? {} : status(401, 'Unauthorized'));
  });
  await new Promise<void>((resolve) => server?.listen(port, '127.0.0.1', resolve));
  // An AddressInfo, because it listens on a TCP port.
  return (server.address() as AddressInfo).port;
}

async function stop(): Promise<void> {
  server?.closeAllConnections();
  await new Promise((resolve) => server?.close(resolve));
}

/** Files beside the kubeconfig, as their rotation by others has it. */
function connect(port: number, user: object, host = '127.0.0.1'): KubeClient {
  const cluster = { server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`, 'certificate-authority': 'ca.crt' };
  write(
    'config',
    JSON.stringify({
      clusters: [{ name: 'home', cluster }],
      users: [{ name: 'ann', user }],
      contexts: [{ name: 'here', context: { cluster: 'home', user: 'ann' } }],
      'current-context': 'here',
    }),
  );
  const config = loadKubeConfig({ kubeconfig: join(folder, 'config') });
  client = createKubeClient(createTransport(config, { clock, version: '1.2.3' }));
  return client;
}

/** A write, because reads are tried again by themselves. */
const call = (to: KubeClient): Promise<unknown> => to.patch(pods, web, { type: 'merge', body: {} });

test("the cluster's CA is replaced on disk: the same client connects again within a minute", async () => {
  const [old, next] = [createCertificateAuthority('ca'), createCertificateAuthority('ca')];
  write('ca.crt', old.cert);
  write('token', 'abc');
  const port = await start(old.issue('127.0.0.1'));
  const to = connect(port, { tokenFile: 'token' });
  expect(await call(to)).toEqual({});
  await stop();
  await start(next.issue('127.0.0.1'), { port });
  expect(await rejection(call(to))).toMatchObject({ reason: 'Network' });
  write('ca.crt', next.cert);
  await clock.advance(minute);
  expect(await call(to)).toEqual({});
});

test('both CAs in the file, as during a rotation, are both trusted', async () => {
  const [old, next] = [createCertificateAuthority('old'), createCertificateAuthority('next')];
  write('ca.crt', old.cert);
  const port = await start(old.issue('127.0.0.1'));
  const to = connect(port, { token: 'abc' });
  expect(await call(to)).toEqual({});
  write('ca.crt', `${old.cert}${next.cert}`);
  await clock.advance(minute);
  expect(await call(to)).toEqual({});
  await stop();
  await start(next.issue('127.0.0.1'), { port });
  expect(await call(to)).toEqual({});
});

test('a rotated client certificate is used from then on, and at once after a refusal', async () => {
  const [servers, old, next] = ['servers', 'old', 'next'].map(createCertificateAuthority);
  if (servers === undefined || old === undefined || next === undefined) throw new Error('three were made');
  write('ca.crt', servers.cert);
  const use = ({ cert, key }: Certificate): void => {
    write('client.crt', cert);
    write('client.key', key);
  };
  use(old.issue('ann'));
  const identity = servers.issue('127.0.0.1');
  const port = await start(identity, { clientCa: old });
  const to = connect(port, { 'client-certificate': 'client.crt', 'client-key': 'client.key' });
  expect(await call(to)).toEqual({});
  await stop();
  await start(identity, { port, clientCa: next });
  expect(await rejection(call(to))).toMatchObject({ reason: 'Unauthorized' });
  use(next.issue('ann'));
  // The refusal has the files read again, whatever the time.
  expect(await call(to)).toEqual({});
});

test('partly written files do no harm after they are complete', async () => {
  const authority = createCertificateAuthority('ca');
  write('ca.crt', authority.cert);
  const port = await start(authority.issue('127.0.0.1'));
  const to = connect(port, { token: 'abc' });
  expect(await call(to)).toEqual({});
  write('ca.crt', authority.cert.slice(0, 200));
  await clock.advance(minute);
  await rejection(call(to));
  write('ca.crt', authority.cert);
  await clock.advance(minute);
  expect(await call(to)).toEqual({});
});

test('a client certificate that is written before its key does no harm once the key is there', async () => {
  const [servers, clients] = ['servers', 'clients'].map(createCertificateAuthority);
  if (servers === undefined || clients === undefined) throw new Error('two were made');
  write('ca.crt', servers.cert);
  const [old, next] = [clients.issue('ann'), clients.issue('ann')];
  write('client.crt', old.cert);
  write('client.key', old.key);
  const port = await start(servers.issue('127.0.0.1'), { clientCa: clients });
  const to = connect(port, { 'client-certificate': 'client.crt', 'client-key': 'client.key' });
  expect(await call(to)).toEqual({});
  write('client.crt', next.cert);
  await clock.advance(minute);
  await rejection(call(to));
  write('client.key', next.key);
  await clock.advance(minute);
  expect(await call(to)).toEqual({});
});

test('a CA file that is missing for a moment does no harm; one that never existed is reported', async () => {
  const authority = createCertificateAuthority('ca');
  write('ca.crt', authority.cert);
  const port = await start(authority.issue('127.0.0.1'));
  const to = connect(port, { token: 'abc' });
  expect(await call(to)).toEqual({});
  rmSync(join(folder, 'ca.crt'));
  await clock.advance(minute);
  expect(await call(to)).toEqual({});
  await to.close();
  expect(await rejection(call(connect(port, { token: 'abc' })))).toMatchObject({
    reason: 'Unauthorized',
    message: expect.stringContaining('cannot read the CA file'),
  });
});

test('the token of a kubeconfig file is read again after a rotation', async () => {
  const authority = createCertificateAuthority('ca');
  write('ca.crt', authority.cert);
  write('token', 'expired');
  const port = await start(authority.issue('127.0.0.1'));
  const to = connect(port, { tokenFile: 'token' });
  expect(await rejection(call(to))).toMatchObject({ reason: 'Unauthorized' });
  write('token', 'renewed');
  expect(await call(to)).toEqual({});
});

test('an API server at an IPv6 address is reached and recognized', async () => {
  using connected = connectIpv6ToIpv4();
  const authority = createCertificateAuthority('ca');
  write('ca.crt', authority.cert);
  const port = await start(authority.issue('::1'));
  expect(await call(connect(port, { token: 'abc' }, '::1'))).toEqual({});
  expect(connected).toHaveBeenCalledWith(expect.anything(), '::1', port);
});
