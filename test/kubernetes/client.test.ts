import type { RequestListener } from 'node:http';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { type Clock, systemClock } from '../../src/domain/clock.ts';
import { startRawServer } from '../support/raw-server.ts';
import { connect, json, pods, rejection, status, vms, web } from './connect.ts';

/** Waits between tries pass at once and are written down; deadlines are real. */
function hastyClock(waits: number[]): Clock {
  const schedule: Clock['schedule'] = (milliseconds, callback) => {
    if (milliseconds === 30_000) return systemClock.schedule(milliseconds, callback);
    waits.push(milliseconds);
    return systemClock.schedule(0, callback);
  };
  return { ...systemClock, schedule };
}

/** Answers with each of `answers` in order, then always with the last. */
function inTurn(...answers: readonly RequestListener[]): RequestListener {
  let next = 0;
  return (request, response) => {
    answers[Math.min(next, answers.length - 1)]?.(request, response);
    next += 1;
  };
}

const refuse =
  (code: number, headers: Record<string, string> = {}): RequestListener =>
  (_request, response) =>
    json(response, code, status(code, 'Whatever'), headers);
const accept: RequestListener = (_request, response) => json(response, 200, { metadata: { name: 'web' } });
const hangUp: RequestListener = (_request, response) => void response.destroy();

test("calls use the API's paths, with the field manager", async () => {
  const bodies: unknown[] = [];
  await using server = await startRawServer(async (request, response) => {
    const body = await text(request);
    if (body !== '') bodies.push([request.headers['content-type'], JSON.parse(body)]);
    json(response, 200, { gitVersion: 'v1.37.2' });
  });
  await using client = connect(`${server.url}/prefix/`);
  await client.get(pods, web);
  await client.create(vms, 'default', { a: 1 });
  await client.patch(vms, web, { type: 'merge', body: { b: 2 }, subresource: 'status' });
  await client.patch(vms, web, { type: 'json', body: [] });
  expect(await client.version()).toBe('v1.37.2');
  const vm = '/prefix/apis/vps247.com/v1alpha1/namespaces/default/virtualmachines';
  expect(server.requests).toEqual([
    'GET /prefix/api/v1/namespaces/default/pods/web',
    `POST ${vm}?fieldManager=vps247-operator`,
    `PATCH ${vm}/web/status?fieldManager=vps247-operator`,
    `PATCH ${vm}/web?fieldManager=vps247-operator`,
    'GET /prefix/version',
  ]);
  expect(bodies).toEqual([
    ['application/json', { a: 1 }],
    ['application/merge-patch+json', { b: 2 }],
    ['application/json-patch+json', []],
  ]);
});

test('a list sends its parameters and returns a page', async () => {
  await using server = await startRawServer((_request, response) =>
    json(response, 200, {
      metadata: { resourceVersion: '7', continue: 'next', remainingItemCount: 3 },
      items: [{ a: 1 }],
    }),
  );
  await using client = connect(server.url);
  expect(await client.list(vms, { limit: 1, continue: 'x y', labelSelector: 'a=b' })).toEqual({
    items: [{ a: 1 }],
    resourceVersion: '7',
    continue: 'next',
    remainingItemCount: 3,
  });
  await client.list(pods, { namespace: 'a' });
  expect(server.requests).toEqual([
    'GET /apis/vps247.com/v1alpha1/virtualmachines?limit=1&continue=x+y&labelSelector=a%3Db',
    'GET /api/v1/namespaces/a/pods',
  ]);
});

test.each([
  ['no items', { metadata: { resourceVersion: '7' } }],
  ['items that are not a list', { metadata: { resourceVersion: '7' }, items: {} }],
  ['no resourceVersion', { metadata: {}, items: [] }],
  ['an empty resourceVersion', { metadata: { resourceVersion: '' }, items: [] }],
  ['nothing', null],
])('a list with %s is an error, not an empty list', async (_what, body) => {
  await using server = await startRawServer((_request, response) => json(response, 200, body));
  await using client = connect(server.url);
  expect(await rejection(client.list(pods))).toMatchObject({ reason: 'Protocol' });
});

test('null items are an empty list, as Go writes it', async () => {
  await using server = await startRawServer((_request, response) =>
    json(response, 200, { metadata: { resourceVersion: '7' }, items: null }),
  );
  await using client = connect(server.url);
  expect(await client.list(pods)).toEqual({ items: [], resourceVersion: '7' });
});

test('an empty continue token means that the page is the last one', async () => {
  await using server = await startRawServer((_request, response) =>
    json(response, 200, { metadata: { resourceVersion: '7', continue: '' }, items: [] }),
  );
  await using client = connect(server.url);
  expect(await client.list(pods)).toEqual({ items: [], resourceVersion: '7' });
});

