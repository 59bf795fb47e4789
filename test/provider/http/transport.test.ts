import { getEventListeners } from 'node:events';
import type { RequestListener, ServerResponse } from 'node:http';
import { createServer } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import type { Outcome } from '../../../src/domain/failure.ts';
import type { CreateRequest } from '../../../src/domain/machine.ts';
import { Secret } from '../../../src/domain/secret.ts';
import type { CallRecord, CallTimeouts, HttpProviderOptions } from '../../../src/provider/http/client.ts';
import { createHttpProvider } from '../../../src/provider/http/client.ts';
import type { Provider } from '../../../src/provider/provider.ts';
import { silentLog } from '../../../src/telemetry/log.ts';
import { startRawServer } from '../../support/raw-server.ts';

const request: CreateRequest = {
  name: 'web',
  regionId: 1,
  packageId: 2,
  osTemplateId: 3,
  ipv6: false,
  privateNetworking: true,
  sshKeyIds: [],
};

function connectTo(baseUrl: string, options: Partial<HttpProviderOptions> = {}): Provider {
  return createHttpProvider({
    baseUrl,
    apiKey: new Secret('planted-key'),
    log: silentLog,
    retries: { count: 0 },
    ...options,
  });
}

function failureOf(outcome: Outcome<unknown>): string {
  return outcome.ok ? `ok ${JSON.stringify(outcome.value)}` : `${outcome.failure.class}/${outcome.failure.code}`;
}

const json = (response: ServerResponse, status: number, body: unknown): void => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
};

test('a request carries the key, accepts JSON, and contains all fields of a create', async () => {
  const seen: unknown[] = [];
  await using server = await startRawServer(async (incoming, response) => {
    const body = await buffer(incoming);
    const { 'x-api-key': key, accept, 'user-agent': agent, 'content-type': type } = incoming.headers;
    seen.push({ key, accept, agent, type, body: JSON.parse(body.toString()) as unknown });
    json(response, 201, { id: 7 });
  });
  const outcome = await connectTo(`${server.url}/`).createMachine(request);
  expect(outcome).toEqual({ ok: true, value: { id: 7 } });
  expect(seen).toEqual([
    {
      key: 'planted-key',
      accept: 'application/json',
      agent: 'vps247-operator',
      type: 'application/json',
      body: {
        name: 'web',
        region_id: 1,
        package_id: 2,
        os_template_id: 3,
        has_ipv6: false,
        has_private_networking: true,
      },
    },
  ]);
});

test('every call has its URL and method, below the path of the base URL', async () => {
  await using server = await startRawServer((_, response) => json(response, 200, []));
  const provider = connectTo(`${server.url}/v1`);
  await provider.listMachines();
  await provider.getMachine(5);
  await provider.createMachine(request);
  await provider.deleteMachine(5);
  await provider.startMachine(5);
  await provider.stopMachine(5);
  await provider.restartMachine(5);
  await provider.killMachine(5);
  await provider.listRegions();
  await provider.listPackages();
  await provider.listOsTemplates();
  expect(server.requests).toEqual([
    'GET /v1/virtual_machines',
    'GET /v1/virtual_machines/5',
    'POST /v1/virtual_machines',
    'DELETE /v1/virtual_machines/5',
    'POST /v1/virtual_machines/5/start',
    'POST /v1/virtual_machines/5/stop',
    'POST /v1/virtual_machines/5/restart',
    'POST /v1/virtual_machines/5/kill',
    'GET /v1/regions',
    'GET /v1/packages',
    'GET /v1/os_templates',
  ]);
});

const hang: RequestListener = () => {};
const reset: RequestListener = (incoming) => void incoming.socket.resetAndDestroy();
const truncated: RequestListener = (_, response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': '500' });
  response.write('[{"id": 1, "name"', () => response.socket?.destroy());
};
const whitespace: RequestListener = (_, response) => void response.writeHead(200).end(' '.repeat(3_000_000));
const empty: RequestListener = (_, response) => void response.writeHead(200).end();
const page: RequestListener = (_, response) =>
  void response.writeHead(200, { 'content-type': 'text/html' }).end('<html><title>Sign in</title></html>');
