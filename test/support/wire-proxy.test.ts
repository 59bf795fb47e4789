import { mkdtempDisposableSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from 'vitest';
import { kubeconfigOf } from '../../hack/control-plane/access.ts';
import { type Point, startWireProxy, type Treatment } from './wire-proxy.ts';
import { loadKubeConfig } from '../../src/kubernetes/config.ts';
import { startRawServer } from './raw-server.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** A proxy before two servers that do as `handle` says, the API server's side with a separate path. */
async function between(
  handle: http.RequestListener,
  decide: Parameters<typeof startWireProxy>[0]['decide'] = () => ({ kind: 'pass' }),
) {
  const server = await startRawServer(handle);
  cleanups.push(() => server[Symbol.asyncDispose]());
  const folder = mkdtempDisposableSync(path.join(tmpdir(), 'vps247-wire-'));
  cleanups.push(() => folder.remove());
  const kubeconfig = path.join(folder.path, 'kubeconfig');
  writeFileSync(kubeconfig, kubeconfigOf({ server: server.url, caData: '', token: 'planted-token' }));
  const proxy = await startWireProxy({ kubeconfig, apiUrl: server.url, directory: folder.path, decide });
  cleanups.push(() => proxy.close());
  return { server, proxy, kubernetesUrl: loadKubeConfig(proxy).getCurrentCluster()?.server ?? '' };
}

/** The status and body of an answer, or the code of the error that came instead. */
async function call(url: string, options: http.RequestOptions = {}, body = ''): Promise<string> {
  try {
    return await new Promise((resolve, reject) => {
      const request = http.request(url, { agent: false, ...options }, (answer) => {
        text(answer).then((whole) => resolve(`${answer.statusCode} ${whole}`), reject);
      });
      request.once('error', reject);
      request.end(body);
    });
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  }
}

test('a request is passed on unchanged, to its API, and is counted', async () => {
  const received: string[] = [];
  const { proxy, kubernetesUrl } = await between(async (request, response) => {
    const { authorization, 'x-api-key': key, host } = request.headers;
    received.push(`${request.method} ${request.url} ${authorization ?? key} ${await text(request)}`);
    expect(`http://${host}`).not.toBe(kubernetesUrl);
    response.writeHead(201, { 'content-type': 'text/plain', 'retry-after': '3' }).end('made');
  });
  const headers = { authorization: 'Bearer t' };
  expect(await call(`${kubernetesUrl}/api/v1/x?a=b`, { method: 'POST', headers }, 'body')).toBe('201 made');
  expect(await call(`${proxy.apiUrl}/virtual_machines`, { headers: { 'x-api-key': 'k' } })).toBe('201 made');
  expect(received).toEqual(['POST /api/v1/x?a=b Bearer t body', 'GET /virtual_machines k ']);
  expect(proxy.traffic).toEqual({
    kubernetes: { requests: 1, bytesOut: 4, bytesIn: 4 },
    provider: { requests: 1, bytesOut: 0, bytesIn: 4 },
  });
  expect(loadKubeConfig(proxy).getCurrentUser()?.token).toBe('planted-token');
});

describe('the three points', () => {
  const long = 'x'.repeat(200_000);

  /** Acts at the point by cutting off all connections, as the death of the caller does; returns the state at that moment. */
  async function actAt(at: Point) {
    let answered = 0;
    const seen: { requests: number; answered: number }[] = [];
    const stage = await between(
      (_request, response) => response.end(long, () => (answered += 1)),
      (): Treatment => ({
        kind: 'act',
        at,
        act: async () => {
          seen.push({ requests: stage.server.requests.length, answered });
          await stage.proxy.close();
        },
      }),
    );
    const outcome = await call(`${stage.proxy.apiUrl}/virtual_machines`, { method: 'POST' });
    return { seen, outcome, requests: stage.server.requests };
  }

  test('before: the API never receives it, the caller gets nothing', async () => {
    const { seen, outcome, requests } = await actAt('before');
    expect(seen).toEqual([{ requests: 0, answered: 0 }]);
    expect(outcome).toBe('ECONNRESET');
    expect(requests).toEqual([]);
  });

  test('effect: the API has answered completely, the caller gets nothing', async () => {
    const { seen, outcome } = await actAt('effect');
    expect(seen).toEqual([{ requests: 1, answered: 1 }]);
    expect(outcome).toBe('ECONNRESET');
  });

  test('answered: the caller gets the whole answer, whatever happens to the connection then', async () => {
    const { seen, outcome } = await actAt('answered');
    expect(seen).toEqual([{ requests: 1, answered: 1 }]);
    expect(outcome).toBe(`200 ${long}`);
  });

  test.each<[Point, number]>([
    ['before', 0],
    ['effect', 1],
    ['answered', 1],
  ])('of a watch, %s: %i were accepted, though it never ends', async (at, accepted) => {
    const acted = Promise.withResolvers<number>();
    const { server, kubernetesUrl } = await between(
      (_request, response) => response.flushHeaders(),
      () => ({ kind: 'act', at, act: () => acted.resolve(server.requests.length) }),
    );
    const request = http.get(`${kubernetesUrl}/api/v1/secrets?watch=true`, { agent: false });
    request.on('error', () => {});
    expect(await acted.promise).toBe(accepted);
    request.destroy();
  });
});

describe('other network faults', () => {
  test.each<[string, Treatment, string, number]>([
    ['a reset before', { kind: 'reset', at: 'before' }, 'ECONNRESET', 0],
    ['a reset after the effect', { kind: 'reset', at: 'effect' }, 'ECONNRESET', 1],
    ['a refusal', { kind: 'refuse', status: 503 }, '503 {"error":"refused on the way"}', 0],
    ['a late refusal', { kind: 'refuse', status: 500, body: {}, milliseconds: 20 }, '500 {}', 0],
    ['a delay', { kind: 'delay', at: 'before', milliseconds: 20 }, '200 done', 1],
    ['a late answer', { kind: 'delay', at: 'effect', milliseconds: 20 }, '200 done', 1],
  ])('%s', async (_name, treatment, outcome, requests) => {
    const { server, proxy } = await between(
      (_request, response) => response.end('done'),
      () => treatment,
    );
    expect(await call(`${proxy.apiUrl}/virtual_machines`)).toBe(outcome);
    expect(server.requests).toHaveLength(requests);
    expect(proxy.underWay).toBe(0);
  });

  test.each(['before', 'effect'] as const)('silence %s the effect, until the caller aborts', async (at) => {
    const { server, proxy } = await between(
      (_request, response) => response.end('done'),
      () => ({ kind: 'hang', at }),
    );
    const caller = new AbortController();
    const outcome = call(`${proxy.apiUrl}/virtual_machines`, { signal: caller.signal });
    await expect.poll(() => [proxy.underWay, server.requests.length]).toEqual([1, at === 'before' ? 0 : 1]);
    caller.abort();
    expect(await outcome).toBe('ABORT_ERR');
    await expect.poll(() => proxy.underWay).toBe(0);
  });

  test('an API that is stopped looks like a connection that breaks', async () => {
    const { server, proxy } = await between((_request, response) => response.end('done'));
    await server[Symbol.asyncDispose]();
    expect(await call(`${proxy.apiUrl}/virtual_machines`)).toBe('ECONNRESET');
  });
});

/** A watch that sends the events of the test, and records its end. */
async function watch() {
  const answers: http.ServerResponse[] = [];
  let isOver = false;
  const { proxy, kubernetesUrl } = await between((_request, response) => {
    answers.push(response);
    response.flushHeaders();
    response.once('close', () => (isOver = true));
  });
  const answer = await new Promise<http.IncomingMessage>((resolve) => {
    const request = http.get(`${kubernetesUrl}/api/v1/secrets?watch=true`, { agent: false }, resolve);
    // The answer reports a reset too, which the tests check.
    request.on('error', () => {});
  });
  return { proxy, answer, tell: (line: string) => answers[0]?.write(line), isOver: () => isOver };
}

describe('a watch', () => {
  test('passes each event as it comes, and does not count as a request in flight', async () => {
    const { proxy, answer, tell } = await watch();
    const events = answer.setEncoding('utf8')[Symbol.asyncIterator]();
    for (const line of ['{"type":"ADDED"}\n', '{"type":"DELETED"}\n']) {
      tell(line);
      expect((await events.next()).value).toBe(line);
    }
    expect(proxy.underWay).toBe(0);
  });

  test('ends at the API when its reader is gone', async () => {
    const { answer, isOver } = await watch();
    answer.destroy();
    await expect.poll(isOver).toBe(true);
  });

  test('can be cut off', async () => {
    const { proxy, answer, isOver } = await watch();
    const outcome = text(answer).catch((error: NodeJS.ErrnoException) => error.code);
    proxy.cutWatches();
    expect(await outcome).toBe('ECONNRESET');
    await expect.poll(isOver).toBe(true);
  });
});

const sendThree: http.RequestListener = (_request, response) => void response.end('one\ntwo\nthree\n');
const refuseGone: http.RequestListener = (_request, response) => void response.writeHead(410).end('gone\n');

describe('the events of a watch', () => {
  const events = '/apis/vps247.com/v1alpha1/virtualmachines?watch=true';

  test.each<[string, (line: string) => readonly string[] | { readonly cut: string }, string]>([
    ['lost', (line) => (line === 'two' ? [] : [line]), '200 one\nthree\n'],
    ['sent twice', (line) => [line, line], '200 one\none\ntwo\ntwo\nthree\nthree\n'],
    ['cut', (line) => (line === 'two' ? { cut: 'tw' } : [line]), 'ECONNRESET'],
  ])('are %s', async (_what, edit, received) => {
    const { kubernetesUrl } = await between(sendThree, () => ({ kind: 'edit', edit }));
    expect(await call(`${kubernetesUrl}${events}`)).toBe(received);
  });

  test('are left alone when there are none', async () => {
    const { kubernetesUrl } = await between(refuseGone, () => ({ kind: 'edit', edit: () => [] }));
    expect(await call(`${kubernetesUrl}${events}`)).toBe('410 gone\n');
  });
});

test('a request may be sent on with other parameters, and refused with a given message', async () => {
  let asked = '';
  const { kubernetesUrl } = await between(
    (request, response) => {
      asked = request.url ?? '';
      response.end();
    },
    ({ path: where }) =>
      where === '/refused'
        ? { kind: 'refuse', status: 410, body: { reason: 'Expired' } }
        : { kind: 'pass', query: { limit: '3' } },
  );
  await call(`${kubernetesUrl}/x?limit=500&continue=a%2Bb`);
  expect(asked).toBe('/x?limit=3&continue=a%2Bb');
  expect(await call(`${kubernetesUrl}/refused`)).toBe('410 {"reason":"Expired"}');
});
