import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { IncomingMessage, request, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, test, vi } from 'vitest';
import { streamState } from '../../emulator/live-state.ts';
import { whyRefused } from '../../emulator/local-request.ts';
import { type HttpVisit, visitOverHttp } from './http.ts';

const own = '127.0.0.1:8247';

describe('a request for the control API is accepted only from this host, by its address, and not from other pages', () => {
  test.each([
    { because: 'curl', host: own, isAccepted: true },
    { because: 'IPv6', host: '[::1]:8247', remoteAddress: '::1', isAccepted: true },
    { because: 'localhost', host: 'LOCALHOST:8247', isAccepted: true },
    { because: 'the console', host: own, origin: `http://${own}`, site: 'same-origin', isAccepted: true },
    { because: 'an address typed by the user', host: own, site: 'none', isAccepted: true },
    { because: 'another host', host: own, remoteAddress: '192.0.2.7', isAccepted: false },
    { because: 'another host with a Host of this one', host: 'localhost', remoteAddress: '::2', isAccepted: false },
    { because: 'a name that resolves to this host', host: 'evil.example.com:8247', isAccepted: false },
    { because: 'a name that begins like this host', host: '127.0.0.1.example.com', isAccepted: false },
    { because: 'no Host', host: undefined, isAccepted: false },
    { because: 'another page', host: own, origin: 'https://evil.example.com', isAccepted: false },
    { because: 'another port of this host', host: own, origin: 'http://127.0.0.1:3000', isAccepted: false },
    { because: 'a sandboxed page', host: own, origin: 'null', isAccepted: false },
    { because: 'an image in another page', host: own, site: 'cross-site', isAccepted: false },
    { because: 'an image in a page of this host', host: own, site: 'same-site', isAccepted: false },
  ])('$because: $isAccepted', ({ host, origin, site, remoteAddress = '127.0.0.1', isAccepted }) => {
    const headers = {
      ...(host === undefined ? {} : { host }),
      ...(origin === undefined ? {} : { origin }),
      ...(site === undefined ? {} : { 'sec-fetch-site': site }),
    };
    expect(whyRefused({ remoteAddress, headers }) === undefined).toBe(isAccepted);
  });

  test('the page itself may be opened by a link in another page, but not by another name', () => {
    const link = { host: own, 'sec-fetch-site': 'cross-site' };
    const rebound = { ...link, host: 'evil.example.com' };
    const refusals = [link, rebound].map(
      (headers) => whyRefused({ remoteAddress: '127.0.0.1', headers }, { mayComeFromOthers: true }) !== undefined,
    );
    expect(refusals).toEqual([false, true]);
  });
});