const unlabeledPage: RequestListener = (_, response) => void response.writeHead(200).end('\n <!doctype html><p>Hi');
const oversized: RequestListener = (_, response) => void response.writeHead(200).end(`["${'x'.repeat(5_000_000)}"]`);
const drip: RequestListener = (_, response) => {
  response.writeHead(200);
  const timer = setInterval(() => response.write(' '), 10);
  response.on('close', () => clearInterval(timer));
};
const firstPage: RequestListener = (_, response) =>
  void response.writeHead(200, { link: '</virtual_machines?page=2>; rel="next"' }).end('[]');
const part: RequestListener = (_, response) => void response.writeHead(206).end('[]');
const failureInside: RequestListener = (_, response) => json(response, 200, { errors: [], virtual_machines: [] });

/** A hundred times what an answer takes. */
const patient: CallTimeouts = { connect: 10_000, response: 10_000, total: 20_000 };

const accidents: readonly [name: string, handle: RequestListener, list: string, create: string, stop: string][] = [
  ['no answer', hang, 'Retry/Timeout', 'UnknownOutcome/Timeout', 'UnknownOutcome/Timeout'],
  ['a reset', reset, 'Retry/ConnectionLost', 'UnknownOutcome/ConnectionLost', 'UnknownOutcome/ConnectionLost'],
  ['half a body', truncated, 'Retry/ConnectionLost', 'UnknownOutcome/ConnectionLost', 'ok undefined'],
  ['3 MB of nothing', whitespace, 'Retry/BodyTooLarge', 'UnknownOutcome/BodyTooLarge', 'ok undefined'],
  ['an empty body', empty, 'Retry/ProtocolError', 'UnknownOutcome/ProtocolError', 'ok undefined'],
  ['a page', page, 'Credentials/HtmlResponse', 'Credentials/HtmlResponse', 'Credentials/HtmlResponse'],
  [
    'an unlabeled page',
    unlabeledPage,
    'Credentials/HtmlResponse',
    'Credentials/HtmlResponse',
    'Credentials/HtmlResponse',
  ],
  ['5 MB of a string', oversized, 'Retry/BodyTooLarge', 'UnknownOutcome/BodyTooLarge', 'ok undefined'],
  ['a body without end', drip, 'Retry/Timeout', 'UnknownOutcome/Timeout', 'ok undefined'],
  ['the first of several pages', firstPage, 'Retry/ProtocolError', 'UnknownOutcome/ProtocolError', 'ok undefined'],
  ['a part of the answer', part, 'Retry/ProtocolError', 'UnknownOutcome/ProtocolError', 'ok undefined'],
  ['two arrays', failureInside, 'Retry/ProtocolError', 'ok {}', 'ok undefined'],
];

test.for(accidents)('%s is distinguished by call', async ([, handle, list, create, stop]) => {
  await using server = await startRawServer(handle);
  // Short only where an answer never begins, or never ends.
  const timeouts = { ...patient, ...(handle === hang ? { response: 150 } : handle === drip ? { total: 1_000 } : {}) };
  const provider = connectTo(server.url, { timeouts, limits: { list: 2_000_000 } });
  expect(failureOf(await provider.listMachines())).toBe(list);
  expect(failureOf(await provider.createMachine(request))).toBe(create);
  expect(failureOf(await provider.stopMachine(1))).toBe(stop);
  expect(server.requests).toHaveLength(3);
});

test('3 MB of nothing within the limit does not count as a list', async () => {
  await using server = await startRawServer(whitespace);
  expect(failureOf(await connectTo(server.url).listMachines())).toBe('Retry/ProtocolError');
});

