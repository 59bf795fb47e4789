import { describe, expect, it } from 'vitest';
import { annotations } from '../../src/api/v1alpha1/constants.ts';
import { createWorld } from './world/world.ts';

const lost = { class: 'UnknownOutcome', code: 'ConnectionLost' } as const;
const serverError = { class: 'Retry', code: 'ServerError', status: 500 } as const;
const minute = 60_000;

describe('an object from create to delete', () => {
  it('takes one create and one delete', async () => {
    const { apply, clock, cluster, condition, fakeProvider, complaints } = await createWorld();
    apply('web');
    await clock.advance(10_000);
    expect(condition('web', 'Ready')?.status).toBe('True');
    cluster.remove('virtualmachines', 'web');
    await clock.advance(minute);
    expect(cluster.machine('web')).toBeUndefined();
    expect(fakeProvider.machines.size).toBe(0);
    expect([
      fakeProvider.count('CreateMachine'),
      fakeProvider.count('StopMachine'),
      fakeProvider.count('DeleteMachine'),
    ]).toEqual([1, 1, 1]);
    expect(complaints).toEqual([]);
  });

  it('costs one list a minute and no write once it is in sync', async () => {
    const { apply, clock, cluster, fakeProvider } = await createWorld();
    apply('web');
    await clock.advance(5 * minute);
    const [since, writes] = [clock.monotonic(), cluster.writes.length];
    await clock.advance(10 * minute);
    expect(cluster.writes.length - writes).toBe(0);
    expect(fakeProvider.calls.filter(({ at }) => at >= since).length).toBeLessThanOrEqual(11);
  });
});

describe('calls that fail', () => {
  it('are retried with exponential backoff, which a success resets', async () => {
    const { apply, clock, cluster, fakeProvider } = await createWorld();
    apply('web');
    await clock.advance(minute);
    const timesOf = (operation: 'StopMachine' | 'StartMachine') =>
      fakeProvider.calls.filter((call) => call.operation === operation).map(({ at }) => at);
    fakeProvider.accidents.set('StopMachine', [serverError, serverError, serverError, serverError]);
    cluster.change('web', { spec: { powerState: 'Halted' } });
    await clock.advance(minute);
    const stops = timesOf('StopMachine');
    expect([stops.length, (stops[4] ?? 0) - (stops[3] ?? 0) > 4_000]).toEqual([5, true]);
    fakeProvider.accidents.set('StartMachine', [serverError]);
    cluster.change('web', { spec: { powerState: 'Running' } });
    await clock.advance(minute);
    const starts = timesOf('StartMachine');
    expect([starts.length, (starts[1] ?? 0) - (starts[0] ?? 0) < 1_500]).toEqual([2, true]);
  });

  it('are retried at once when a reconciliation is requested, however long the provider asked to wait', async () => {
    const { apply, clock, cluster, fakeProvider } = await createWorld();
    apply('web');
    await clock.advance(minute);
    fakeProvider.accidents.set('StopMachine', [{ class: 'Wait', code: 'Busy', status: 406, retryAfter: 10 * minute }]);
    cluster.change('web', { spec: { powerState: 'Halted' } });
    await clock.advance(minute);
    expect(fakeProvider.count('StopMachine')).toBe(1);
    cluster.change('web', { metadata: { annotations: { [annotations.reconcileRequestedAt]: 'now' } } });
    await clock.advance(2_000);
    expect(fakeProvider.count('StopMachine')).toBe(2);
  });
});

