import { expect, test } from 'vitest';
import type { KubeClient } from '../../src/kubernetes/client.ts';
import { KubeError, type KubeErrorReason } from '../../src/kubernetes/errors.ts';
import { createEventRecorder, type EventNote, type EventRecorder } from '../../src/kubernetes/events.ts';
import type { Log } from '../../src/telemetry/log.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { createManualClock, type ManualClock } from '../support/clock.ts';

const created: EventNote = {
  regarding: {
    apiVersion: 'vps247.com/v1alpha1',
    kind: 'VirtualMachine',
    namespace: 'default',
    name: 'web',
    uid: 'u-1',
  },
  type: 'Normal',
  reason: 'Available',
  action: 'Reconcile',
  note: 'The machine runs',
};

interface Stage {
  readonly recorder: EventRecorder;
  readonly clock: ManualClock;
  readonly calls: readonly string[];
  readonly bodies: readonly Record<string, unknown>[];
  readonly warnings: readonly string[];
  /** The next calls fail, one for each reason. */
  fail(...reasons: KubeErrorReason[]): void;
  /** Calls wait until the returned function is called. */
  hold(): () => void;
}

function stage(isBusy?: () => boolean): Stage {
  const clock = createManualClock();
  const calls: string[] = [];
  const bodies: Record<string, unknown>[] = [];
  const warnings: string[] = [];
  const failures: KubeErrorReason[] = [];
  let held: Promise<void> = Promise.resolve();
  async function call(what: string, body: unknown): Promise<unknown> {
    calls.push(what);
    // The recorder sends objects.
    bodies.push(body as Record<string, unknown>);
    await held;
    const reason = failures.shift();
    if (reason !== undefined) throw new KubeError(what, { reason });
    return body;
  }
  const client: Pick<KubeClient, 'create' | 'patch'> = {
    create: (_resource, namespace, body) => call(`create ${namespace}`, body),
    patch: (_resource, { name }, { body }) => call(`patch ${name}`, body),
  };
  const log: Log = { ...silentLog, warn: (message) => void warnings.push(message) };
  return {
    recorder: createEventRecorder({ client, clock, log, instance: 'pod-1', ...(isBusy && { isBusy }) }),
    clock,
    calls,
    bodies,
    warnings,
    fail: (...reasons) => void failures.push(...reasons),
    hold() {
      const { promise, resolve } = Promise.withResolvers<void>();
      held = promise;
      return resolve;
    },
  };
}

test('an event reports what happened to which object, when, and the reporting controller', async () => {
  const { recorder, bodies } = stage();
  recorder.record(created);
  await recorder.drain();
  expect(bodies).toEqual([
    {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { namespace: 'default', name: expect.stringMatching(/^web\.[0-9a-f]+$/) },
      eventTime: '2026-01-01T00:00:00.000000Z',
      reportingController: 'vps247.com/operator',
      reportingInstance: 'pod-1',
      regarding: created.regarding,
      type: 'Normal',
      reason: 'Available',
      action: 'Reconcile',
      note: 'The machine runs',
    },
  ]);
});

test('the same event again increases the count of the existing one', async () => {
  const { recorder, clock, calls, bodies } = stage();
  recorder.record(created);
  await clock.advance(60_000);
  recorder.record(created);
  await recorder.drain();
  expect(calls).toEqual(['create default', expect.stringMatching(/^patch web\./)]);
  expect(bodies[1]).toEqual({ series: { count: 2, lastObservedTime: '2026-01-01T00:01:00.000000Z' } });
});

test('a note that keeps coming starts a new event every six minutes', async () => {
  const { recorder, clock, calls } = stage();
  for (let minute = 0; minute < 12; minute += 1) {
    recorder.record(created);
    await clock.advance(60_000);
  }
  expect(calls.map((call) => call.split(' ')[0])).toEqual([
    'create',
    ...Array(5).fill('patch'),
    'create',
    ...Array(5).fill('patch'),
  ]);
});

test('events during a call are sent with the next call', async () => {
  const { recorder, calls, bodies, hold } = stage();
  const release = hold();
  for (let count = 0; count < 50; count += 1) recorder.record(created);
  release();
  await recorder.drain();
  expect(calls).toHaveLength(2);
  expect(bodies[1]).toMatchObject({ series: { count: 50 } });
});