async function send(
  { url }: HttpVisit,
  method: string,
  resource: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<IncomingMessage> {
  const sent = request(`${url}${resource}`, { method, headers, agent: false });
  sent.end(method === 'POST' ? '{}' : undefined);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return response;
}

const others = [
  { host: 'evil.example.com' },
  { origin: 'https://evil.example.com' },
  { 'sec-fetch-site': 'cross-site' },
];

test.each(others)('another page changes and reads nothing: %o', async (headers) => {
  await using visited = await visitOverHttp();
  const id = visited.emulator.panel.create({ name: 'secret-name' });
  for (const [method, resource] of [
    ['POST', `machines/${id}/delete`],
    ['DELETE', 'faults'],
    ['GET', 'state'],
    ['GET', 'events'],
  ] as const) {
    const response = await send(visited, method, `/_emulator/${resource}`, headers);
    // First, because the events don't end.
    expect(response.statusCode).toBe(403);
    expect(await text(response)).not.toContain('secret-name');
  }
  expect(visited.emulator.machines()).toHaveLength(1);
});

test('a page whose name was resolved to this host gets the API of the provider there, which needs a key', async () => {
  await using visited = await visitOverHttp();
  visited.emulator.panel.create({ name: 'secret-name' });
  for (const resource of ['/', '/_console/console.mjs']) {
    const response = await send(visited, 'GET', resource, { host: 'evil.example.com' });
    expect([response.statusCode, await text(response)]).toEqual([401, expect.not.stringContaining('secret-name')]);
  }
});

test('no GET changes anything', async () => {
  await using visited = await visitOverHttp();
  const id = visited.emulator.panel.create({ name: 'web' });
  const before = visited.emulator.machines();
  for (const resource of [`machines/${id}/delete`, `machines/${id}/power`, 'machines', 'clock/advance'])
    expect((await visited.call('GET', `/_emulator/${resource}`)).status).toBe(404);
  expect(visited.emulator.machines()).toEqual(before);
});

test('its files are served with a type that a browser accepts, and may load nothing from elsewhere', async () => {
  await using visited = await visitOverHttp();
  const files = readdirSync(path.join(import.meta.dirname, '../../emulator/console'));
  expect(files).toContain('console.mjs');
  for (const file of files) {
    const { status, headers } = await visited.call('GET', `/_console/${file}`);
    const type = file.endsWith('.css') ? 'text/css; charset=utf-8' : 'text/javascript; charset=utf-8';
    expect([status, headers['content-type'], headers['x-content-type-options']]).toEqual([200, type, 'nosniff']);
  }
  for (const file of ['../main.ts', 'constructor', '']) {
    expect((await visited.call('GET', `/_console/${file}`)).status).toBe(404);
  }
  const policy = String((await visited.call('GET', '/')).headers['content-security-policy']);
  expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';/);
  expect(policy).not.toContain('unsafe');
});

interface State {
  readonly machines: readonly { readonly name: string }[];
  readonly machineCount: number;
  readonly calls: readonly { readonly operation: string }[];
  readonly faults: readonly unknown[];
  readonly now: number;
}

/** The states that a client of the events gets, one after the other. */
async function* statesOf(response: IncomingMessage): AsyncGenerator<State> {
  let rest = '';
  for await (const chunk of response) {
    const parts = `${rest}${String(chunk)}`.split('\n\n');
    rest = parts.pop() ?? '';
    // `as`: a test that looks at a field that is missing fails by itself.
    for (const part of parts) if (part.startsWith('data: ')) yield JSON.parse(part.slice('data: '.length)) as State;
  }
}

test('the events have the state at once and after each change, without keys and passwords', async () => {
  await using visited = await visitOverHttp();
  const { emulator } = visited;
  const { id } = await visited.create('web');
  emulator.addFault({ key: 'planted-key-ours', when: 'before', action: { kind: 'hang' } });
  const response = await send(visited, 'GET', '/_emulator/events');
  expect(response.headers['content-type']).toBe('text/event-stream; charset=utf-8');
  const states = statesOf(response);
  const next = async (): Promise<State> => {
    const { value } = await states.next();
    if (value === undefined) throw new Error('the events ended');
    return value;
  };
  const first = await next();
  expect(first).toMatchObject({
    machineCount: 1,
    machines: [{ id, name: 'web', state: 'pending' }],
    calls: [{ operation: 'CreateMachine', outcome: 201 }],
    faults: [{ hits: 0 }],
  });
  expect(JSON.stringify(first)).not.toContain('planted-key-');
  expect(JSON.stringify(first)).not.toContain(emulator.passwordOf(Number(id)));
  visited.advance(1_000);
  expect(await next()).toMatchObject({ machines: [{ state: 'running' }], now: first.now + 1_000 });
  for (let index = 0; index < 205; index++) emulator.panel.create({ name: `many-${index}` });
  const many = await next();
  expect([many.machineCount, many.machines.length]).toEqual([206, 200]);
  // Watching isn't a call to the provider.
  expect(emulator.ledger.calls).toHaveLength(1);
  response.destroy();
});

test('nothing is computed for a client that has disconnected', async () => {
  await using visited = await visitOverHttp();
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  try {
    const response = new ServerResponse(new IncomingMessage(new Socket()));
    streamState(visited.emulator, response);
    expect(vi.getTimerCount()).toBe(1);
    response.emit('close');
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});