describe('Events', () => {
  it('report that drift is corrected after the provider accepted the call, and not before', async () => {
    const { apply, clock, events, fakeProvider } = await createWorld();
    apply('web');
    await clock.advance(minute);
    const drifts = () => events('web').filter((event) => event.startsWith('PowerDrift: ')).length;
    fakeProvider.broken.set('StartMachine', serverError);
    fakeProvider.set(1, { state: 'Halted' });
    await clock.advance(2 * minute);
    expect([fakeProvider.count('StartMachine') > 0, drifts()]).toEqual([true, 0]);
    fakeProvider.broken.clear();
    await clock.advance(2 * minute);
    expect([fakeProvider.machines.get(1)?.state, drifts()]).toEqual(['Running', 1]);
  });

  it.each(['Observe', 'Plan'] as const)(
    'report no drift that the status showed as due before, with %s',
    async (policy) => {
      const { apply, clock, cluster, events, fakeProvider } = await createWorld();
      apply('web');
      await clock.advance(minute);
      cluster.change('web', { spec: { managementPolicy: policy } });
      await clock.advance(minute);
      fakeProvider.set(1, { state: 'Halted' });
      await clock.advance(2 * minute);
      cluster.change('web', { spec: { managementPolicy: 'Manage' } });
      await clock.advance(minute);
      expect(fakeProvider.machines.get(1)?.state).toBe('Running');
      expect(events('web').filter((event) => event.startsWith('PowerDrift'))).toEqual([]);
    },
  );

  it('that are not sent yet are sent before the process ends', async () => {
    const { apply, clock, cluster, events, stop } = await createWorld();
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    const create = cluster.create.bind(cluster);
    cluster.create = async (...args) => {
      await held;
      return create(...args);
    };
    apply('web');
    await clock.advance(1_000);
    let isEnded = false;
    void stop().then(() => (isEnded = true));
    await clock.advance(100);
    expect([isEnded, events('web')]).toEqual([false, []]);
    release();
    await clock.advance(1_000);
    expect([isEnded, events('web').length > 0]).toEqual([true, true]);
  });

  it('report a power cut once, however often the provider refuses it', async () => {
    const { apply, clock, cluster, events, fakeProvider } = await createWorld();
    apply('web', { powerOff: { mode: 'Hard', gracePeriodSeconds: 60 } });
    await clock.advance(minute);
    fakeProvider.broken.set('KillMachine', { class: 'Wait', code: 'Busy', status: 406 });
    cluster.change('web', { spec: { powerState: 'Halted' } });
    await clock.advance(5 * minute);
    expect(fakeProvider.count('KillMachine')).toBeGreaterThan(5);
    expect(events('web').filter((event) => event.includes('cutting the power'))).toHaveLength(1);
  });
});

describe('an account', () => {
  it('is not read any longer after its last object is removed', async () => {
    const { apply, clock, cluster, fakeProvider } = await createWorld();
    apply('web');
    await clock.advance(minute);
    cluster.remove('virtualmachines', 'web');
    await clock.advance(2 * minute);
    expect(cluster.machine('web')).toBeUndefined();
    const since = clock.monotonic();
    await clock.advance(60 * minute);
    expect(fakeProvider.calls.filter(({ at }) => at > since).length).toBeLessThanOrEqual(1);
  });

  it('is used at once when its rejected key is put into the Secret again', async () => {
    const { apply, clock, condition, fakeProvider, useKeyOf } = await createWorld();
    apply('web');
    await clock.advance(minute);
    fakeProvider.refused.add(1);
    await clock.advance(60 * minute);
    expect(condition('web', 'Ready')?.reason).toBe('CredentialsRejected');
    fakeProvider.refused.delete(1);
    useKeyOf(1);
    await clock.advance(2_000);
    expect(condition('web', 'Ready')?.status).toBe('True');
  });

  it('is read again soon while its key is rejected, although its Secret is not watched', async () => {
    const { apply, clock, condition, fakeProvider, useKey } = await createWorld();
    useKey('owner-1', { isLabeled: false });
    fakeProvider.refused.add(1);
    apply('web');
    await clock.advance(minute);
    expect(condition('web', 'Ready')?.reason).toBe('CredentialsRejected');
    useKey('owner-2', { isLabeled: false });
    await clock.advance(minute);
    expect(condition('web', 'Ready')?.status).toBe('True');
  });

  it('is read again soon while the key is of another account, although its Secret is not watched', async () => {
    const { apply, clock, condition, fakeProvider, useKey } = await createWorld();
    useKey('owner-1', { isLabeled: false });
    apply('web');
    await clock.advance(minute);
    fakeProvider.add('theirs', { ownerId: 2 });
    useKey('owner-2', { isLabeled: false });
    await clock.advance(60 * minute);
    expect(condition('web', 'Synced')?.reason).toBe('AccountMismatch');
    useKey('owner-1', { isLabeled: false });
    await clock.advance(3 * minute);
    expect(condition('web', 'Ready')?.status).toBe('True');
  });
});