test.each([
  ['six minutes later', created, 6 * 60_000],
  ['with another note', { ...created, note: 'It runs again' }, 0],
  ['on a later object of the same name', { ...created, regarding: { ...created.regarding, uid: 'u-2' } }, 0],
])('%s starts a separate event', async (_what, second, later) => {
  const { recorder, clock, calls, bodies } = stage();
  recorder.record(created);
  await clock.advance(later);
  recorder.record(second);
  await recorder.drain();
  expect(calls).toEqual(['create default', 'create default']);
  expect(new Set(bodies.map(({ metadata }) => JSON.stringify(metadata))).size).toBe(2);
});

test('an event that the API server has deleted is created again', async () => {
  const { recorder, calls, clock, fail } = stage();
  recorder.record(created);
  await clock.settle();
  fail('NotFound');
  recorder.record(created);
  await recorder.drain();
  expect(calls).toEqual(['create default', expect.stringContaining('patch'), 'create default']);
});

test.each<[what: string, ...reasons: KubeErrorReason[]]>([
  ['an outage of the API server', 'Network', 'Unavailable'],
  ['a time when another operator may be the leader', 'Fenced', 'Fenced'],
  ['a busy API server', 'Timeout', 'TooManyRequests'],
])('%s, if it is short, loses no event', async (_what, ...reasons) => {
  const { recorder, clock, calls, warnings, fail } = stage();
  fail(...reasons);
  recorder.record(created);
  await clock.advance(3_000);
  expect(calls).toHaveLength(3);
  expect(warnings).toEqual([]);
});

test('an event that was stored with a lost answer is not stored twice', async () => {
  const { recorder, clock, bodies, warnings, fail } = stage();
  fail('Timeout', 'AlreadyExists');
  recorder.record(created);
  await clock.advance(1_000);
  expect(bodies[0]?.['metadata']).toEqual(bodies[1]?.['metadata']);
  expect(warnings).toEqual([]);
});

test('refused events are dropped, which is reported once until one is stored', async () => {
  const { recorder, clock, calls, warnings, fail } = stage();
  fail('Forbidden', 'Forbidden');
  recorder.record(created);
  recorder.record({ ...created, note: 'b' });
  await clock.settle();
  expect([calls.length, warnings.length]).toEqual([2, 1]);
  recorder.record({ ...created, note: 'c' });
  await clock.settle();
  fail('Forbidden');
  recorder.record({ ...created, note: 'd' });
  await clock.settle();
  expect(warnings).toHaveLength(2);
});

test('five thousand objects that are created at once lose no event, however slow the API server is', async () => {
  const { recorder, clock, bodies, warnings, hold } = stage();
  const release = hold();
  const note = 'VM 1012 with the name web-4999-0123456789abcdef was created and is now Running at 198.51.100.17'.repeat(
    2,
  );
  for (let index = 0; index < 5_000; index += 1) {
    const regarding = { ...created.regarding, name: `web-${index}`, uid: `00000000-0000-4000-8000-${index}` };
    for (const reason of ['Created', 'Available']) recorder.record({ ...created, regarding, reason, note });
  }
  await clock.advance(60_000);
  release();
  await clock.settle();
  const stored = new Set(bodies.map(({ regarding, reason }) => `${JSON.stringify(regarding)} ${String(reason)}`));
  expect([stored.size, bodies.length, warnings]).toEqual([10_000, 10_000, []]);
});

test('eight events are stored at once, but only one while users wait for other writes', async () => {
  let isBusy = false;
  const { recorder, calls, hold } = stage(() => isBusy);
  const release = hold();
  const record = (count: number): void => {
    for (let index = 0; index < count; index += 1) recorder.record({ ...created, note: `${calls.length} ${index}` });
  };
  record(20);
  expect(calls).toHaveLength(8);
  release();
  await recorder.drain();
  expect(calls).toHaveLength(20);
  isBusy = true;
  const releaseOne = hold();
  record(20);
  expect(calls).toHaveLength(21);
  isBusy = false;
  releaseOne();
  await recorder.drain();
  expect(calls).toHaveLength(40);
});

test('a flood of events is limited to twelve megabytes, whatever their length', async () => {
  const { recorder, calls, bodies, warnings, hold } = stage();
  const release = hold();
  const note = '€'.repeat(300);
  for (let count = 0; count < 20_000; count += 1) recorder.record({ ...created, note: `${count} ${note}` });
  release();
  await recorder.drain();
  const bytes = bodies.reduce((sum, body) => sum + Buffer.byteLength(String(body['note'])), 0);
  expect(calls.length).toBeGreaterThan(4_000);
  expect(2 * bytes).toBeLessThan(12 * 1_024 * 1_024);
  expect(warnings).toEqual(['Dropped events']);
});

