import { describe, expect, test } from 'vitest';
import { KubeError } from '../../../src/kubernetes/errors.ts';
import type { Log } from '../../../src/telemetry/log.ts';
import { startReflector } from './reflector-fixture.ts';

const minute = 60_000;

describe('requests to the API server', () => {
  test.each(['yes', 'refuses'] as const)(
    'select the namespace and the labels in each call, and end with the reflector (%s)',
    async (streams) => {
      const { cluster, reflector, clock } = await startReflector(undefined, {
        namespaces: ['a'],
        labelSelector: 'kind=web',
      });
      cluster.streams = streams;
      reflector.start();
      await clock.advance(10_000);
      // The server may be a restored one: it is compared, by a list of one object.
      cluster.failures.push('Network');
      cluster.cut('Network');
      await clock.advance(10_000);
      expect(cluster.asked).toHaveLength(streams === 'yes' ? 5 : 6);
      for (const { namespace, labelSelector } of cluster.asked)
        expect({ namespace, labelSelector }).toEqual({ namespace: 'a', labelSelector: 'kind=web' });
      await reflector.stop();
      expect(cluster.asked.map(({ signal }) => signal?.aborted)).toEqual(cluster.asked.map(() => true));
    },
  );

  test('ask a server that refuses the initial list as watch events once', async () => {
    const { cluster, clock } = await startReflector({});
    await clock.advance(10_000);
    cluster.cut('Gone');
    await clock.settle();
    expect(cluster.calls).toEqual(['list', 'watch 100', 'list', 'watch 100']);
    expect(cluster.asked.filter(({ sendInitialEvents }) => sendInitialEvents)).toHaveLength(1);
  });

  test('release the connection of the initial list when all is read', async () => {
    const { cluster, clock, reflector } = await startReflector();
    cluster.streams = 'yes';
    reflector.start();
    await clock.settle();
    expect(cluster.asked.map(({ signal, timeoutSeconds }) => [signal?.aborted, timeoutSeconds])).toEqual([
      [true, 300],
      [false, 300],
    ]);
  });

  test.each([
    { random: 0, relistInterval: undefined, seconds: 300 },
    { random: 0.001, relistInterval: undefined, seconds: 300 },
    { random: 0.5, relistInterval: undefined, seconds: 450 },
    { random: 0.999, relistInterval: undefined, seconds: 599 },
    { random: 0, relistInterval: 100_000, seconds: 90 },
    { random: 0.5, relistInterval: 100_000, seconds: 100 },
    { random: 0.999, relistInterval: 100_000, seconds: 110 },
    { random: 0, relistInterval: 10_500, seconds: 10 },
  ])(
    'watch for $seconds s with a relist every $relistInterval ms and the random number $random',
    async ({ random, relistInterval, seconds }) => {
      const options = { random: () => random, ...(relistInterval === undefined ? {} : { relistInterval }) };
      const { cluster } = await startReflector({}, options);
      expect(cluster.asked.at(-1)?.timeoutSeconds).toBe(seconds);
    },
  );

  test('relist every half an hour, here a tenth earlier by jitter', async () => {
    const { cluster, clock } = await startReflector({});
    for (let passed = 0; passed < 26; passed += 2) {
      await clock.advance(2 * minute);
      cluster.bookmark();
    }
    cluster.cut();
    await clock.settle();
    expect(cluster.asked.at(-1)?.timeoutSeconds).toBe(60);
    expect(cluster.calls.filter((call) => call === 'list')).toHaveLength(1);
    await clock.advance(minute);
    cluster.cut();
    await clock.settle();
    expect(cluster.calls.filter((call) => call === 'list')).toHaveLength(2);
  });
});

describe('a reflector that stops', () => {
  test('reports nothing during a list', async () => {
    const { lines, reflector, clock } = await startReflector(undefined, {
      client: {
        list: (_resource, { signal } = {}) =>
          new Promise((_resolve, reject) =>
            signal?.addEventListener('abort', () => reject(new KubeError('list', { reason: 'Forbidden' }))),
          ),
        watch: () => {
          throw new KubeError('watch', { reason: 'Invalid' });
        },
      },
    });
    reflector.start();
    await clock.settle();
    await reflector.stop();
    expect([lines, reflector.blocker]).toEqual([[], undefined]);
  });
});

test.each([
  [undefined, [{ resource: 'things' }, { resource: 'things' }]],
  [['a'], [{ resource: 'things' }, { resource: 'things', namespace: 'a' }]],
])('log lines of the namespaces %j name the resource, and the namespace if there is one', async (namespaces, named) => {
  const fields: unknown[] = [];
  const log: Log = {
    debug: () => {},
    info: () => {},
    warn: () => {},
    error: () => {},
    with: (more) => {
      fields.push(more);
      return log;
    },
  };
  await startReflector({}, { log, namespaces });
  expect(fields).toEqual(named);
});

test('waits for nothing without any namespace', async () => {
  const { cluster, reflector } = await startReflector({}, { namespaces: [] });
  expect([reflector.isSynced(), cluster.calls]).toEqual([true, []]);
});
