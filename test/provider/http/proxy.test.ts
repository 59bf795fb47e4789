import { setTimeout as delay } from 'node:timers/promises';
import tls from 'node:tls';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Fence } from '../../../src/domain/fence.ts';
import type { Outcome } from '../../../src/domain/failure.ts';
import { Secret } from '../../../src/domain/secret.ts';
import type { ConnectionOptions } from '../../../src/provider/http/agents.ts';
import { createHttpProvider } from '../../../src/provider/http/client.ts';
import { readProxy } from '../../../src/provider/http/proxy.ts';
import { createExchange } from '../../../src/provider/http/transport.ts';
import type { Provider } from '../../../src/provider/provider.ts';
import type { Log } from '../../../src/telemetry/log.ts';
import { silentLog } from '../../../src/telemetry/log.ts';
import { createCertificateAuthority } from '../../support/certificate.ts';
import { startForwardProxy } from '../../support/forward-proxy.ts';
import { startRawServer } from '../../support/raw-server.ts';
import { startTlsServer } from '../../support/tls-server.ts';

const key = 'planted-key-proxied';
const password = 'planted-key-of-the-proxy';
const authority = createCertificateAuthority('Test');
const certificate = authority.issue('provider.test');

const trusted = tls.getCACertificates('default');
beforeAll(() => tls.setDefaultCACertificates([...trusted, authority.cert]));
afterAll(() => tls.setDefaultCACertificates(trusted));

interface Options extends Omit<ConnectionOptions, 'proxy'> {
  readonly fence?: Fence;
  readonly connect?: number;
  readonly log?: Log;
}

/** A client whose name for the provider only the proxy can resolve. */
function through(proxyPort: number, baseUrl: string, options: Options = {}): Provider {
  const { fence, connect = 20_000, log = silentLog, ...connections } = options;
  const url = `http://operator:${password}@127.0.0.1:${proxyPort}`;
  const proxy = readProxy({ HTTPS_PROXY: url, HTTP_PROXY: url }, baseUrl);
  return createHttpProvider({
    baseUrl,
    apiKey: new Secret(key),
    log,
    insecure: true,
    retries: { count: 0 },
    timeouts: { connect, response: 20_000 },
    exchange: createExchange({ ...connections, proxy }),
    ...(fence === undefined ? {} : { fence }),
  });
}

const serve = () =>
  startTlsServer(certificate, (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end('[]');
  });

function say(outcome: Outcome<unknown>): string {
  return outcome.ok ? 'ok' : `${outcome.failure.class}/${outcome.failure.code}: ${outcome.failure.text}`;
}

test('https goes through a tunnel, in which the proxy sees neither key nor request', async () => {
  await using proxy = await startForwardProxy();
  await using server = await serve();
  const provider = through(proxy.port, `https://provider.test:${server.port}`);
  expect(say(await provider.listMachines())).toBe('ok');
  expect(say(await provider.stopMachine(5))).toBe('ok');
  expect(server.requests).toEqual(['GET /virtual_machines', 'POST /virtual_machines/5/stop']);
  // The second call takes the first one's tunnel.
  expect(proxy.tunnels).toEqual([`provider.test:${server.port}`]);
  expect(proxy.requests).toEqual([]);
  expect(proxy.authorizations).toEqual([`Basic ${Buffer.from(`operator:${password}`).toString('base64')}`]);
  expect(proxy.seen()).toContain('CONNECT provider.test');
  expect(proxy.seen()).not.toMatch(new RegExp(`${key}|virtual_machines|x-api-key`, 'i'));
});

test('plain http, where it is allowed, goes by absolute URL', async () => {
  await using proxy = await startForwardProxy();
  await using server = await startRawServer((_, response) => void response.writeHead(200).end('[]'));
  const { port } = new URL(server.url);
  expect(say(await through(proxy.port, `http://provider.test:${port}`).listMachines())).toBe('ok');
  expect(proxy.requests).toEqual([`GET http://provider.test:${port}/virtual_machines`]);
  expect(proxy.authorizations).toHaveLength(1);
});