test('an event whose count is refused is not sent without end', async () => {
  const { recorder, clock, calls, fail } = stage();
  recorder.record(created);
  await clock.settle();
  fail('Forbidden');
  recorder.record(created);
  await recorder.drain();
  expect(calls).toHaveLength(2);
});

test('shutdown waits five seconds for events that the API server does not answer', async () => {
  const { recorder, clock, calls, warnings, hold } = stage();
  const release = hold();
  for (let index = 0; index < 9; index += 1) recorder.record({ ...created, note: `${index}` });
  let isOver = false;
  const drained = recorder.drain().then(() => (isOver = true));
  await clock.advance(4_999);
  expect(isOver).toBe(false);
  await clock.advance(1);
  await drained;
  release();
  await clock.settle();
  expect(calls).toHaveLength(8);
  expect(warnings).toEqual(['Dropped events']);
});

test('shutdown does not wait for an unavailable API server', async () => {
  const { recorder, clock, calls, fail } = stage();
  fail('Network', 'Network');
  recorder.record(created);
  recorder.record({ ...created, note: 'b' });
  await recorder.drain();
  expect(calls).toHaveLength(2);
  expect(clock.pending).toBe(0);
});

test.each([
  ['long', 'x'.repeat(5_000)],
  ['of characters of several bytes', '€'.repeat(2_000)],
])('a note that is %s is cut to what the API server accepts', async (_what, note) => {
  const { recorder, bodies } = stage();
  recorder.record({ ...created, note });
  await recorder.drain();
  const stored = String(bodies[0]?.['note']);
  expect(Buffer.byteLength(stored)).toBeLessThanOrEqual(1_024);
  expect(stored).toMatch(/^(x+|€+)…$/);
});

test('an object with the longest name has events with valid names', async () => {
  const { recorder, bodies } = stage();
  // The cut falls on a dot.
  const name = `${'a'.repeat(236)}.${'b'.repeat(16)}`;
  recorder.record({ ...created, regarding: { ...created.regarding, name } });
  await recorder.drain();
  const { metadata } = bodies[0] as { metadata: { name: string } };
  expect(metadata.name.length).toBeLessThanOrEqual(253);
  expect(metadata.name).toMatch(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/);
});

const inNamespace = (namespace: string, index: number): EventNote => ({
  ...created,
  regarding: { ...created.regarding, namespace },
  note: `${namespace} ${index}`,
});

test('a namespace with very many events loses its own, and delays those of others by one event', async () => {
  const { recorder, calls, bodies, warnings, hold } = stage(() => true);
  const release = hold();
  for (let index = 0; index < 25_000; index += 1) recorder.record(inNamespace('a', index));
  for (let index = 0; index < 3; index += 1) recorder.record(inNamespace('b', index));
  release();
  await recorder.drain();
  expect(calls.slice(0, 7)).toEqual(['a', 'a', 'b', 'a', 'b', 'a', 'b'].map((namespace) => `create ${namespace}`));
  expect(calls.filter((call) => call === 'create b')).toHaveLength(3);
  expect(calls.length).toBeLessThan(25_000);
  expect(bodies[1]).toMatchObject({ note: 'a 1' });
  expect(warnings).toEqual(['Dropped events']);
});

test('the memory for them is limited, and that for others stays', async () => {
  const { recorder, clock, calls } = stage();
  recorder.record(inNamespace('b', 0));
  for (let round = 0; round < 10; round += 1) {
    for (let index = 0; index < 900; index += 1)
      recorder.record({ ...inNamespace('a', round * 900 + index), reason: 'x'.repeat(100) });
    await clock.settle();
  }
  recorder.record(inNamespace('b', 0));
  await recorder.drain();
  expect(calls.at(-1)).toContain('patch web.');
});

test('a note of any length is kept up to a kilobyte', async () => {
  const { recorder, bodies } = stage();
  for (const end of ['a', 'b']) recorder.record({ ...created, note: `${'x'.repeat(200_000)}${end}` });
  await recorder.drain();
  expect(bodies).toHaveLength(2);
  expect(bodies[1]).toHaveProperty('series.count', 2);
});
