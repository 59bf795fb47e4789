import { describe, expect, test } from 'vitest';
import type { Passing } from '../support/wire-proxy.ts';
import { changed, providerNamesOf, maxAtOnce, placeUnmanaged, writesTo } from '../../hack/soak/audit.ts';
import { createSchedule, objectsOf, type Step } from '../../hack/soak/schedule.ts';
import { FaultPlan } from '../../hack/soak/fault-plan.ts';
import { apiVersion } from '../../src/api/v1alpha1/constants.ts';
import type { VirtualMachine } from '../../src/api/v1alpha1/types.ts';
import { createEmulator } from '../../emulator/emulator.ts';

const options = { seed: 7, seconds: 60, objects: 30 };

describe('the schedule', () => {
  test('is the same for the same seed, and different for another', () => {
    expect(createSchedule(options)).toEqual(createSchedule({ ...options }));
    expect(createSchedule({ ...options, seed: 8 })).not.toEqual(createSchedule(options));
    expect(objectsOf({ ...options, seed: 8 })).not.toEqual(objectsOf(options));
  });

  test('consists of data only, so that it can be stored and compared', () => {
    const schedule = createSchedule(options);
    expect(JSON.parse(JSON.stringify(schedule))).toEqual(schedule);
  });

  test.each([1, 2, 3, 4_294_967_295])(
    'seed %i: is in order of time, within its time, and contains every kind of step',
    (seed) => {
      const schedule = createSchedule({ ...options, seed });
      const times = schedule.map(({ after }) => after);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
      expect([Math.min(...times) >= 0, Math.max(...times) < 60_000]).toEqual([true, true]);
      const kinds: readonly Step['kind'][] = [
        'apply',
        'console',
        'cut watches',
        'delete',
        'delete with Secret',
        'denial',
        'fault',
        'kill',
        'refused create',
        'steal lease',
        'switches',
        'wire',
      ];
      // An API server comes back more seldom than once a minute.
      const happening = new Set(schedule.map(({ kind }) => kind));
      happening.delete('restart API server');
      expect([...happening].toSorted()).toEqual(kinds);
    },
  );

  test('creates every object in its first fifth', () => {
    const early = createSchedule(options).filter(({ after }) => after < 12_000);
    const applied = new Set(early.flatMap((step) => (step.kind === 'apply' ? step.object : [])));
    expect(applied).toEqual(new Set(objectsOf(options)));
  });

  test('deletes no object whose VM is denied, and denies for less time than the operator waits', () => {
    const schedule = createSchedule({ ...options, seconds: 600 });
    const denials = schedule.filter((step) => step.kind === 'denial');
    const denied = new Set(denials.flatMap(({ objects }) => objects));
    expect(denied.size).toBeGreaterThan(0);
    const touched = schedule.filter(({ kind }) => ['delete', 'delete with Secret', 'console'].includes(kind));
    expect(touched.filter((step) => 'object' in step && denied.has(step.object))).toEqual([]);
    const ends = denials.map(({ after, milliseconds }) => after + milliseconds);
    for (const [index, { after, milliseconds }] of denials.entries()) {
      expect(milliseconds).toBeLessThan(5_000);
      expect(after).toBeGreaterThan(ends[index - 1] ?? 0);
    }
  });

  test('never relies on the shutdown signal alone for a guest that ignores it', () => {
    const applies = createSchedule({ ...options, seconds: 600 }).filter((step) => step.kind === 'apply');
    const deaf = applies.filter(({ object }) => object.startsWith('deaf-'));
    expect(deaf.length).toBeGreaterThan(20);
    expect(deaf.filter(({ desired }) => desired.mode === 'Soft')).toEqual([]);
  });
});

/** An emulator that has a machine of the object `web`, made by a call. */
function account() {
  const emulator = createEmulator({
    accounts: [{ ownerId: 1, keys: ['k'] }],
    switches: { duplicateNames: 'allowed' },
  });
  const unmanaged = placeUnmanaged(emulator, ['web', 'db', 'mail']);
  const call = (method: string, path: string, body = ''): void => {
    emulator.receive({ method, path, key: 'k', accept: undefined, body }, () => {});
  };
  const create = (name: string): void =>
    call('POST', '/virtual_machines', JSON.stringify({ name, os_template_id: 1, region_id: 1, package_id: 1 }));
  create('web-0123abcd');
  return { emulator, unmanaged, call, create };
}

describe('the audit', () => {
  test('finds nothing in a correct run', () => {
    const { emulator, unmanaged, create } = account();
    create('db-0123abcd');
    expect([maxAtOnce(emulator.ledger), writesTo(emulator.ledger, unmanaged), changed(emulator, unmanaged)]).toEqual([
      1, 0, 0,
    ]);
  });

  test('finds two VMs of one object at once, whatever their names, and not one after the other', () => {
    const { emulator, create } = account();
    const first = emulator.machines().find(({ name }) => name === 'web-0123abcd');
    emulator.panel.delete(first?.id ?? 0);
    create('web-4567abcd');
    expect(maxAtOnce(emulator.ledger)).toBe(1);
    create('web-4567abcd');
    expect(maxAtOnce(emulator.ledger)).toBe(2);
  });

  test('finds calls to unmanaged VMs, refused ones too, and their changes', () => {
    const { emulator, unmanaged, call } = account();
    const [running, halted] = unmanaged;
    call('POST', `/virtual_machines/${halted?.id}/stop`);
    expect([writesTo(emulator.ledger, unmanaged), changed(emulator, unmanaged)]).toEqual([1, 0]);
    call('POST', `/virtual_machines/${running?.id}/stop`);
    call('DELETE', `/virtual_machines/${halted?.id}`);
    expect([writesTo(emulator.ledger, unmanaged), changed(emulator, unmanaged)]).toEqual([3, 2]);
  });
});

