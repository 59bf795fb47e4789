import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Secret } from '../../../src/domain/secret.ts';
import { createHttpProvider, type HttpProviderOptions } from '../../../src/provider/http/client.ts';
import { listLimits } from '../../../src/provider/http/list-parser.ts';
import type { ExchangeRequest } from '../../../src/provider/http/transport.ts';
import { silentLog } from '../../../src/telemetry/log.ts';

/** A provider whose requests go nowhere, with defaults for everything that is not given. */
function unconnected(options: Partial<HttpProviderOptions> = {}) {
  const requests: ExchangeRequest[] = [];
  const provider = createHttpProvider({
    baseUrl: 'https://provider.test',
    apiKey: new Secret('planted-key-client'),
    log: silentLog,
    exchange: (request) => {
      requests.push(request);
      return Promise.resolve({ kind: 'NotSent', code: 'ConnectFailed', detail: 'ECONNREFUSED' });
    },
    ...options,
  });
  return { provider, requests };
}

describe('with the default limits', () => {
  // p-retry waits by the timers of the process.
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  it('a read has a minute, and is retried after a quarter of a second and half a second', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0);
    const { provider, requests } = unconnected();
    const read = provider.listMachines();
    for (const [milliseconds, attempts] of [
      [249, 1],
      [1, 2],
      [499, 2],
      [1, 3],
      [60_000, 3],
    ] as const) {
      await vi.advanceTimersByTimeAsync(milliseconds);
      expect(requests).toHaveLength(attempts);
    }
    expect((await read).ok).toBe(false);
    expect(requests[0]).toMatchObject({
      timeouts: { connect: 5_000, response: 30_000, total: 60_000 },
      bodyBytes: listLimits.bytes,
      errorBytes: 16_384,
    });
  });

  it('a write has the time for its connection and its answer, and is never retried', async () => {
    const { provider, requests } = unconnected();
    const write = provider.stopMachine(5);
    await vi.advanceTimersByTimeAsync(60_000);
    expect((await write).ok).toBe(false);
    expect(requests).toHaveLength(1);
    expect(requests[0]).toMatchObject({
      timeouts: { connect: 5_000, response: 30_000, total: 35_000 },
      bodyBytes: 1_048_576,
      errorBytes: 16_384,
    });
  });
});

it('only a request with a body has a content type', async () => {
  const { provider, requests } = unconnected({ retries: { count: 0 } });
  await provider.listRegions();
  await provider.killMachine(5);
  await provider.createMachine({
    name: 'web',
    regionId: 1,
    packageId: 2,
    osTemplateId: 3,
    ipv6: false,
    privateNetworking: false,
    sshKeyIds: [],
  });
  expect(requests.map(({ headers, body }) => ['content-type' in headers, typeof body])).toEqual([
    [false, 'undefined'],
    [false, 'undefined'],
    [true, 'string'],
  ]);
});

it('plain http to another host is refused unless it is allowed', () => {
  const baseUrl = 'http://provider.test';
  expect(() => unconnected({ baseUrl })).toThrow();
  expect(() => unconnected({ baseUrl, insecure: true })).not.toThrow();
});
