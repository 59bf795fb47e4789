import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { exchange, type ExchangeRequest } from '../../../src/provider/http/transport.ts';
import { startTcpServer } from '../../support/tcp-server.ts';

/** A hundred times what any of these needs. */
const patient = { connect: 20_000, response: 20_000, total: 25_000 };

function requestTo(port: number, more: Partial<ExchangeRequest> = {}): ExchangeRequest {
  return {
    method: 'POST',
    url: `http://127.0.0.1:${port}/virtual_machines`,
    headers: { 'x-api-key': 'planted-key-odd' },
    timeouts: patient,
    bodyBytes: 1_000_000,
    errorBytes: 1_000,
    ...more,
  };
}

const answer = (body: string, ...headers: readonly string[]): string =>
  ['HTTP/1.1 200 OK', `Content-Length: ${Buffer.byteLength(body)}`, ...headers, '', body].join('\r\n');
const head = (...lines: readonly string[]): string => `${lines.join('\r\n')}\r\n\r\n`;

type Say = (socket: Socket) => void;
const say =
  (...texts: readonly string[]): Say =>
  (socket) =>
    void socket.write(texts.join(''));
const sayAndClose =
  (...texts: readonly string[]): Say =>
  (socket) =>
    void socket.end(texts.join(''));

const received = { kind: 'Received', status: 200, body: '[]' };
const lost = { kind: 'Lost', code: 'ConnectionLost' };
const cut = { kind: 'Received', status: 200, cut: 'ConnectionLost' };

test.for<[name: string, Say, expected: object]>([
  ['100 Continue first', say(head('HTTP/1.1 100 Continue'), answer('[]')), received],
  ['103 Early Hints first', say(head('HTTP/1.1 103 Early Hints', 'Link: </x>; rel=preload'), answer('[]')), received],
  ['a hundred 102 Processing first', say(head('HTTP/1.1 102 Processing').repeat(100), answer('[]')), received],
  [
    'another protocol, and then nothing',
    say(head('HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: h2c')),
    { ...lost, detail: 'UNEXPECTED_UPGRADE' },
  ],
  [
    'a body after an answer without one',
    say(head('HTTP/1.1 204 No Content'), 'more'),
    { kind: 'Received', status: 204 },
  ],
  ['data after the end of the body', say(answer('[]'), 'and more'), cut],
  ['a second answer after the first', say(answer('[]'), answer('[{"id":7}]')), received],
  ['nothing, and the end', sayAndClose(), lost],
  ['half a head, and the end', sayAndClose('HTTP/1.1 200 OK\r\nContent-Le'), lost],
  ['half a body, and the end', sayAndClose(head('HTTP/1.1 200 OK', 'Content-Length: 9'), '[]'), cut],
  ['half a chunk, and the end', sayAndClose(head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked'), '9\r\n[]'), cut],
  ['a chunk without a length', say(head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked'), 'zz\r\n[]\r\n'), cut],
  ['a body that the end ends', sayAndClose(head('HTTP/1.1 200 OK'), '[]'), received],
  ['two lengths', say(head('HTTP/1.1 200 OK', 'Content-Length: 2', 'Content-Length: 3'), '[] '), lost],
  ['no HTTP', say('SSH-2.0-OpenSSH_9.9\r\n'), lost],
  ['a head of 64 KiB', say(head('HTTP/1.1 200 OK', `X: ${'x'.repeat(65_536)}`), '[]'), lost],
])('%s', async ([, speak, expected]) => {
  await using server = await startTcpServer((socket) => socket.on('data', () => speak(socket)));
  const ended = await exchange(requestTo(server.port));
  expect(ended).toMatchObject(expected);
  expect(server.connections).toHaveLength(1);

  // What was left over on that connection is not the answer to the next request.
  await delay(20);
  expect(await exchange(requestTo(server.port))).toMatchObject(expected);
});

test('informational answers without end do not count as an answer: the response timeout holds', async () => {
  await using server = await startTcpServer((socket) => {
    const timer = setInterval(() => socket.write(head('HTTP/1.1 102 Processing')), 10);
    socket.once('close', () => clearInterval(timer));
  });
  const timeouts = { ...patient, response: 200 };
  expect(await exchange(requestTo(server.port, { timeouts }))).toEqual({
    kind: 'Lost',
    code: 'Timeout',
    detail: 'response',
  });
});

const blank = Buffer.alloc(20_000_000, ' ');

test.for([
  ['gzip', gzipSync],
  ['deflate', deflateSync],
  ['br', brotliCompressSync],
  ['zstd', zstdCompressSync],
] as const)('20 MB in a few bytes of %s are aborted at the limit', async ([encoding, pack]) => {
  const packed = pack(blank);
  await using server = await startTcpServer((socket) => {
    socket.write(head('HTTP/1.1 200 OK', `Content-Encoding: ${encoding}`, `Content-Length: ${packed.length}`));
    socket.write(packed);
  });
  const ended = await exchange(requestTo(server.port));
  expect(ended).toMatchObject({ kind: 'Received', cut: 'BodyTooLarge' });
  expect(ended.kind === 'Received' && ended.body.length).toBe(1_000_000);
  // Beyond the limit goes no more than what one step of the decoder gives.
  expect(ended.kind === 'Received' && ended.bytes).toBeLessThan(2_000_000);
});

test('nested encodings are not decoded: each layer that a header lists costs memory and time', async () => {
  const layers = Array.from({ length: 3_000 }, () => 'gzip').join(',');
  await using server = await startTcpServer(say(answer('[]', `Content-Encoding: ${layers}`)));
  const startedAt = process.cpuUsage();
  expect(await exchange(requestTo(server.port))).toMatchObject(received);
  const { user, system } = process.cpuUsage(startedAt);
  expect((user + system) / 1_000).toBeLessThan(1_000);
});