test.each<[string, RequestListener, string]>([
  ['a status', refuse(403), 'get pods default/web: 403 Whatever: because'],
  ['HTML', (_, response) => void response.writeHead(200).end('<html>'), 'the answer is not JSON'],
  ['a redirect', (_, response) => void response.writeHead(302, { location: '/elsewhere' }).end(), '302 Protocol'],
  [
    'half an answer',
    (_, response) => void response.writeHead(200, { 'content-length': '9' }).write('{', () => response.destroy()),
    'UND_ERR_SOCKET',
  ],
])('%s is reported in a sentence', async (_what, handle, message) => {
  await using server = await startRawServer(handle);
  await using client = connect(server.url, { clock: hastyClock([]) });
  expect((await rejection(client.get(pods, web))).message).toContain(message);
});

test('a refused connection is Network, with the code', async () => {
  const server = await startRawServer(accept);
  await server[Symbol.asyncDispose]();
  await using client = connect(server.url, { clock: hastyClock([]) });
  expect(await rejection(client.patch(pods, web, { type: 'merge', body: {} }))).toMatchObject({
    reason: 'Network',
    message: 'patch pods default/web: ECONNREFUSED',
  });
});

test.each<[string, RequestListener[], 'read' | 'write', number, number[], string]>([
  ['a read', [refuse(429, { 'retry-after': '2' }), accept], 'read', 2, [2_000], 'waits as requested'],
  ['a read', [refuse(503), refuse(500), accept], 'read', 3, [200, 400], 'is sent three times'],
  ['a read', [hangUp, accept], 'read', 2, [200], 'survives a connection that breaks'],
  ['a read', [refuse(503)], 'read', 3, [200, 400], 'gives up after three tries'],
  ['a read', [refuse(429, { 'retry-after': '60' })], 'read', 1, [], 'leaves long waits to the caller'],
  ['a read', [refuse(404), accept], 'read', 1, [], 'is not repeated when the answer is clear'],
  [
    'a write',
    [refuse(429, { 'retry-after': '1' }), accept],
    'write',
    2,
    [1_000],
    'that was refused unhandled is repeated',
  ],
  ['a write', [refuse(503), accept], 'write', 1, [], 'that may have happened is not'],
  ['a write', [hangUp, accept], 'write', 1, [], 'whose answer is lost is not'],
])('%s answered by %j (%s): %i requests, waits %j: %s', async (_what, answers, kind, requests, waits) => {
  const waited: number[] = [];
  await using server = await startRawServer(inTurn(...answers));
  await using client = connect(server.url, { clock: hastyClock(waited) });
  const call = kind === 'read' ? client.get(pods, web) : client.patch(pods, web, { type: 'merge', body: {} });
  await call.catch(() => {});
  expect(server.requests).toHaveLength(requests);
  expect(waited).toEqual(waits);
});

test.each([
  ['the first page of a list leaves a wait of a second to the caller, who knows whether the server starts', {}, []],
  ['the next page of a list waits, because all pages before it would be read again', { continue: 'x' }, [1_000]],
])('%s', async (_what, options, waits) => {
  const waited: number[] = [];
  const page = { metadata: { resourceVersion: '7' }, items: [] };
  await using server = await startRawServer(
    inTurn(refuse(429, { 'retry-after': '1' }), (_request, response) => json(response, 200, page)),
  );
  await using client = connect(server.url, { clock: hastyClock(waited) });
  await client.list(vms, options).catch(() => {});
  expect(waited).toEqual(waits);
});

test('a wait that the server requests is passed on', async () => {
  await using server = await startRawServer(refuse(429, { 'retry-after': '60' }));
  await using client = connect(server.url);
  expect(await rejection(client.get(pods, web))).toMatchObject({ reason: 'TooManyRequests', retryAfter: 60_000 });
});

test('a list can be aborted', async () => {
  const controller = new AbortController();
  await using server = await startRawServer(() => controller.abort());
  await using client = connect(server.url);
  await rejection(client.list(pods, { signal: controller.signal }));
  expect(server.requests).toHaveLength(1);
});

test('an answer above the limit of bytes is aborted during the transfer, without harm to other calls', async () => {
  let sent = 0;
  await using server = await startRawServer(({ url }, response) => {
    if (url?.includes('limit') !== true) return json(response, 200, { metadata: { name: 'web' } });
    const more = (): void => {
      for (let isRoom = true; isRoom && !response.destroyed; sent += 1) isRoom = response.write('x'.repeat(100_000));
    };
    response.on('drain', more);
    more();
  });
  await using client = connect(server.url);
  const list = client.list(vms, { limit: 500, maxResponseBytes: 1_000_000 });
  expect(await rejection(list)).toMatchObject({ reason: 'TooLarge' });
  expect(sent).toBeLessThan(100);
  expect(await client.get(vms, web)).toEqual({ metadata: { name: 'web' } });
});