test('a list of exactly 16 MiB is accepted; one byte more fails, with its failure', { timeout: 60_000 }, async () => {
  const machines = Array.from({ length: 10_000 }, (_, index) => ({
    id: index + 1,
    name: `m-${index}`,
    state: 'running',
  }));
  const text = JSON.stringify(machines);
  const body = Buffer.alloc(16 * 1024 * 1024, ' ');
  body.write(text);
  let more = '';
  await using server = await startRawServer((_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write(body);
    response.end(more);
  });
  const whole = await connectTo(server.url).listMachines();
  expect(whole.ok && whole.value.length).toBe(10_000);
  more = ' ';
  expect(failureOf(await connectTo(server.url).listMachines())).toBe('Retry/BodyTooLarge');
});

test('a redirect is never followed, because it would send the key along', async () => {
  await using trap = await startRawServer((_, response) => json(response, 200, []));
  for (const status of [301, 302, 303, 307, 308]) {
    await using server = await startRawServer(
      (_, response) => void response.writeHead(status, { location: trap.url }).end(),
    );
    const provider = connectTo(server.url);
    expect(failureOf(await provider.listMachines())).toBe('Credentials/Redirected');
    expect(failureOf(await provider.createMachine(request))).toBe('Credentials/Redirected');
    expect(failureOf(await provider.killMachine(1))).toBe('Credentials/Redirected');
  }
  expect(trap.requests).toEqual([]);
});

test('a write without a connection was certainly not sent', async () => {
  const server = await startRawServer(hang);
  await server[Symbol.asyncDispose]();
  const outcome = await connectTo(server.url).createMachine(request);
  expect(outcome).toEqual({
    ok: false,
    failure: {
      operation: 'CreateMachine',
      class: 'Retry',
      code: 'ConnectFailed',
      text: 'no connection (ECONNREFUSED)',
    },
  });
});

test('a write whose TLS handshake failed was certainly not sent', async () => {
  const server = createServer((socket) => socket.on('error', () => {}).on('data', () => socket.end('no TLS')));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // An AddressInfo, because it listens on a TCP port.
  const outcome = await connectTo(`https://127.0.0.1:${(server.address() as AddressInfo).port}`).createMachine(request);
  expect(failureOf(outcome)).toBe('Retry/ConnectFailed');
  await new Promise((resolve) => server.close(resolve));
});

test('a write to a name that cannot be resolved was certainly not sent', async () => {
  expect(failureOf(await connectTo('https://nowhere.invalid').createMachine(request))).toBe('Retry/ConnectFailed');
});

test('a call that is aborted before it is sent had no effect, and has an unknown outcome afterwards', async () => {
  const arrived = Promise.withResolvers<void>();
  await using server = await startRawServer(() => arrived.resolve());
  const provider = connectTo(server.url);
  expect(failureOf(await provider.createMachine(request, AbortSignal.abort()))).toBe('Retry/Canceled');
  expect(server.requests).toEqual([]);

  const abort = new AbortController();
  const call = provider.createMachine(request, abort.signal);
  await arrived.promise;
  abort.abort();
  expect(failureOf(await call)).toBe('UnknownOutcome/Canceled');
});

