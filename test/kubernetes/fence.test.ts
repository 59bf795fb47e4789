import { expect, test } from 'vitest';
import type { RequestListener } from 'node:http';
import { startRawServer } from '../support/raw-server.ts';
import { connect, json, pods, rejection, web } from './connect.ts';

const answer: RequestListener = (request, response) => {
  request.resume();
  request.on('end', () => json(response, 200, { items: [], metadata: { resourceVersion: '1' } }));
};
const patch = { type: 'merge', body: {} } as const;

test('a write is not sent while the fence is closed; a read is', async () => {
  let isOpen = true;
  await using server = await startRawServer(answer);
  await using client = connect(server.url, { fence: () => isOpen });
  await client.patch(pods, web, patch);
  isOpen = false;
  expect(await rejection(client.patch(pods, web, patch))).toMatchObject({ reason: 'Fenced' });
  expect(await rejection(client.create(pods, 'default', {}))).toMatchObject({ reason: 'Fenced' });
  expect(await rejection(client.patch(pods, web, { ...patch, subresource: 'status' }))).toMatchObject({
    reason: 'Fenced',
  });
  await client.list(pods);
  await client.get(pods, web);
  isOpen = true;
  await client.patch(pods, web, patch);
  expect(server.requests.map((request) => request.split(' ')[0])).toEqual(['PATCH', 'GET', 'GET', 'PATCH']);
});

test('the fence is checked when the call would be sent, not when it is requested', async () => {
  let isOpen = true;
  const held = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  let begun = 0;
  await using server = await startRawServer((request, response) => {
    begun += 1;
    if (begun === 32) arrived.resolve();
    void held.promise.then(() => answer(request, response));
  });
  await using client = connect(server.url, { fence: () => isOpen });
  // As many as there are connections; the next one waits for one of them, with the fence open when it was made.
  const first = Array.from({ length: 32 }, () => client.patch(pods, web, patch));
  await arrived.promise;
  const next = rejection(client.patch(pods, web, patch));
  const read = client.get(pods, web);
  isOpen = false;
  held.resolve();
  await Promise.all(first);
  expect(await next).toMatchObject({ reason: 'Fenced' });
  await read;
  expect(server.requests).toHaveLength(33);
});

test('a call in flight when the fence closes is answered', async () => {
  let isOpen = true;
  await using server = await startRawServer((request, response) => {
    isOpen = false;
    answer(request, response);
  });
  await using client = connect(server.url, { fence: () => isOpen });
  expect(await client.patch(pods, web, patch)).toMatchObject({ items: [] });
});
