import { spawn } from 'node:child_process';
import dns from 'node:dns';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createExchange, type ExchangeRequest } from '../../../src/provider/http/transport.ts';
import { startTcpServer, type TcpServer } from '../../support/tcp-server.ts';

/** A hundred times what any of these needs. */
const patient = { connect: 20_000, response: 20_000, total: 25_000 };

function request(
  method: ExchangeRequest['method'],
  host: string,
  more: Partial<ExchangeRequest> = {},
): ExchangeRequest {
  return {
    method,
    url: `http://${host}/virtual_machines`,
    headers: { 'x-api-key': 'planted-key-connections' },
    timeouts: patient,
    bodyBytes: 1_000_000,
    errorBytes: 1_000,
    ...more,
  };
}

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]';

/** It answers once on each connection, and then nothing more, without closing it. */
function startForgetfulServer(): Promise<TcpServer> {
  return startTcpServer((socket) => socket.once('data', () => socket.write(ok)));
}

/** It answers every request, and with `first` it sends something as soon as it is connected. */
function startAnswering(first?: string): Promise<TcpServer> {
  return startTcpServer((socket) => {
    if (first !== undefined) socket.write(first);
    socket.on('data', () => socket.write(ok));
  });
}

/** Has every name resolve to these addresses. */
function resolveTo(...addresses: readonly string[]): void {
  const all = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  // `as`: net asks for all addresses, by the last of its overloads.
  const lookup = ((
    _host: string,
    _options: dns.LookupAllOptions,
    callback: (error: null, all: dns.LookupAddress[]) => void,
  ) => process.nextTick(callback, null, all)) as typeof dns.lookup;
  vi.spyOn(dns, 'lookup').mockImplementation(lookup);
}

/** Takes a hundred times as long as one connection, on however slow a machine. */
async function connectOften(): Promise<void> {
  await using server = await startTcpServer(() => {});
  for (let time = 0; time < 100; time += 1) {
    const socket = connect(server.port, '127.0.0.1');
    await once(socket, 'connect');
    socket.destroy();
  }
}