describe('a wait', () => {
  it('ends although reads of the deleted VM failed for a while, and the object is removed', async () => {
    const { apply, clock, cluster, fakeProvider } = await createWorld();
    apply('web');
    await clock.advance(10_000);
    fakeProvider.broken.set('GetMachine', serverError);
    cluster.remove('virtualmachines', 'web');
    await clock.advance(10 * minute);
    expect(cluster.machine('web')).toBeDefined();
    fakeProvider.broken.clear();
    await clock.advance(minute);
    expect(cluster.machine('web')).toBeUndefined();
  });

  it('ends with the call although a task never finishes', async () => {
    const { apply, clock, cluster, fakeProvider } = await createWorld();
    apply('web');
    await clock.advance(10_000);
    fakeProvider.set(1, { lastTask: { name: 'VmBackup', status: 'running' } });
    await clock.advance(2 * minute);
    cluster.change('web', { spec: { powerState: 'Halted' } });
    await clock.advance(5 * minute);
    expect(fakeProvider.count('StopMachine')).toBe(0);
    await clock.advance(10 * minute);
    expect(fakeProvider.count('StopMachine')).toBe(1);
  });
});

describe('quiet operation', () => {
  it('does not read every second while the key is of another account', async () => {
    const { apply, clock, condition, fakeProvider, useKeyOf } = await createWorld();
    for (const name of ['a', 'b', 'c']) apply(name);
    await clock.advance(2 * minute);
    fakeProvider.add('theirs', { ownerId: 2 });
    useKeyOf(2);
    await clock.advance(minute);
    expect(condition('a', 'Synced')?.reason).toBe('AccountMismatch');
    const since = clock.monotonic();
    await clock.advance(10 * minute);
    expect(fakeProvider.count('ListMachines', since)).toBeLessThanOrEqual(11);
    expect(fakeProvider.count('GetMachine', since)).toBe(0);
    useKeyOf(1);
    await clock.advance(minute);
    expect(condition('a', 'Ready')?.status).toBe('True');
  });

  it('does not read every second while another VM has the name', async () => {
    const { apply, clock, condition, fakeProvider } = await createWorld();
    apply('web', { providerName: 'web' });
    await clock.advance(2 * minute);
    fakeProvider.machines.clear();
    fakeProvider.add('web');
    await clock.advance(2 * minute);
    expect(condition('web', 'Synced')?.reason).toBe('AbsenceUnconfirmed');
    const since = clock.monotonic();
    await clock.advance(10 * minute);
    expect(fakeProvider.count('ListMachines', since)).toBeLessThanOrEqual(25);
    expect(fakeProvider.count('GetMachine', since)).toBeLessThanOrEqual(25);
  });

  it.each([
    { what: 'restart', spec: { restartRequest: 'now' } },
    { what: 'power cut', spec: { powerState: 'Halted', powerOff: { mode: 'Hard', gracePeriodSeconds: 60 } } },
  ])('reports a $what, which is recorded before it is sent, in one event', async ({ spec }) => {
    const { apply, clock, cluster, condition } = await createWorld();
    apply('web');
    await clock.advance(minute);
    const eventCount = () => cluster.writes.filter((write) => write === 'create events').length;
    const before = eventCount();
    cluster.change('web', { spec });
    await clock.advance(500);
    expect(condition('web', 'Ready')?.status).toBe('False');
    expect(eventCount() - before).toBe(1);
  });

  it('does not write a new status for each new message of the same outage', async () => {
    const { apply, clock, cluster, fakeProvider } = await createWorld();
    apply('web');
    await clock.advance(10_000);
    let count = 0;
    fakeProvider.broken.set('ListMachines', {
      class: 'Credentials',
      code: 'Unauthorized',
      status: 401,
      get text() {
        count += 1;
        return `request ${count} refused`;
      },
    });
    await clock.advance(3 * minute);
    const writes = cluster.writes.length;
    await clock.advance(10 * minute);
    expect(cluster.writes.length - writes).toBe(0);
  });
});

