import { describe, expect, test } from 'vitest';
import { type Log, silentLog } from '../../../src/telemetry/log.ts';
import { rowsOf, startReflector } from './reflector-fixture.ts';

describe('a watch that ends', () => {
  test('a watch that ends regularly resumes from its resourceVersion, without a list', async () => {
    const { cluster, clock, changes } = await startReflector({ 'a/web': 'old' });
    cluster.put('b/x');
    await clock.advance(100_000);
    cluster.bookmark();
    await clock.advance(100_000);
    cluster.cut();
    await clock.settle();
    cluster.put('a/web', 'new');
    await clock.settle();
    expect(cluster.calls.slice(1)).toEqual(['watch 101', 'watch 102']);
    expect(changes).toContain('a/web: old → new');
  });

  test('a bookmark moves the resourceVersion from which the next watch starts', async () => {
    const { cluster, clock } = await startReflector({ 'a/web': 'old' });
    cluster.isSilent = true;
    cluster.put('elsewhere/x');
    cluster.bookmark();
    await clock.advance(10_000);
    cluster.cut();
    await clock.settle();
    expect(cluster.calls.at(-1)).toBe('watch 102');
  });

  test('a connection that breaks after a while is opened again at once, without a warning', async () => {
    const { cluster, clock, changes, lines } = await startReflector({ 'a/web': 'old' });
    await clock.advance(10_000);
    cluster.cut('Network');
    cluster.put('a/web', 'new');
    await clock.settle();
    expect(changes).toEqual(['a/web: old → new']);
    expect(cluster.calls.filter((call) => call.startsWith('list'))).toHaveLength(1);
    expect(lines).toEqual([]);
  });

  test.each([
    { lasted: 4_999, retriedAt: 200, lines: ['Watch failed, retrying', 'Watch resumed'] },
    { lasted: 5_000, retriedAt: 0, lines: [] },
  ])(
    'a connection that breaks after $lasted ms is opened again after $retriedAt ms',
    async ({ lasted, retriedAt, ...expected }) => {
      const { cluster, clock, lines } = await startReflector({});
      await clock.advance(lasted);
      cluster.cut('Network');
      await clock.settle();
      await clock.advance(Math.max(0, retriedAt - 1));
      expect(cluster.calls).toHaveLength(retriedAt === 0 ? 3 : 2);
      await clock.advance(1);
      expect(cluster.calls).toHaveLength(3);
      expect(lines).toEqual(expected.lines);
    },
  );

  test.each(['Gone', 'Protocol', 'Unexpected', 'Invalid'] as const)(
    'a watch that ends with %s is followed by a list',
    async (reason) => {
      const { cluster, clock } = await startReflector({});
      await clock.advance(10_000);
      cluster.cut(reason);
      await clock.advance(2_000);
      expect(cluster.calls.slice(2)).toEqual(['list', 'watch 100']);
    },
  );

  test.each(['Network', 'Timeout', 'Unavailable', 'TooManyRequests', 'Unauthorized', 'Forbidden'] as const)(
    'a watch that ends with %s resumes from its resourceVersion',
    async (reason) => {
      const { cluster, clock } = await startReflector({});
      await clock.advance(10_000);
      cluster.cut(reason);
      await clock.advance(2_000);
      expect(cluster.calls.slice(2)).toEqual(['watch 100']);
    },
  );

  test('an ERROR event is read as the status it carries', async () => {
    const { cluster, clock } = await startReflector({});
    await clock.advance(10_000);
    for (const watch of cluster.watches) {
      watch.send({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' } });
    }
    await clock.settle();
    expect(cluster.calls.slice(2)).toEqual(['list', 'watch 100']);
  });

  test('an object without metadata leads to a relist: it cannot come from the API server', async () => {
    const { cluster, clock } = await startReflector({ 'a/web': 'old' });
    for (const watch of cluster.watches) watch.send({ type: 'DELETED', object: { spec: 'x' } });
    await clock.advance(2_000);
    expect(cluster.calls.slice(2)).toEqual(['list', 'watch 101']);
  });

  test('silence ends a watch and leads to a relist: the server may have lost its history', async () => {
    const { cluster, reflector, clock } = await startReflector({ 'a/web': 'old', 'a/gone': '1' });
    cluster.isSilent = true;
    cluster.restore(5, { 'a/web': 'restored' });
    await clock.advance(179_999);
    expect(rowsOf(reflector)).toEqual({ 'a/web': 'old', 'a/gone': '1' });
    await clock.advance(1);
    expect(rowsOf(reflector)).toEqual({ 'a/web': 'restored' });
    expect(cluster.calls.slice(-2)).toEqual(['list', 'watch 6']);
  });

  test('a watch that receives an event now and then continues', async () => {
    const { cluster, clock } = await startReflector({});
    for (let minute = 0; minute < 10; minute += 1) {
      await clock.advance(60_000);
      cluster.bookmark();
    }
    expect(cluster.calls).toEqual(['list', 'watch 100']);
  });

  test('an event or a bookmark older than the watch leads to a relist: it is of another history', async () => {
    for (const type of ['BOOKMARK', 'MODIFIED'] as const) {
      const { cluster, clock } = await startReflector({ 'a/web': 'old' });
      await clock.advance(10_000);
      const metadata = { namespace: 'a', name: 'web', uid: 'uid-1', resourceVersion: '7' };
      for (const watch of cluster.watches) watch.send({ type, object: { metadata, spec: 'x' } });
      await clock.settle();
      expect(cluster.calls.slice(2), type).toEqual(['list', 'watch 101']);
    }
  });

  test('watches that end as soon as they begin do not cause a busy loop', async () => {
    const { cluster, clock } = await startReflector({});
    for (let second = 0; second < 60; second += 1) {
      cluster.cut();
      await clock.advance(1_000);
    }
    expect(cluster.calls.length).toBeLessThan(12);
  });

  test.each([
    { lasted: 999, retriedAfter: 800 },
    { lasted: 1_000, retriedAfter: 0 },
  ])('one that ends regularly after $lasted ms is followed by the next after $retriedAfter ms', async (row) => {
    const { cluster, clock } = await startReflector({});
    await clock.advance(row.lasted);
    cluster.cut();
    await clock.settle();
    await clock.advance(Math.max(0, row.retriedAfter - 1));
    expect(cluster.calls).toHaveLength(row.retriedAfter === 0 ? 3 : 2);
    await clock.advance(1);
    expect(cluster.calls.slice(2)).toEqual(['watch 100']);
  });

  test.each([1, 60_000])('silence counts from the last event, which came after %i ms', async (heardAt) => {
    const { cluster, clock } = await startReflector({});
    await clock.advance(heardAt);
    cluster.bookmark();
    await clock.advance(179_999);
    expect(cluster.calls).toEqual(['list', 'watch 100']);
    await clock.advance(1);
    expect(cluster.calls.slice(2)).toEqual(['list', 'watch 100']);
  });

  test('every watch but the first is counted', async () => {
    let restarts = 0;
    const { cluster, clock } = await startReflector({}, { onRestart: () => (restarts += 1) });
    expect(restarts).toBe(0);
    await clock.advance(10_000);
    cluster.cut();
    await clock.settle();
    expect(restarts).toBe(1);
  });
});

describe('an API server that fails', () => {
  test('is retried until it answers, with one warning, and one line when it works again', async () => {
    const { cluster, reflector, clock, changes, lines } = await startReflector({ 'a/web': 'old' });
    cluster.failures.push(...Array.from({ length: 200 }, () => 'Unavailable' as const));
    cluster.cut('Unavailable');
    const asked: number[] = [];
    for (let second = 0; second < 120; second += 1) {
      const before = cluster.calls.length;
      await clock.advance(1_000);
      if (cluster.calls.length > before) asked.push(second);
    }
    // 0.8 s, doubled up to 20 s (and half of it more, by chance).
    expect(asked).toEqual([0, 2, 5, 11, 24, 44, 64, 84, 104]);
    expect(rowsOf(reflector)).toEqual({ 'a/web': 'old' });
    expect(lines).toEqual(['Watch failed, retrying']);
    cluster.failures.length = 0;
    cluster.put('a/web', 'new');
    await clock.advance(20_000);
    expect(changes).toEqual(['a/web: old → new']);
    expect(lines.at(-1)).toBe('Watch resumed');
  });

  test('one that was unavailable for a minute is found within a second of its return', async () => {
    const { cluster, clock, changes } = await startReflector({ 'a/web': 'old' }, { random: () => 0.999 });
    cluster.isSilent = true;
    cluster.failures.push(...Array.from({ length: 200 }, () => 'Network' as const));
    cluster.cut('Network');
    await clock.advance(60_000);
    cluster.put('a/web', 'new');
    cluster.failures.length = 0;
    await clock.advance(1_000);
    expect(changes).toEqual(['a/web: old → new']);
  });

  test('a starting server that requests a wait of five seconds is asked again within half a second', async () => {
    const { cluster, clock, changes } = await startReflector({ 'a/web': 'old' }, { random: () => 0.999 });
    await clock.advance(10_000);
    cluster.isSilent = true;
    const refusal = { reason: 'Unavailable', retryAfter: 5_000 } as const;
    cluster.failures.push(
      ...Array.from({ length: 5 }, () => 'Network' as const),
      refusal,
      refusal,
      refusal,
      'Gone',
      refusal,
    );
    cluster.cut('Network');
    cluster.put('a/web', 'new');
    // 5 tries that reach no server, and 4 that are refused.
    await clock.advance(900 * 5 + 450 * 4);
    expect(cluster.failures).toEqual([]);
    expect(changes).toEqual(['a/web: old → new']);
  });

  test('one whose cache still fills is read in pages once, while the watch is tried again', async () => {
    const { cluster, reflector, clock, changes } = await startReflector({ 'a/web': 'old' }, { random: () => 0.999 });
    cluster.streams = 'yes';
    await clock.advance(10_000);
    cluster.isSilent = true;
    const filling = { reason: 'TooManyRequests', retryAfter: 30_000 } as const;
    cluster.failures.push('Network', { reason: 'Unavailable', retryAfter: 5_000 }, filling);
    // The pages are answered, the watches are not.
    cluster.afterPage = () => void cluster.failures.push(filling, filling);
    cluster.cut('Network');
    cluster.put('a/web', 'new');
    const before = cluster.calls.length;
    await clock.advance(300 + 150);
    expect(cluster.calls.slice(before)).toEqual(['watch 101', 'watch 101', 'watch 101', 'list']);
    expect([changes, reflector.isAvailable()]).toEqual([['a/web: old → new'], false]);
    await clock.advance(300 + 2 * 450);
    expect(cluster.calls.slice(before + 4)).toEqual(['watch 101', 'watch 101', 'watch 101']);
    expect(reflector.isAvailable()).toBe(true);
  });

  test('the early pages end when the server accepts the watch, and with the reflector', async () => {
    for (const end of ['watch', 'stop'] as const) {
      const { cluster, reflector, clock } = await startReflector(
        { 'a/1': '1', 'a/2': '1', 'a/3': '1' },
        { pageSize: 1 },
      );
      const page = Promise.withResolvers<void>();
      await clock.advance(10_000);
      cluster.failures.push('Network', { reason: 'TooManyRequests', retryAfter: 1_000 });
      cluster.holds = () => page.promise;
      cluster.cut('Network');
      await clock.advance(200);
      const pages = cluster.asked.filter(({ limit }) => limit !== undefined).slice(-1);
      expect(pages.map(({ signal }) => signal?.aborted)).toEqual([false]);
      const stopped = end === 'stop' ? reflector.stop() : clock.advance(100);
      await clock.settle();
      expect(pages.map(({ signal }) => signal?.aborted)).toEqual([true]);
      page.resolve();
      await stopped;
      await clock.settle();
      expect(cluster.calls.filter((call) => call.startsWith('list ')).length).toBeLessThanOrEqual(3);
      await reflector.stop();
    }
  });

  test('each kind of failure of an outage is logged once, with its reason', async () => {
    const logged: unknown[] = [];
    const log: Log = {
      ...silentLog,
      warn: (message, fields) => logged.push([message, fields?.['reason']]),
      with: () => log,
    };
    const { cluster, clock } = await startReflector({ 'a/web': 'old' }, { log });
    await clock.advance(10_000);
    const refusal = { reason: 'Unavailable', status: 503, retryAfter: 5_000 } as const;
    const filling = { reason: 'TooManyRequests', status: 429, retryAfter: 1_000 } as const;
    const unreachable = Array.from({ length: 100 }, () => 'Network' as const);
    // The last one is the answer to the early pages.
    cluster.failures.push(...unreachable, refusal, refusal, filling, filling, filling);
    cluster.cut('Network');
    await clock.advance(100 * 600 + 1_000);
    expect(cluster.failures).toEqual([]);
    expect(logged).toEqual(
      ['Network', 'Unavailable', 'TooManyRequests'].map((reason) => ['Watch failed, retrying', reason]),
    );
  });

  test('a refusal is reported until it ends; an unreachable server is not reported as a refusal', async () => {
    const { cluster, reflector, clock } = await startReflector({ 'a/web': 'old' });
    for (const [reason, obstacle] of [
      ['Network', undefined],
      ['Unavailable', undefined],
      ['Forbidden', 'Forbidden'],
      ['Unauthorized', 'Forbidden'],
      [{ reason: 'Unexpected', status: 404 }, 'NotServed'],
    ] as const) {
      await clock.advance(10_000);
      cluster.failures.push(...Array.from({ length: 3 }, () => reason));
      cluster.cut(typeof reason === 'string' ? reason : reason.reason);
      await clock.advance(2_000);
      expect(reflector.blocker).toBe(obstacle);
      cluster.failures.length = 0;
      await clock.advance(10_000);
      expect(reflector.blocker).toBeUndefined();
      expect(rowsOf(reflector)).toEqual({ 'a/web': 'old' });
    }
  });

  test('a refusal is no longer reported when the first object of the next list is reported', async () => {
    const reported: unknown[] = [];
    const { cluster, reflector, clock } = await startReflector(undefined, {
      onChange: () => reported.push(reflector.blocker),
    });
    cluster.put('a/web', '1');
    cluster.failures.push('Forbidden');
    reflector.start();
    await clock.settle();
    expect(reflector.blocker).toBe('Forbidden');
    await clock.advance(2_000);
    expect(reported).toEqual([undefined]);
  });

  test('a resourceVersion that has expired when the server is back does not delay the list', async () => {
    const { cluster, clock } = await startReflector({});
    await clock.settle();
    cluster.failures.push('Network', 'Gone');
    cluster.cut('Network');
    const before = cluster.calls.length;
    // Tries after 0.2 and 0.4 s; the second is answered.
    await clock.advance(900);
    expect(cluster.calls.slice(before)).toEqual(['watch 100', 'watch 100', 'list', 'watch 100']);
  });

  test('a second answer that the resourceVersion has expired delays the next list', async () => {
    const { cluster, clock } = await startReflector({});
    cluster.failures.push('Gone', 'Gone', 'Gone');
    cluster.cut('Gone');
    const before = cluster.calls.length;
    await clock.settle();
    expect(cluster.calls.slice(before)).toEqual(['list']);
  });

  test('a server that requests a wait is not asked again before its end', async () => {
    const { cluster, clock } = await startReflector({});
    await clock.advance(10_000);
    cluster.failures.push({ reason: 'TooManyRequests', retryAfter: 45_000 });
    cluster.cut('Unavailable');
    await clock.advance(1_000);
    const before = cluster.calls.length;
    await clock.advance(44_000);
    expect(cluster.calls).toHaveLength(before);
    await clock.advance(1_000);
    expect(cluster.calls).toHaveLength(before + 1);
  });
});

describe('an API server that comes back', () => {
  test.each([
    { because: 'it has fewer changes than were seen', version: 50 },
    { because: 'it has none since', version: 1 },
  ])('a server that is restored from a backup is detected at once: $because', async ({ version }) => {
    const { cluster, reflector, clock, lines } = await startReflector({ 'a/web': 'new', 'a/gone': '1' });
    await clock.advance(10_000);
    cluster.failures.push('Network', 'Network');
    cluster.cut('Network');
    cluster.restore(version, { 'a/web': 'restored' });
    await clock.advance(2_500);
    expect(rowsOf(reflector)).toEqual({ 'a/web': 'restored' });
    expect(lines.at(-1)).toBe('API server returned an earlier resourceVersion than before, relisting');
    cluster.put('a/web', 'changed');
    await clock.settle();
    expect(rowsOf(reflector)).toEqual({ 'a/web': 'changed' });
  });

  test('an unchanged server is compared once, and not listed', async () => {
    const { cluster, clock } = await startReflector({ 'a/web': 'old' });
    await clock.advance(10_000);
    cluster.failures.push('Network', 'Network');
    cluster.cut('Network');
    const before = cluster.calls.length;
    await clock.advance(60_000);
    // The comparison is a list of one object beside the watch.
    expect(cluster.limits.at(-1)).toBe(1);
    expect(cluster.calls.slice(before)).toEqual(['watch 101', 'watch 101', 'watch 101', 'list']);
    expect(cluster.watches.size).toBe(1);
    cluster.cut();
    await clock.advance(60_000);
    expect(cluster.calls.slice(before + 4)).toEqual(['watch 101']);
  });

  test.each(['TooManyRequests', 'Unauthorized', 'Forbidden'] as const)(
    'a server that answered with %s meanwhile was not restored, and is not compared',
    async (reason) => {
      const { cluster, clock } = await startReflector({ 'a/web': 'old' });
      cluster.cut(reason);
      await clock.advance(60_000);
      expect(cluster.calls).toEqual(['list', 'watch 101', 'watch 101']);
    },
  );

  test('the comparison ends with the watch beside it', async () => {
    const { cluster, clock } = await startReflector({ 'a/web': 'old' });
    cluster.cut('Network');
    await clock.advance(2_000);
    const [comparison] = cluster.asked.slice(-1);
    expect([comparison?.limit, comparison?.signal?.aborted]).toEqual([1, false]);
    cluster.cut();
    await clock.settle();
    expect(comparison?.signal?.aborted).toBe(true);
  });
});