describe('the names that belong to an object', () => {
  const uid = '01234567-89ab-4cde-8f01-23456789abcd';
  const own = 'web-01234567';
  const metadata = { name: 'web', namespace: 'default', uid, resourceVersion: '1', generation: 1 };
  const object = (annotations: Readonly<Record<string, string>>, status?: object): VirtualMachine =>
    ({ apiVersion, kind: 'VirtualMachine', metadata: { ...metadata, annotations }, spec: {}, status }) as never; // as far as names need it

  test.each<{ because: string; one: VirtualMachine; names: readonly string[] }>([
    { because: 'its own, though nothing was reported yet', one: object({}), names: [own] },
    {
      because: 'that of a create intent',
      one: object({ 'vps247.com/create-pending': JSON.stringify({ uid, name: 'other', at: '2026-01-01T00:00:00Z' }) }),
      names: [own, 'other'],
    },
    { because: 'that of the VM on record', one: object({}, { providerName: 'recorded' }), names: [own, 'recorded'] },
  ])('$because', ({ one, names }) => {
    expect(providerNamesOf(one)).toEqual(names);
  });
});

const request = (api: Passing['api'], method: string): Passing => ({
  api,
  method,
  path: '/',
  query: new URLSearchParams(),
  body: '',
  signature: '',
});

const spare = (): Promise<void> => Promise.resolve();

describe('faults on the network', () => {
  test('apply to the matching requests, as often as configured', () => {
    const trouble = new FaultPlan();
    const treatment = { kind: 'reset', at: 'before' } as const;
    trouble.add({ kind: 'wire', api: 'provider', changes: true, times: 2, treatment }, 100);
    const asked = [
      request('provider', 'GET'),
      request('kubernetes', 'PATCH'),
      request('provider', 'POST'),
      request('provider', 'DELETE'),
      request('provider', 'POST'),
    ];
    expect(asked.map((one) => trouble.decide(one, spare, 0).kind)).toEqual(['pass', 'pass', 'reset', 'reset', 'pass']);
    expect([...trouble.counts]).toEqual([['reset', 2]]);
  });

  test('remove finalizers from a write as an admission policy may, and nothing else', () => {
    const trouble = new FaultPlan();
    const treatment = { kind: 'strip finalizers' } as const;
    trouble.add({ kind: 'wire', api: 'kubernetes', changes: true, times: 3, treatment }, 100);
    const patch = { metadata: { finalizers: ['a'], annotations: { b: 'c' } }, spec: {} };
    const bodies = [JSON.stringify(patch), '{"status":{}}', '[]'];
    const asked = bodies.map((body) => trouble.decide({ ...request('kubernetes', 'PATCH'), body }, spare, 0));
    expect(asked).toEqual(
      ['{"metadata":{"annotations":{"b":"c"}},"spec":{}}', '{"status":{}}', '[]'].map((body) => ({
        kind: 'pass',
        body,
      })),
    );
  });

  test('kill at the next change, once, and never after the end', async () => {
    let kills = 0;
    const trouble = new FaultPlan();
    trouble.killAt({ api: 'kubernetes', point: 'effect' }, 100);
    expect(trouble.decide(request('kubernetes', 'GET'), spare, 0).kind).toBe('pass');
    const kill = async (): Promise<void> => void (kills += 1);
    const treatment = trouble.decide(request('kubernetes', 'PATCH'), kill, 0);
    if (treatment.kind === 'act') await treatment.act();
    expect([treatment.kind, kills]).toEqual(['act', 1]);
    expect(trouble.decide(request('kubernetes', 'PATCH'), spare, 0).kind).toBe('pass');
    trouble.killAt({ api: 'kubernetes', point: 'effect' }, 100);
    trouble.clear();
    expect(trouble.decide(request('kubernetes', 'PATCH'), spare, 0).kind).toBe('pass');
  });

  test('ignore renewals of the Lease unless they are selected', () => {
    const trouble = new FaultPlan();
    const renewal = { ...request('kubernetes', 'PATCH'), path: '/apis/coordination.k8s.io/v1/namespaces/a/leases/b' };
    const treatment = { kind: 'reset', at: 'before' } as const;
    trouble.killAt({ api: 'kubernetes', point: 'effect' }, 100);
    trouble.add({ kind: 'wire', api: 'kubernetes', changes: true, times: 1, treatment }, 100);
    expect(trouble.decide(renewal, spare, 0).kind).toBe('pass');
    trouble.add({ kind: 'wire', api: 'lease', changes: true, times: 1, treatment }, 100);
    expect(trouble.decide(renewal, spare, 0).kind).toBe('reset');
  });

  test('end within their time limit', () => {
    const trouble = new FaultPlan();
    trouble.killAt({ api: 'provider', point: 'before' }, 100);
    trouble.add(
      { kind: 'wire', api: 'provider', changes: true, times: 1, treatment: { kind: 'refuse', status: 500 } },
      200,
    );
    expect(trouble.decide(request('provider', 'POST'), spare, 150).kind).toBe('refuse');
    trouble.add(
      { kind: 'wire', api: 'provider', changes: true, times: 1, treatment: { kind: 'refuse', status: 500 } },
      200,
    );
    expect(trouble.decide(request('provider', 'POST'), spare, 250).kind).toBe('pass');
  });
});