describe('one VM for one object', () => {
  it("sends no second create after an update without the operator's annotations while the outcome is unknown", async () => {
    const { apply, clock, cluster, fakeProvider } = await createWorld();
    fakeProvider.accidents.set('CreateMachine', [{ ...lost, hasEffect: true }]);
    fakeProvider.listed = () => clock.monotonic() > 20_000;
    apply('web');
    await clock.advance(1_000);
    expect(fakeProvider.count('CreateMachine')).toBe(1);
    cluster.replace('web');
    await clock.advance(2 * minute);
    expect(fakeProvider.made).toEqual(new Map([['web-00000002', 1]]));
    expect(cluster.machine('web')?.metadata.annotations?.[annotations.machine]).toBeDefined();
  });

  it("recognizes its VM after an update without the operator's annotations, and deletes it", async () => {
    const { apply, clock, cluster, condition, fakeProvider } = await createWorld();
    apply('web', { providerName: 'plain' });
    await clock.advance(10_000);
    cluster.replace('web');
    await clock.advance(2 * minute);
    expect(condition('web', 'Ready')?.status).toBe('True');
    cluster.replace('web');
    await clock.advance(0);
    cluster.remove('virtualmachines', 'web');
    await clock.advance(2 * minute);
    expect([cluster.machine('web'), fakeProvider.machines.size, fakeProvider.count('CreateMachine')]).toEqual([
      undefined,
      0,
      1,
    ]);
  });

  it('claims no unmanaged VM of its name while its own create certainly had no effect', async () => {
    const { apply, clock, cluster, condition, fakeProvider } = await createWorld();
    fakeProvider.broken.set('CreateMachine', { class: 'Retry', code: 'ConnectFailed' });
    apply('web', { providerName: 'plain' });
    await clock.advance(minute);
    fakeProvider.add('plain');
    fakeProvider.broken.clear();
    await clock.advance(10 * minute);
    expect(condition('web', 'Synced')?.reason).toBe('NameTaken');
    cluster.remove('virtualmachines', 'web');
    await clock.advance(2 * minute);
    expect([cluster.machine('web'), fakeProvider.machines.size]).toEqual([undefined, 1]);
  });

  it('reports no conflict when a refused spec is fixed while the call is in flight, and continues with the fixed spec', async () => {
    const { apply, clock, cluster, complaints, condition, fakeProvider } = await createWorld();
    fakeProvider.accidents.set('CreateMachine', [{ class: 'Terminal', code: 'Unprocessable', status: 422 }]);
    apply('web');
    while (fakeProvider.count('CreateMachine') === 0) await clock.advance(1);
    cluster.change('web', { spec: { powerState: 'Halted' } });
    await clock.advance(2 * minute);
    expect(complaints.filter((line) => line.includes('Reconciler error'))).toEqual([]);
    expect(condition('web', 'Ready')?.status).toBe('True');
    expect([...fakeProvider.made.values()]).toEqual([1]);
  });

  it('reports no conflict when the key is rejected between the decision and the call', async () => {
    const { apply, clock, complaints, condition, fakeProvider, useKeyOf } = await createWorld();
    const refused = { class: 'Credentials', code: 'Unauthorized', status: 401 } as const;
    fakeProvider.accidents.set('CreateMachine', [refused, refused, refused, refused]);
    fakeProvider.broken.set('ListMachines', refused);
    for (let index = 0; index < 12; index += 1) apply(`web-${index}`);
    await clock.advance(30_000);
    expect(complaints.filter((line) => line.includes('Reconciler error'))).toEqual([]);
    expect(condition('web-11', 'Synced')?.reason).toBe('CredentialsRejected');
    fakeProvider.broken.clear();
    useKeyOf(1);
    await clock.advance(5 * minute);
    expect([...fakeProvider.made.values()]).toEqual(Array(12).fill(1));
  });
});

describe('shutdown', () => {
  it('does not wait for a rate-limit pause of several minutes', async () => {
    const { apply, clock, fakeProvider, stop, condition } = await createWorld();
    fakeProvider.accidents.set('CreateMachine', [
      { class: 'Wait', code: 'RateLimited', status: 429, retryAfter: 5 * minute },
    ]);
    for (let index = 0; index < 12; index += 1) apply(`web-${index}`);
    await clock.advance(25);
    let isStopped = false;
    void stop().then(() => (isStopped = true));
    await clock.advance(1_000);
    expect(isStopped).toBe(true);
    expect(Array.from({ length: 12 }, (_, index) => condition(`web-${index}`, 'Synced')?.message)).not.toContainEqual(
      expect.stringContaining('Canceled'),
    );
  });
});

