import type { RequestListener, ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import type { KubeClient, WatchEvent } from '../../src/kubernetes/client.ts';
import { createManualClock } from '../support/clock.ts';
import { startRawServer } from '../support/raw-server.ts';
import { connect, json, pods, rejection, status } from './connect.ts';

const added = (name: string): string => `${JSON.stringify({ type: 'ADDED', object: { metadata: { name } } })}\n`;

/** Answers 200, writes the pieces one by one as they are flushed, then does `end`. */
function stream(
  pieces: readonly string[],
  end: (response: ServerResponse) => void = (r) => void r.end(),
): RequestListener {
  return (_request, response) => {
    response.writeHead(200);
    const next = (index: number): void => {
      const piece = pieces[index];
      if (piece === undefined) return end(response);
      response.write(piece, () => setImmediate(next, index + 1));
    };
    next(0);
  };
}

function watch(
  client: KubeClient,
  signal = new AbortController().signal,
  onOpen?: () => void,
): AsyncIterable<WatchEvent> {
  return client.watch(pods, { resourceVersion: '5', timeoutSeconds: 300, allowWatchBookmarks: true, signal, onOpen });
}

async function namesOf(events: AsyncIterable<WatchEvent>, seen: string[] = []): Promise<string[]> {
  for await (const { object } of events) {
    // Each object of these tests has a name.
    seen.push((object as { metadata: { name: string } }).metadata.name);
  }
  return seen;
}

test('events are reported as they are sent, wherever the pieces of the stream end', async () => {
  const whole = added('a') + added('bär');
  const bytes = Buffer.from(whole);
  // In the middle of a line, and of a character.
  const cut = bytes.indexOf(Buffer.from('ä')) + 1;
  await using server = await startRawServer((_request, response) => {
    response.write(bytes.subarray(0, cut), () => response.end(bytes.subarray(cut)));
  });
  await using client = connect(server.url);
  expect(await namesOf(watch(client))).toEqual(['a', 'bär']);
  expect(server.requests).toEqual([
    'GET /api/v1/pods?watch=true&resourceVersion=5&timeoutSeconds=300&allowWatchBookmarks=true',
  ]);
});

test('a watch that starts with all objects asks for none older than its start', async () => {
  await using server = await startRawServer(stream([]));
  await using client = connect(server.url);
  const { signal } = new AbortController();
  const options = { sendInitialEvents: true, timeoutSeconds: 300, allowWatchBookmarks: true, signal } as const;
  expect(await namesOf(client.watch(pods, { resourceVersion: '', ...options }))).toEqual([]);
  expect(server.requests).toEqual([
    'GET /api/v1/pods?watch=true&resourceVersion=&sendInitialEvents=true&timeoutSeconds=300&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan',
  ]);
});

test('it reports that the server accepted, before any event', async () => {
  const opened = Promise.withResolvers<void>();
  await using server = await startRawServer((_request, response) => {
    response.writeHead(200).flushHeaders();
    void opened.promise.then(() => response.end());
  });
  await using client = connect(server.url);
  expect(await namesOf(watch(client, undefined, opened.resolve))).toEqual([]);
});

test.each<[string, RequestListener, string, string[]]>([
  ['a cut within a line', stream([added('a'), added('b').slice(0, 9)], (r) => void r.destroy()), 'Network', ['a']],
  ['an end within a line', stream([added('a'), added('b').slice(0, 9)]), 'Network', ['a']],
  ['a line with invalid JSON', stream([added('a'), '{"type":\n']), 'Protocol', ['a']],
  ['a line without an event', stream(['{"type":"ADDED"}\n']), 'Protocol', []],
  ['an unknown type', stream(['{"type":"FORGOTTEN","object":{}}\n']), 'Protocol', []],
  ['a refusal', (_, response) => json(response, 410, status(410, 'Expired')), 'Gone', []],
])('%s ends it with an error, after the earlier events', async (_what, handle, reason, names) => {
  await using server = await startRawServer(handle);
  await using client = connect(server.url);
  const seen: string[] = [];
  expect(await rejection(namesOf(watch(client), seen))).toMatchObject({ reason });
  expect(seen).toEqual(names);
});

test('an abort ends it at once and without an error', async () => {
  const controller = new AbortController();
  await using server = await startRawServer(stream([added('a')], () => {}));
  await using client = connect(server.url);
  const seen: string[] = [];
  for await (const { type } of watch(client, controller.signal)) {
    seen.push(type);
    controller.abort();
  }
  expect(seen).toEqual(['ADDED']);
});

test('leaving the loop ends the request', async () => {
  let isClosed = false;
  await using server = await startRawServer((request, response) => {
    response.on('close', () => (isClosed = true));
    stream([added('a')], () => {})(request, response);
  });
  await using client = connect(server.url);
  for await (const { type } of watch(client)) {
    expect([type, isClosed]).toEqual(['ADDED', false]);
    break;
  }
  await expect.poll(() => isClosed).toBe(true);
});

test('the deadline is for its start only', async () => {
  const clock = createManualClock();
  const finish = Promise.withResolvers<void>();
  await using server = await startRawServer((request, response) => {
    stream([added('a')], () => void finish.promise.then(() => response.end(added('b'))))(request, response);
  });
  await using client = connect(server.url, { clock });
  const seen: string[] = [];
  for await (const { object } of watch(client)) {
    seen.push((object as { metadata: { name: string } }).metadata.name);
    await clock.advance(120_000);
    finish.resolve();
  }
  expect(seen).toEqual(['a', 'b']);
});

test('closing the client ends it', async () => {
  await using server = await startRawServer(stream([added('a')], () => void client.close()));
  const client = connect(server.url);
  expect(await rejection(namesOf(watch(client)))).toMatchObject({ reason: 'Network' });
});
