import { createServer, type Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Fence } from '../../../src/domain/fence.ts';
import { Secret } from '../../../src/domain/secret.ts';
import { createHttpProvider } from '../../../src/provider/http/client.ts';
import { createExchange } from '../../../src/provider/http/transport.ts';
import type { Provider } from '../../../src/provider/provider.ts';
import { silentLog } from '../../../src/telemetry/log.ts';
import { createCertificateAuthority } from '../../support/certificate.ts';
import { startRawServer } from '../../support/raw-server.ts';
import { startTlsServer } from '../../support/tls-server.ts';

function connectTo(baseUrl: string, fence: Fence, exchange = createExchange()): Provider {
  return createHttpProvider({
    baseUrl,
    apiKey: new Secret('planted-key'),
    log: silentLog,
    retries: { count: 0 },
    fence,
    exchange,
  });
}

const refused = { ok: false, failure: { class: 'Retry', code: 'Canceled' } };

test('a write is not sent while the fence is closed, and certainly had no effect; a read is sent', async () => {
  let isOpen = false;
  await using server = await startRawServer((request, response) => {
    request.resume();
    response.writeHead(200, { 'content-type': 'application/json' }).end('[]');
  });
  const provider = connectTo(server.url, () => isOpen);
  expect(await provider.stopMachine(5)).toMatchObject(refused);
  expect(await provider.deleteMachine(5)).toMatchObject(refused);
  expect(await provider.listMachines()).toMatchObject({ ok: true });
  isOpen = true;
  expect(await provider.stopMachine(5)).toMatchObject({ ok: true });
  isOpen = false;
  // The connection that stands is of no use either.
  expect(await provider.startMachine(5)).toMatchObject(refused);
  expect(server.requests).toEqual(['GET /virtual_machines', 'POST /virtual_machines/5/stop']);
});

test('a call whose connection is established after the fence has closed is not sent', async () => {
  const bytes: Buffer[] = [];
  const ended = Promise.withResolvers<void>();
  const server = await listen((chunk) => bytes.push(chunk), ended.resolve);
  let asked = 0;
  try {
    // Open when the call is made, closed from then on.
    const provider = connectTo(urlOf(server), () => (asked += 1) === 1);
    expect(await provider.stopMachine(5)).toMatchObject(refused);
    await ended.promise;
    expect(asked).toBe(2);
    expect(Buffer.concat(bytes).toString()).toBe('');
  } finally {
    server.close();
  }
});

describe('over TLS', () => {
  const authority = createCertificateAuthority('Test');
  const trusted = tls.getCACertificates('default');
  beforeAll(() => tls.setDefaultCACertificates([...trusted, authority.cert]));
  afterAll(() => tls.setDefaultCACertificates(trusted));

  test('the fence is checked after the handshake, and nothing is sent if it has closed', async () => {
    await using server = await startTlsServer(authority.issue('127.0.0.1'), (_, response) => void response.end('{}'));
    let asked = 0;
    const provider = connectTo(`https://127.0.0.1:${server.port}`, () => {
      asked += 1;
      return asked !== 2;
    });
    expect(await provider.stopMachine(5)).toMatchObject(refused);
    expect([asked, server.requests]).toEqual([2, []]);
    expect(await provider.stopMachine(5)).toMatchObject({ ok: true });
    expect([asked, server.requests]).toEqual([4, ['POST /virtual_machines/5/stop']]);
  });

  test('a write on a connection opened before waits for no handshake, and the fence is checked on it', async () => {
    await using server = await startTlsServer(authority.issue('127.0.0.1'), (_, response) => void response.end('{}'));
    const url = `https://127.0.0.1:${server.port}`;
    const exchange = createExchange();
    let asked = 0;
    const provider = connectTo(url, () => (asked += 1) !== 2, exchange);
    exchange.open(url);
    await expect.poll(() => server.handshakes).toBe(1);
    expect(await provider.stopMachine(5)).toMatchObject(refused);
    expect([server.handshakes, server.requests]).toEqual([1, []]);
    exchange.open(url);
    await expect.poll(() => server.handshakes).toBe(2);
    expect(await provider.stopMachine(5)).toMatchObject({ ok: true });
    expect([server.handshakes, server.requests]).toEqual([2, ['POST /virtual_machines/5/stop']]);
  });

  test('a connection opened before to a server whose certificate is for another name carries nothing', async () => {
    await using server = await startTlsServer(authority.issue('other.test'), (_, response) => void response.end('{}'));
    const url = `https://127.0.0.1:${server.port}`;
    const exchange = createExchange();
    exchange.open(url);
    const outcome = await connectTo(url, () => true, exchange).stopMachine(5);
    expect(outcome).toMatchObject({ failure: { class: 'Retry', code: 'ConnectFailed' } });
    expect(server.requests).toEqual([]);
  });

  test('nothing is sent to a server whose certificate is for another name, and the fence is not checked again', async () => {
    await using server = await startTlsServer(authority.issue('other.test'), (_, response) => void response.end('{}'));
    let asked = 0;
    const outcome = await connectTo(`https://127.0.0.1:${server.port}`, () => (asked += 1) > 0).stopMachine(5);
    expect(outcome).toMatchObject({
      failure: { class: 'Retry', code: 'ConnectFailed', text: 'no connection (ERR_TLS_CERT_ALTNAME_INVALID)' },
    });
    expect([asked, server.requests]).toEqual([1, []]);
  });
});

function listen(onData: (chunk: Buffer) => void, onEnd: () => void): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer((socket) => {
      socket.on('data', onData);
      socket.on('error', () => {});
      socket.on('close', onEnd);
    }).listen(0, '127.0.0.1', () => resolve(server));
  });
}

function urlOf(server: Server): string {
  // An AddressInfo, because it listens on a TCP port.
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