describe('temporary failures', () => {
  it('an hour without lists changes nothing, and reconciliation resumes afterwards', async () => {
    const { apply, clock, cluster, condition, fakeProvider } = await createWorld();
    apply('steady');
    apply('leaving');
    apply('changed');
    await clock.advance(10_000);
    fakeProvider.broken.set('ListMachines', serverError);
    await clock.advance(minute);
    apply('late');
    cluster.remove('virtualmachines', 'leaving');
    cluster.change('changed', { spec: { powerState: 'Halted' } });
    const writes = cluster.writes.length;
    await clock.advance(60 * minute);
    expect(cluster.writes.length - writes).toBeLessThan(8);
    expect([
      fakeProvider.count('CreateMachine'),
      fakeProvider.count('StopMachine'),
      fakeProvider.count('DeleteMachine'),
    ]).toEqual([3, 0, 0]);
    fakeProvider.broken.clear();
    await clock.advance(2 * minute);
    expect(['steady', 'changed', 'late'].map((name) => condition(name, 'Ready')?.status)).toEqual(
      Array(3).fill('True'),
    );
    expect([cluster.machine('leaving'), fakeProvider.machines.size]).toEqual([undefined, 3]);
  });

  it('one rejected call of a valid key is reported for its object only, and cleared by the next list', async () => {
    const { apply, clock, cluster, condition, fakeProvider } = await createWorld();
    apply('web');
    apply('other');
    await clock.advance(10_000);
    fakeProvider.accidents.set('StopMachine', [{ class: 'Credentials', code: 'Unauthorized', status: 401 }]);
    cluster.change('web', { spec: { powerState: 'Halted' } });
    await clock.advance(15);
    expect(condition('web', 'Synced')?.reason).toBe('CredentialsRejected');
    expect(['web', 'other'].map((name) => condition(name, 'CredentialsValid')?.status)).toEqual(['True', 'True']);
    expect(condition('other', 'Synced')?.status).toBe('True');
    await clock.advance(10_000);
    expect(condition('web', 'Ready')?.status).toBe('True');
    expect(fakeProvider.machines.get(1)?.state).toBe('Halted');
  });

  it.each([
    { because: 'lost, with its effect', accident: { ...lost, hasEffect: true } },
    { because: 'lost, without its effect', accident: lost },
    { because: 'answered 400', accident: { class: 'Wait', code: 'BadRequest', status: 400 } as const },
    { because: 'answered 406', accident: { class: 'Wait', code: 'Busy', status: 406 } as const },
    { because: 'never sent', accident: { class: 'Retry', code: 'ConnectFailed' } as const },
  ])('a DELETE that was $because ends with the VM deleted', async ({ accident }) => {
    const { apply, clock, cluster, fakeProvider } = await createWorld();
    apply('web');
    await clock.advance(10_000);
    fakeProvider.accidents.set('DeleteMachine', [accident]);
    cluster.remove('virtualmachines', 'web');
    await clock.advance(2 * minute);
    expect([cluster.machine('web'), fakeProvider.machines.size]).toEqual([undefined, 0]);
  });

  it.each(['status web', 'patch web'])('a %s that Kubernetes stored but never answered does no harm', async (write) => {
    const { apply, clock, cluster, condition, fakeProvider } = await createWorld();
    for (const isStored of [true, false, true]) cluster.failures.push({ write, reason: 'Timeout', isStored });
    apply('web', { providerName: 'plain' });
    await clock.advance(5 * minute);
    expect(condition('web', 'Ready')?.status).toBe('True');
    cluster.remove('virtualmachines', 'web');
    for (const isStored of [true, false, true]) cluster.failures.push({ write, reason: 'Timeout', isStored });
    await clock.advance(5 * minute);
    expect([cluster.machine('web'), fakeProvider.machines.size, fakeProvider.count('CreateMachine')]).toEqual([
      undefined,
      0,
      1,
    ]);
  });
});

describe('a process that is killed and started again', () => {
  it.each([0, 1, 5, 6, 9, 10, 11, 12, 20, 25, 1_000, 2_000, 3_000])(
    'after %i ms: one VM, and none after deletion',
    async (milliseconds) => {
      const { apply, clock, cluster, condition, fakeProvider, restart } = await createWorld();
      apply('web');
      await clock.advance(milliseconds);
      await restart();
      await clock.advance(3 * minute);
      expect(condition('web', 'Ready')?.status).toBe('True');
      cluster.remove('virtualmachines', 'web');
      await clock.advance(2_000 + milliseconds);
      await restart();
      await clock.advance(3 * minute);
      expect([cluster.machine('web'), fakeProvider.machines.size, fakeProvider.count('CreateMachine')]).toEqual([
        undefined,
        0,
        1,
      ]);
    },
  );
});
