import { mkdtempDisposableSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import type { CallReport } from '../../src/kubernetes/transport.ts';
import { createManualClock } from '../support/clock.ts';
import { startRawServer } from '../support/raw-server.ts';
import { connect, json, pods, rejection, status, vms, web } from './connect.ts';

/** A token file that is gone at the end of its scope. */
function tokenFile(token: string): { readonly path: string; write(token: string): void } & Disposable {
  const folder = mkdtempSync(join(tmpdir(), 'vps247-token-'));
  const path = join(folder, 'token');
  const write = (text: string): void => writeFileSync(path, `${text}\n`);
  write(token);
  return { path, write, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}

const fromFile = (path: string) => ({ authProvider: { name: 'tokenFile', config: { tokenFile: path } } });

/** Writes down how each request says who it is; refuses those with the token `old`. */
function bouncer(seen: unknown[]): RequestListener {
  return ({ headers: { authorization } }, response) => {
    seen.push(authorization);
    if (authorization === 'Bearer old') json(response, 401, status(401, 'Unauthorized'));
    else json(response, 200, {});
  };
}

test.each([
  ['a token', { token: 'abc\n' }, { authorization: 'Bearer abc' }],
  ['a password', { username: 'ann', password: 'pw' }, { authorization: 'Basic YW5uOnB3' }],
  [
    'another name',
    { token: 'abc', impersonateUser: 'bob' },
    { authorization: 'Bearer abc', 'impersonate-user': 'bob' },
  ],
  ['nothing', {}, {}],
])('%s is sent to the server, with the user agent', async (_what, user, headers) => {
  const seen: object[] = [];
  await using server = await startRawServer((request, response) => {
    seen.push(request.headers);
    json(response, 200, {});
  });
  await using client = connect(server.url, { user });
  await client.get(pods, web);
  expect(seen).toEqual([
    {
      ...headers,
      accept: 'application/json',
      'user-agent': 'vps247-operator/1.2.3',
      host: expect.anything(),
      connection: 'keep-alive',
    },
  ]);
});

test('a token file is read again after ten seconds', async () => {
  using file = tokenFile('first');
  const clock = createManualClock();
  const seen: unknown[] = [];
  await using server = await startRawServer(bouncer(seen));
  await using client = connect(server.url, { user: fromFile(file.path), clock });
  await client.get(pods, web);
  file.write('second');
  await clock.advance(9_999);
  await client.get(pods, web);
  await clock.advance(1);
  await client.get(pods, web);
  expect(seen).toEqual(['Bearer first', 'Bearer first', 'Bearer second']);
});

test('a refused token is read again, and the call repeated once', async () => {
  using file = tokenFile('old');
  const seen: unknown[] = [];
  await using server = await startRawServer((request, response) => {
    file.write('new');
    bouncer(seen)(request, response);
  });
  await using client = connect(server.url, { user: fromFile(file.path) });
  expect(await client.patch(pods, web, { type: 'merge', body: {} })).toEqual({});
  expect(seen).toEqual(['Bearer old', 'Bearer new']);
});

test.each([
  ['a file that says the same', fromFile],
  ['a fixed token', () => ({ token: 'old' })],
])('with %s, a refusal is final', async (_what, userOf) => {
  using file = tokenFile('old');
  const seen: unknown[] = [];
  await using server = await startRawServer(bouncer(seen));
  await using client = connect(server.url, { user: userOf(file.path) });
  expect(await rejection(client.get(pods, web))).toMatchObject({ reason: 'Unauthorized', status: 401 });
  expect(seen).toHaveLength(1);
});

test('a token file that is missing for a moment does no harm; one that never existed is reported', async () => {
  const file = tokenFile('first');
  const clock = createManualClock();
  await using server = await startRawServer(bouncer([]));
  await using client = connect(server.url, { user: fromFile(file.path), clock });
  await client.get(pods, web);
  file[Symbol.dispose]();
  await clock.advance(20_000);
  expect(await client.get(pods, web)).toEqual({});
  await using stranger = connect(server.url, { user: fromFile(file.path) });
  expect(await rejection(stranger.get(pods, web))).toMatchObject({
    reason: 'Unauthorized',
    message: expect.stringContaining('cannot read the token file'),
  });
});

test('a plugin provides the token', async () => {
  const seen: unknown[] = [];
  await using server = await startRawServer(bouncer(seen));
  const credential = JSON.stringify({ status: { token: 'from-plugin' } });
  const exec = { command: process.execPath, args: ['-e', `console.log(${JSON.stringify(credential)})`] };
  await using client = connect(server.url, { user: { exec } });
  await client.get(pods, web);
  expect(seen).toEqual(['Bearer from-plugin']);
});

test('a plugin that fails is reported without its output', async () => {
  await using server = await startRawServer(bouncer([]));
  const exec = { command: process.execPath, args: ['-e', 'console.error("planted-key"); process.exit(1)'] };
  await using client = connect(server.url, { user: { exec } });
  const error = await rejection(client.get(pods, web));
  expect(error).toMatchObject({ reason: 'Unauthorized', message: "the kubeconfig's credential plugin failed" });
});

test('a call that is not answered in time is aborted', async () => {
  const clock = createManualClock();
  const arrived = Promise.withResolvers<void>();
  await using server = await startRawServer((_request, response) => {
    // The start of an answer is not an answer.
    response.write('{', () => arrived.resolve());
  });
  await using client = connect(server.url, { clock, deadline: 1_000 });
  const error = rejection(client.get(pods, web));
  await arrived.promise;
  await clock.advance(1_000);
  expect(await error).toMatchObject({
    reason: 'Timeout',
    message: 'get pods default/web: no complete answer within 1000 ms',
  });
  expect(clock.pending).toBe(0);
});

test('a plugin that hangs does not delay a call for longer', async () => {
  const clock = createManualClock();
  await using server = await startRawServer(bouncer([]));
  using folder = mkdtempDisposableSync(join(tmpdir(), 'vps247-plugin-'));
  // It ends when its folder is gone.
  const hang = `setInterval(() => require('fs').existsSync('${folder.path}') || process.exit(), 50)`;
  const exec = { command: process.execPath, args: ['-e', hang] };
  await using client = connect(server.url, { user: { exec }, clock, deadline: 1_000 });
  const error = rejection(client.get(pods, web));
  await clock.advance(1_000);
  expect(await error).toMatchObject({ reason: 'Timeout' });
});

test('calls share connections, one after the other on each; a watch has a separate one', async () => {
  const sockets = new Set<Socket>();
  await using server = await startRawServer((request, response) => {
    sockets.add(request.socket);
    if (request.url?.includes('watch') === true) response.write('\n');
    else json(response, 200, {});
  });
  await using client = connect(server.url);
  for (let call = 0; call < 5; call += 1) await client.get(pods, web);
  // The second, because a connection is free again a moment after its answer.
  expect(sockets.size).toBeLessThanOrEqual(2);
  const before = sockets.size;
  const controller = new AbortController();
  const opened = Promise.withResolvers<void>();
  const { signal } = controller;
  const watch = { resourceVersion: '1', timeoutSeconds: 300, allowWatchBookmarks: true, signal } as const;
  const stream = client.watch(pods, { ...watch, onOpen: opened.resolve });
  const next = stream[Symbol.asyncIterator]().next();
  await opened.promise;
  await client.get(pods, web);
  expect(sockets.size).toBe(before + 1);
  controller.abort();
  await next;
  await Promise.all(Array.from({ length: 100 }, () => client.get(pods, web)));
  expect(sockets.size).toBeLessThanOrEqual(1 + 32);
});

test('every request is reported, with its status or without one', async () => {
  const reports: Partial<CallReport>[] = [];
  await using server = await startRawServer((request, response) => {
    if (request.method === 'PATCH') response.destroy();
    else json(response, 403, status(403, 'Forbidden'));
  });
  const onCall = ({ verb, resource, status: code }: CallReport): void =>
    void reports.push({ verb, resource, status: code });
  await using client = connect(server.url, { onCall });
  await rejection(client.list(vms));
  await rejection(client.patch(vms, web, { type: 'merge', body: {}, subresource: 'status' }));
  expect(reports).toEqual([
    { verb: 'list', resource: 'virtualmachines', status: 403 },
    { verb: 'patch', resource: 'virtualmachines/status', status: 0 },
  ]);
});

test('bytes are counted in both directions, those of a watch as they arrive', async () => {
  const bytes: Record<string, [number, number]> = {};
  await using server = await startRawServer((request, response) => {
    if (request.url?.includes('watch') === true) response.end('{"type":"ADDED","object":{}}\n'.repeat(2));
    else json(response, 200, { name: 'wöb' });
  });
  await using client = connect(server.url, {
    onTraffic({ verb, resource, sent, received }) {
      const sum = (bytes[`${verb} ${resource}`] ??= [0, 0]);
      sum[0] += sent;
      sum[1] += received;
    },
  });
  await client.get(pods, web);
  await client.patch(pods, web, { type: 'merge', body: { x: 'ö' } });
  const { signal } = new AbortController();
  const events = client.watch(pods, { resourceVersion: '1', timeoutSeconds: 300, allowWatchBookmarks: true, signal });
  for await (const { type } of events) expect(type).toBe('ADDED');
  expect(bytes).toEqual({ 'get pods': [0, 15], 'patch pods': [10, 15], 'watch pods': [0, 58] });
});

test('no part of an answer is kept while the signal of its call lives', async () => {
  const body = JSON.stringify({ items: [], metadata: { resourceVersion: '1', padding: 'x'.repeat(1_000_000) } });
  await using server = await startRawServer((_request, response) => void response.end(body));
  await using client = connect(server.url);
  const { signal } = new AbortController();
  const collect = collector();
  const memory = async (): Promise<number> => {
    // Memory outside of the heap is freed one event-loop iteration after the objects that refer to it.
    collect();
    await new Promise((resolve) => setImmediate(resolve));
    collect();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  await client.list(pods, { signal });
  const before = await memory();
  for (let count = 0; count < 30; count += 1) await client.list(pods, { signal });
  expect((await memory()) - before).toBeLessThan(10_000_000);
});

/** Frees all unreachable memory. */
function collector(): () => void {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect !== 'function') throw new Error('this Node hands out no collector');
  return () => void collect();
}