test.for([
  [407, 'Retry/ConnectFailed: no connection (proxy answered 407)'],
  [502, 'Retry/ConnectFailed: no connection (proxy answered 502)'],
  [204, 'Retry/ConnectFailed: no connection (proxy answered 204)'],
  ['hang up', 'Retry/ConnectFailed: no connection (ERR_PROXY_TUNNEL)'],
  ['break', 'Retry/ConnectFailed: no connection (ECONNRESET)'],
] as const)('a write was certainly not sent when the proxy answers a CONNECT with %s', async ([answer, expected]) => {
  await using proxy = await startForwardProxy(answer);
  await using server = await serve();
  const provider = through(proxy.port, `https://provider.test:${server.port}`);
  expect(say(await provider.killMachine(5))).toBe(expected);
  expect(say(await provider.listMachines())).toBe(expected);
  expect(proxy.tunnels).toHaveLength(2);
  expect([server.handshakes, server.requests]).toEqual([0, []]);
});

test('a write was certainly not sent when the proxy never answers: the connect timeout holds, and nothing fails later', async () => {
  await using proxy = await startForwardProxy('nothing');
  const provider = through(proxy.port, 'https://provider.test', { connect: 500, idle: { close: 700, write: 100 } });
  expect(say(await provider.killMachine(5))).toBe('Retry/Timeout: no connection (connect)');
  // Node gives the tunnel up after the time for an unused connection, and fails the request that is over.
  await delay(1_000);
  expect(proxy.tunnels).toEqual(['provider.test:443']);
});

test('a write was certainly not sent without a reachable proxy', async () => {
  const proxy = await startForwardProxy();
  await proxy[Symbol.asyncDispose]();
  const outcome = await through(proxy.port, 'https://provider.test').killMachine(5);
  expect(say(outcome)).toBe('Retry/ConnectFailed: no connection (ECONNREFUSED)');
});

test("a write was certainly not sent when the provider's certificate names another host", async () => {
  await using proxy = await startForwardProxy();
  await using server = await serve();
  const outcome = await through(proxy.port, `https://other.test:${server.port}`).killMachine(5);
  expect(say(outcome)).toBe('Retry/ConnectFailed: no connection (ERR_TLS_CERT_ALTNAME_INVALID)');
  expect(server.requests).toEqual([]);
});

test('a write that was sent through the tunnel and has no answer may have taken effect', async () => {
  await using proxy = await startForwardProxy();
  await using server = await startTlsServer(certificate, (request) => request.socket.destroy());
  const outcome = await through(proxy.port, `https://provider.test:${server.port}`).killMachine(5);
  expect(say(outcome)).toBe('UnknownOutcome/ConnectionLost: no answer (ECONNRESET)');
});

test('a call whose tunnel is established after the fence has closed is not sent', async () => {
  await using proxy = await startForwardProxy();
  await using server = await serve();
  let asked = 0;
  const fence = (): boolean => (asked += 1) === 1;
  const outcome = await through(proxy.port, `https://provider.test:${server.port}`, { fence }).stopMachine(5);
  expect(outcome).toMatchObject({ failure: { class: 'Retry', code: 'Canceled' } });
  expect([asked, proxy.tunnels.length, server.requests]).toEqual([2, 1, []]);
});

test('no failure and no log line contains the password of the proxy', async () => {
  const said: unknown[] = [];
  const log = { ...silentLog, debug: (message: string, fields?: unknown) => said.push(message, fields) };
  for (const answer of [407, 502, 'hang up', 'break'] as const) {
    await using proxy = await startForwardProxy(answer);
    const provider = through(proxy.port, 'https://provider.test', { log });
    said.push(await provider.listMachines(), await provider.killMachine(5));
  }
  expect(said).toHaveLength(4 * (2 + 4));
  const shown = inspect(said, { depth: Infinity, showHidden: true, getters: true }) + JSON.stringify(said);
  expect(shown).not.toMatch(new RegExp(`${password}|${Buffer.from(`operator:${password}`).toString('base64')}`));
});