/** A server whose backlog of connections is full: a handshake succeeds after it resumes, about a second later. */
async function startBusyServer(): Promise<AsyncDisposable & { readonly port: number; goOn(): void }> {
  const program = `
    const server = require('node:net').createServer((socket) => {
      socket.on('error', () => {}).on('data', () => socket.write(${JSON.stringify(ok)}));
    });
    server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => process.stdout.write(String(server.address().port)));`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [said] = await once(child.stdout, 'data');
  const port = Number(said);
  child.kill('SIGSTOP');
  const queued: Socket[] = [];
  // The system takes connections for it until its queue is full; from then on a handshake hangs.
  for (let isFull = false; !isFull;) {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    queued.push(socket);
    isFull = await Promise.race([once(socket, 'connect').then(() => false), connectOften().then(() => true)]);
  }
  return {
    port,
    goOn: () => void child.kill('SIGCONT'),
    [Symbol.asyncDispose]: async () => {
      for (const socket of queued) socket.destroy();
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

describe('a connection that was idle', () => {
  const idle = { close: 60_000, write: 200 };
  test.for(['POST', 'DELETE'] as const)('for long carries no %s: a new one is used', async (method) => {
    await using server = await startForgetfulServer();
    const send = createExchange({ idle });
    const host = `127.0.0.1:${server.port}`;
    expect(await send(request('GET', host))).toMatchObject({ kind: 'Received', status: 200 });
    await delay(idle.write * 1.5);
    expect(await send(request(method, host))).toMatchObject({ kind: 'Received', status: 200 });
    expect(server.connections).toHaveLength(2);
    expect(server.connections[0]?.readableEnded || server.connections[0]?.destroyed).toBe(true);
  });

  test('for long carries a read', async () => {
    await using server = await startTcpServer((socket) => socket.on('data', () => socket.write(ok)));
    const send = createExchange({ idle });
    const host = `127.0.0.1:${server.port}`;
    await send(request('GET', host));
    await delay(idle.write * 1.5);
    expect(await send(request('GET', host))).toMatchObject({ kind: 'Received', status: 200 });
    expect(server.connections).toHaveLength(1);
  });

  test('for a moment carries a write', async () => {
    await using server = await startTcpServer((socket) => socket.on('data', () => socket.write(ok)));
    const send = createExchange({ idle: { close: 60_000, write: 30_000 } });
    const host = `127.0.0.1:${server.port}`;
    for (const method of ['GET', 'POST', 'DELETE'] as const) await send(request(method, host));
    expect(server.connections).toHaveLength(1);
  });

  test('and that the other side has closed fails no write', async () => {
    await using server = await startTcpServer((socket) => socket.on('data', () => socket.end(ok)));
    const send = createExchange({ idle: { close: 60_000, write: 30_000 } });
    for (let call = 1; call <= 5; call++) {
      expect(await send(request('POST', `127.0.0.1:${server.port}`))).toMatchObject({ kind: 'Received', status: 200 });
      await expect.poll(() => server.connections.filter(({ destroyed }) => destroyed)).toHaveLength(call);
    }
  });
});

describe('a connection that is opened before the write', () => {
  const writeLimit = { close: 60_000, write: 30_000 };
  test.for(['GET', 'POST', 'DELETE'] as const)('carries a %s, and is opened once', async (method) => {
    await using server = await startAnswering();
    const send = createExchange({ idle: writeLimit });
    for (let time = 0; time < 3; time += 1) send.open(`http://127.0.0.1:${server.port}`);
    await expect.poll(() => server.connections).toHaveLength(1);
    expect(await send(request(method, `127.0.0.1:${server.port}`))).toMatchObject({ kind: 'Received', status: 200 });
    send.open(`http://127.0.0.1:${server.port}`);
    expect(await send(request('POST', `127.0.0.1:${server.port}`))).toMatchObject({ kind: 'Received', status: 200 });
    expect(server.connections).toHaveLength(1);
  });

  test('while the only other one is too old to carry a write, and none of them meets a server that forgot it', async () => {
    await using server = await startForgetfulServer();
    const send = createExchange({ idle: { close: 60_000, write: 200 } });
    await send(request('GET', `127.0.0.1:${server.port}`));
    await delay(300);
    send.open(`http://127.0.0.1:${server.port}`);
    await expect.poll(() => server.connections).toHaveLength(2);
    expect(await send(request('POST', `127.0.0.1:${server.port}`))).toMatchObject({ kind: 'Received', status: 200 });
    expect(server.connections).toHaveLength(2);
  });

  test('is joined by a write during its handshake', async () => {
    await using busy = await startBusyServer();
    const send = createExchange({ idle: writeLimit, connectTimeout: 20_000 });
    send.open(`http://127.0.0.1:${busy.port}`);
    const answer = send(request('POST', `127.0.0.1:${busy.port}`));
    busy.goOn();
    expect(await answer).toMatchObject({ kind: 'Received', status: 200 });
  });

  test('is closed if no request follows', async () => {
    await using server = await startAnswering();
    const send = createExchange({ idle: { close: 60_000, write: 200 } });
    send.open(`http://127.0.0.1:${server.port}`);
    await expect.poll(() => server.connections[0]?.destroyed).toBe(true);
    expect(await send(request('POST', `127.0.0.1:${server.port}`))).toMatchObject({ kind: 'Received', status: 200 });
    expect(server.connections).toHaveLength(2);
  });

  test('is not used after bytes that answer no request', async () => {
    await using server = await startAnswering('HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n');
    const send = createExchange({ idle: writeLimit });
    send.open(`http://127.0.0.1:${server.port}`);
    await expect.poll(() => server.connections[0]?.destroyed).toBe(true);
  });

  test('that cannot be established is opened by the write again, which reports why it failed', async () => {
    const server = await startAnswering();
    await server[Symbol.asyncDispose]();
    const send = createExchange({ idle: writeLimit });
    send.open(`http://127.0.0.1:${server.port}`);
    expect(await send(request('POST', `127.0.0.1:${server.port}`))).toEqual({
      kind: 'NotSent',
      code: 'ConnectFailed',
      detail: 'ECONNREFUSED',
    });
  });
});

describe('a name with two addresses', () => {
  afterEach(() => void vi.restoreAllMocks());

  test.for([
    ['first', ['::1', '127.0.0.1']],
    ['last', ['127.0.0.1', '::1']],
  ] as const)('of which the %s refuses: the other one is used', async ([, addresses]) => {
    await using server = await startTcpServer((socket) => socket.on('data', () => socket.write(ok)));
    resolveTo(...addresses);
    const ended = await createExchange()(request('POST', `provider.test:${server.port}`));
    expect(ended).toMatchObject({ kind: 'Received', status: 200 });
  });

  test('of which one is slow and the other dead: a slow handshake succeeds', { timeout: 60_000 }, async () => {
    await using server = await startBusyServer();
    resolveTo('127.0.0.1', '::1');
    setTimeout(() => server.goOn(), 500);
    const startedAt = performance.now();
    const ended = await createExchange({ connectTimeout: 20_000 })(request('POST', `provider.test:${server.port}`));
    expect(ended).toMatchObject({ kind: 'Received', status: 200 });
    expect(performance.now() - startedAt).toBeGreaterThan(400);
  });

  test('of which the first never answers: the other one is used in time', async () => {
    await using full = await startBusyServer();
    await using server = await startTcpServer((socket) => socket.on('data', () => socket.write(ok)), {
      host: '127.0.0.2',
      port: full.port,
    });
    resolveTo('127.0.0.1', '127.0.0.2');
    const timeouts = { ...patient, connect: 2_000 };
    const ended = await createExchange({ connectTimeout: timeouts.connect })(
      request('POST', `provider.test:${server.port}`, { timeouts }),
    );
    expect(ended).toMatchObject({ kind: 'Received', status: 200 });
  });
});