test.for<[what: string, answer: RequestListener]>([
  ['is answered', (_, response) => json(response, 200, [])],
  ['is refused', (_, response) => json(response, 401, {})],
  ['is cut off', (_, response) => response.writeHead(200).write('[', () => response.destroy())],
  ['has too much in its answer', (_, response) => response.writeHead(200).end(' '.repeat(2_000))],
])('a call that %s leaves no listener on the signal of its account', async ([, answer]) => {
  await using server = await startRawServer(answer);
  const { signal } = new AbortController();
  const provider = connectTo(server.url, { limits: { list: 1_000 } });
  for (let call = 0; call < 3; call += 1) await provider.listMachines(signal);
  expect(server.requests.length).toBeGreaterThanOrEqual(3);
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

test('a read is retried after a connection error, a write never', async () => {
  await using server = await startRawServer((_, response) => {
    if (server.requests.length < 3) return json(response, 500, { error: 'sorry' });
    return json(response, 200, []);
  });
  const records: CallRecord[] = [];
  const provider = connectTo(server.url, {
    retries: { count: 2, minDelay: 1 },
    onCall: (call) => records.push(call),
  });
  expect(await provider.listMachines()).toEqual({ ok: true, value: [] });
  expect(records.map(({ operation, code, status, bytes }) => ({ operation, code, status, bytes }))).toEqual([
    { operation: 'ListMachines', code: 'ServerError', status: 500, bytes: 17 },
    { operation: 'ListMachines', code: 'ServerError', status: 500, bytes: 17 },
    { operation: 'ListMachines', code: 'ok', status: 200, bytes: 2 },
  ]);

  await using failing = await startRawServer((_, response) => json(response, 500, {}));
  const outcome = await connectTo(failing.url, { retries: { count: 2, minDelay: 1 } }).killMachine(1);
  expect(failureOf(outcome)).toBe('UnknownOutcome/ServerError');
  expect(failing.requests).toHaveLength(1);
});

test('even a write that was certainly not sent is not retried by the client', async () => {
  const server = await startRawServer(hang);
  await server[Symbol.asyncDispose]();
  const records: CallRecord[] = [];
  const provider = connectTo(server.url, { retries: { count: 2, minDelay: 1 }, onCall: (call) => records.push(call) });
  await provider.createMachine(request);
  expect(records).toHaveLength(1);
  await provider.listMachines();
  expect(records).toHaveLength(4);
});

test('the deadline of a read holds for all its attempts together', async () => {
  await using server = await startRawServer(hang);
  const provider = connectTo(server.url, {
    // Without the deadline, these are more than a minute.
    retries: { count: 1_000, minDelay: 1 },
    timeouts: { response: 100, total: 250 },
  });
  const startedAt = performance.now();
  expect(failureOf(await provider.listMachines())).toBe('Retry/Timeout');
  expect(performance.now() - startedAt).toBeLessThan(20_000);
  expect(server.requests.length).toBeLessThanOrEqual(4);
});

test('a write ends after connect and response time together, however slowly its answer arrives', async () => {
  await using server = await startRawServer(drip);
  const provider = connectTo(server.url, { timeouts: { connect: 1_000, response: 1_000, total: 60_000 } });
  const startedAt = performance.now();
  expect(failureOf(await provider.createMachine(request))).toBe('UnknownOutcome/Timeout');
  expect(performance.now() - startedAt).toBeLessThan(20_000);
});

test('a list that takes longer than the response timeout, and less than the total, is read', async () => {
  await using server = await startRawServer((_, response) => {
    response.writeHead(200).write('[');
    setTimeout(() => response.end(']'), 1_500);
  });
  const outcome = await connectTo(server.url, { timeouts: { ...patient, response: 1_000 } }).listMachines();
  expect(outcome).toEqual({ ok: true, value: [] });
});

const machine = { id: 5, name: 'web', state: 'running' };

test.for([
  ['gzip', gzipSync],
  ['x-gzip', gzipSync],
  ['deflate', deflateSync],
  ['br', brotliCompressSync],
] as const)('an answer encoded with %s is decoded', async ([encoding, pack]) => {
  await using server = await startRawServer((_, response) => {
    response.writeHead(200, { 'content-encoding': encoding }).end(pack(JSON.stringify([machine])));
  });
  expect(await connectTo(server.url).listMachines()).toMatchObject({ ok: true, value: [{ id: 5, name: 'web' }] });
});

test('the decoded body counts against the limit', async () => {
  await using server = await startRawServer((_, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(`[${' '.repeat(5_000_000)}]`));
  });
  const outcome = await connectTo(server.url, { limits: { list: 1_000_000 } }).listMachines();
  expect(failureOf(outcome)).toBe('Retry/BodyTooLarge');
});

test.for([
  ['cut short', (packed: Buffer) => packed.subarray(0, packed.length / 2)],
  ['not packed at all', () => Buffer.from(JSON.stringify([machine]))],
] as const)('an encoded answer that is %s does not count as a list', async ([, damage]) => {
  await using server = await startRawServer((_, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(damage(gzipSync(JSON.stringify([machine]))));
  });
  const outcome = await connectTo(server.url).listMachines();
  expect(outcome.ok).toBe(false);
});

test('a server that switches to another protocol has not answered', async () => {
  const server = createServer((socket) =>
    socket
      .on('error', () => {})
      .on('data', () => socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n')),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // An AddressInfo, because it listens on a TCP port.
  const outcome = await connectTo(`http://127.0.0.1:${(server.address() as AddressInfo).port}`).createMachine(request);
  expect(failureOf(outcome)).toBe('UnknownOutcome/ConnectionLost');
  server.close();
});

test('a write without a connection in time was certainly not sent, one without an answer may have taken effect', async () => {
  // It takes the connection and never speaks TLS.
  const silent = createServer((socket) => socket.on('error', () => {}));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  // An AddressInfo, because it listens on a TCP port.
  const { port } = silent.address() as AddressInfo;
  const unconnected = await connectTo(`https://127.0.0.1:${port}`, {
    timeouts: { ...patient, connect: 100 },
  }).createMachine(request);
  expect(unconnected).toMatchObject({ failure: { class: 'Retry', code: 'Timeout', text: 'no connection (connect)' } });
  const unanswered = await connectTo(`http://127.0.0.1:${port}`, {
    timeouts: { ...patient, response: 100 },
  }).createMachine(request);
  expect(unanswered).toMatchObject({
    failure: { class: 'UnknownOutcome', code: 'Timeout', text: 'no answer (response)' },
  });
  silent.close();
});

test('a refusal is not retried', async () => {
  await using server = await startRawServer((_, response) => json(response, 401, {}));
  const provider = connectTo(server.url, { retries: { count: 2, minDelay: 1 } });
  expect(failureOf(await provider.listMachines())).toBe('Credentials/Unauthorized');
  expect(server.requests).toHaveLength(1);
});

test('an answer about another VM is refused', async () => {
  await using server = await startRawServer((_, response) =>
    json(response, 200, { id: 6, name: 'x', state: 'running' }),
  );
  expect(failureOf(await connectTo(server.url).getMachine(5))).toBe('Retry/ProtocolError');
});

test.for([Number.NaN, -1, 0, 1.5, 2 ** 53])('an id of %s never reaches a URL', async (id) => {
  await using server = await startRawServer((_, response) => json(response, 200, {}));
  const provider = connectTo(server.url);
  for (const call of [provider.getMachine, provider.deleteMachine, provider.killMachine]) {
    expect(failureOf(await call(id))).toBe('Terminal/BadRequest');
  }
  expect(server.requests).toEqual([]);
});

test.for(['', 'two words', 'line\nfeed', 'ключ'])(
  'a key %j that no header can carry is refused without a call',
  async (key) => {
    await using server = await startRawServer((_, response) => json(response, 200, []));
    const outcome = await connectTo(server.url, { apiKey: new Secret(key) }).listMachines();
    expect(failureOf(outcome)).toBe('Credentials/Unauthorized');
    expect(server.requests).toEqual([]);
  },
);

test('Retry-After and the request id are kept', async () => {
  await using server = await startRawServer(
    (_, response) =>
      void response.writeHead(503, { 'retry-after': '7', 'x-request-id': 'abc-1' }).end('{"message":"later"}'),
  );
  const provider = connectTo(server.url);
  const kept = { status: 503, code: 'ServerError', retryAfter: 7_000, requestId: 'abc-1', text: 'later' };
  expect(await provider.listMachines()).toMatchObject({ failure: { class: 'Wait', ...kept } });
  expect(await provider.createMachine(request)).toMatchObject({ failure: { class: 'UnknownOutcome', ...kept } });
});