describe('the environment', () => {
  const api = 'https://api.vps247.com';
  const proxy = 'http://proxy.example.com:3128';
  const address = 'proxy.example.com:3128';

  test.for<[env: Record<string, string>, baseUrl: string, expected: string | undefined, because: string]>([
    [{}, api, undefined, 'none is named'],
    [{ HTTPS_PROXY: proxy }, api, address, 'https has its own'],
    [{ https_proxy: proxy }, api, address, 'in small letters too'],
    [{ https_proxy: proxy, HTTPS_PROXY: 'http://other.test' }, api, address, 'and these win'],
    [{ https_proxy: '', HTTPS_PROXY: proxy }, api, address, 'if they are not empty'],
    [{ HTTP_PROXY: proxy }, api, undefined, 'http has another'],
    [{ HTTP_PROXY: proxy }, 'http://vps.test', address, 'which http takes'],
    [{ HTTPS_PROXY: proxy }, 'http://vps.test', undefined, 'and not that of https'],
    [{ HTTPS_PROXY: 'proxy.example.com:3128' }, api, address, 'http is meant where nothing is said'],
    [{ HTTPS_PROXY: 'https://proxy.example.com:3128' }, api, address, 'a proxy may speak https'],
    [
      { HTTP_PROXY: proxy },
      'http://127.0.0.1:8080',
      undefined,
      'the key may travel in clear text to this machine only',
    ],
    [{ HTTPS_PROXY: proxy }, 'https://localhost', undefined, 'this machine needs no proxy'],
    [{ HTTPS_PROXY: proxy, NO_PROXY: '*' }, api, undefined, 'everything is exempt'],
    [{ HTTPS_PROXY: proxy, NO_PROXY: 'api.vps247.com' }, api, undefined, 'the name is exempt'],
    [{ HTTPS_PROXY: proxy, no_proxy: 'API.vps247.com' }, api, undefined, 'in any letters'],
    [{ HTTPS_PROXY: proxy, no_proxy: 'a.test', NO_PROXY: '*' }, api, address, 'small letters win'],
    [{ HTTPS_PROXY: proxy, NO_PROXY: 'a.test, vps247.com' }, api, undefined, 'a name covers those below it'],
    [{ HTTPS_PROXY: proxy, NO_PROXY: 'a.test .vps247.com' }, api, undefined, 'with a dot'],
    [{ HTTPS_PROXY: proxy, NO_PROXY: '*.vps247.com' }, api, undefined, 'or a star'],
    [{ HTTPS_PROXY: proxy, NO_PROXY: '247.com,i.vps247.com,.com.' }, api, address, 'parts of a name cover nothing'],
    [{ HTTPS_PROXY: proxy, NO_PROXY: 'api.vps247.com:443' }, api, undefined, 'the port is that of https'],
    [{ HTTPS_PROXY: proxy, NO_PROXY: 'api.vps247.com:8443' }, api, address, 'another port is not'],
    [{ HTTPS_PROXY: proxy, NO_PROXY: ' , ,' }, api, address, 'nothing covers nothing'],
    [{ HTTPS_PROXY: proxy, NO_PROXY: '10.0.0.0/8' }, 'https://10.1.2.3', undefined, 'a range of addresses'],
    [{ HTTPS_PROXY: proxy, NO_PROXY: '10.0.0.0/8' }, 'https://11.1.2.3', address, 'another range'],
    [{ HTTPS_PROXY: proxy, NO_PROXY: '10.0.0.0/99,10.0.0.0/x' }, 'https://10.1.2.3', address, 'no range at all'],
    [{ HTTPS_PROXY: proxy, NO_PROXY: '10.1.2.3' }, 'https://10.1.2.3', undefined, 'an address'],
    [{ HTTPS_PROXY: proxy, NO_PROXY: 'fd00::/8' }, 'https://[fd00::7]', undefined, 'a range of the other kind'],
    [{ HTTPS_PROXY: proxy, NO_PROXY: '0.0.0.0/0' }, 'https://[fd00::7]', address, 'is of the other kind only'],
    [{ HTTPS_PROXY: proxy, NO_PROXY: '0.0.0.0/0' }, api, address, 'a name instead of an address'],
  ])('%o for %s: %s, because %s', ([env, baseUrl, expected]) => {
    expect(readProxy(env, baseUrl)?.address).toBe(expected);
  });

  test.for([
    ['of another kind of proxy', 'socks5://proxy.test:1080'],
    ['without a host', `http://user:${password}@`],
    ['with half a letter', `http://user:${password}%zz@proxy.test`],
    ['with too high a port', `http://user:${password}@proxy.test:99999`],
    ['of a file server', `ftp://user:${password}@proxy.test`],
  ])('a URL %s is refused without being quoted', ([, value]) => {
    expect(() => readProxy({ https_proxy: value }, api)).toThrow(
      /^https_proxy must be the URL of an HTTP proxy, such as http:\/\/proxy\.example\.com:3128\.$/,
    );
  });
});
