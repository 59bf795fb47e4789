import { expect, test } from 'vitest';
import type { OperatorSettings } from '../../src/config/settings.ts';
import type { Reason } from '../../src/api/v1alpha1/reasons.ts';
import { FleetMetrics } from '../../src/reconcile/fleet-metrics.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { objectWith } from '../plan/fixtures.ts';
import { createWorld, type World } from './world/world.ts';

function create(settings: Partial<OperatorSettings> = {}): Promise<World> {
  return createWorld(settings, { withoutBystanders: 'each of them counts' });
}

const minute = 60_000;

test("reports for each object whether it is ready, and the provider's values of its VM, until it is deleted", async () => {
  const { apply, clock, cluster, metricsPage, fakeProvider } = await create();
  apply('web');
  await clock.advance(2 * minute);
  const id = cluster.machine('web')?.status?.id ?? 0;
  fakeProvider.set(id, { unbilledHours: 7, transferTotal: 1_000, transferRemaining: 50 });
  await clock.advance(2 * minute);
  const page = await metricsPage();
  const namespace = cluster.machine('web')?.metadata.namespace;
  const labels = `object_namespace="${namespace}",object="web"`;
  expect(page).toContain(`machine_ready{${labels},reason="Available",state="Running"} 1`);
  expect(page).toContain(`machine_unbilled_hours{${labels}} 7`);
  expect(page).toContain(`machine_transfer_bytes{${labels}} 1048576000`);
  expect(page).toContain(`machine_transfer_remaining_bytes{${labels}} 52428800`);
  expect(page).toContain('vps247_operator_objects{reason="Available"} 1');

  cluster.remove('virtualmachines', 'web');
  await clock.advance(5 * minute);
  const after = await metricsPage();
  expect(cluster.machine('web')).toBeUndefined();
  expect(after).not.toContain('object="web"');
  expect(after).not.toContain('vps247_operator_objects{');
});

test.each(['Mystery', 'constructor'])(
  'counts a reason %s, which the operator does not define, as Other',
  async (reason) => {
    const metrics = createMetrics({ version: '1.0.0', withProcess: false });
    const condition = {
      type: 'Ready',
      status: 'True',
      message: '',
      lastTransitionTime: '',
      observedGeneration: 1,
    } as const;
    const fleet = new FleetMetrics({
      metrics,
      machineIndex: { isReserved: () => false, soleRecordOf: () => undefined },
      // `as`: a user with permission to write the status can write any reason.
      objects: () => [objectWith({ status: { conditions: [{ ...condition, reason: reason as Reason }] } })],
      get: () => undefined,
      ownership: { others: 0 },
      accounts: { list: () => new Map() },
      clock: { now: () => 0, monotonic: () => 0 },
      machineLimit: 0,
    });
    fleet.show();
    expect(await metrics.render()).toContain('vps247_operator_objects{reason="Other"} 1');
  },
);

test('counts the account also without per-VM metrics', async () => {
  const { apply, clock, metricsPage, fakeProvider } = await create({ machineMetricsLimit: 0 });
  fakeProvider.add('theirs', { unbilledHours: 7, transferTotal: 1_000, transferRemaining: 50 });
  fakeProvider.add('silent', { ownerId: 2, unbilledHours: 1_000 });
  fakeProvider.add('twin', { unbilledHours: 3, transferTotal: 500 });
  fakeProvider.add('twin');
  apply('web');
  await clock.advance(2 * minute);
  const page = await metricsPage();
  expect(page).not.toContain('object="');
  expect(page).toContain('account_machines{account="1",managed="true"} 1');
  expect(page).toContain('account_machines{account="1",managed="false"} 3');
  expect(page).toContain('account_duplicate_names{account="1"} 1');
  expect(page).toContain('account_unbilled_hours{account="1"} 10\n');
  expect(page).toContain(`account_transfer_bytes{account="1"} ${1_500 * 1_048_576}\n`);
  expect(page).toContain(`account_transfer_remaining_bytes{account="1"} ${50 * 1_048_576}\n`);
  expect(page).toContain('account_machines_low_transfer{account="1"} 1\n');
});

test('reports low transfer below a tenth, and never for a VM without a limit', async () => {
  const { apply, clock, metricsPage, fakeProvider } = await create();
  fakeProvider.add('just-enough', { transferTotal: 1_000, transferRemaining: 100 });
  fakeProvider.add('unlimited', { transferTotal: 0, transferRemaining: 0 });
  fakeProvider.add('unknown', { transferTotal: 1_000 });
  apply('web');
  await clock.advance(2 * minute);
  expect(await metricsPage()).toContain('account_machines_low_transfer{account="1"} 0\n');
  fakeProvider.add('used-up', { transferTotal: 1_000, transferRemaining: 99 });
  await clock.advance(2 * minute);
  expect(await metricsPage()).toContain('account_machines_low_transfer{account="1"} 1\n');
});

test('shows no usage for an account whose VMs have none', async () => {
  const { apply, clock, metricsPage } = await create();
  apply('web');
  await clock.advance(2 * minute);
  expect(await metricsPage()).not.toMatch(/^vps247_operator_account_(unbilled|transfer|machines_low)/m);
});

test('counts a VM as unmanaged as soon as its object is removed, before the next list', async () => {
  const { apply, clock, cluster, metricsPage, fakeProvider } = await create();
  apply('web', { deletionPolicy: 'Retain' });
  await clock.advance(2 * minute);
  expect(await metricsPage()).toContain('account_machines{account="1",managed="true"} 1');
  const lists = fakeProvider.count('ListMachines');
  cluster.remove('virtualmachines', 'web');
  await clock.advance(0);
  const page = await metricsPage();
  expect([cluster.machine('web'), fakeProvider.count('ListMachines')]).toEqual([undefined, lists]);
  expect(page).toContain('account_machines{account="1",managed="false"} 1');
});

test('removes the per-VM metrics above the limit of objects, and shows them again below it', async () => {
  const { apply, clock, cluster, metricsPage } = await create({ machineMetricsLimit: 1 });
  apply('web');
  await clock.advance(2 * minute);
  expect(await metricsPage()).toContain('object="web"');
  apply('shop');
  await clock.advance(2 * minute);
  const page = await metricsPage();
  expect(page).not.toContain('object="');
  expect(page).toContain('account_machines{account="1",managed="true"} 2');
  cluster.remove('virtualmachines', 'shop');
  await clock.advance(5 * minute);
  expect(await metricsPage()).toContain('object="web"');
});

test('shows a rejected key until a list is answered again', async () => {
  const { apply, clock, metricsPage, fakeProvider } = await create();
  apply('web');
  await clock.advance(2 * minute);
  expect(await metricsPage()).toContain('account_key_rejected{account="1"} 0');
  fakeProvider.broken.set('ListMachines', { class: 'Credentials', code: 'Unauthorized', status: 401 });
  await clock.advance(2 * minute);
  const page = await metricsPage();
  expect(page).toContain('account_key_rejected{account="1"} 1');
  expect(page).toContain('vps247_operator_objects{reason="CredentialsRejected"} 1');
  fakeProvider.broken.delete('ListMachines');
  await clock.advance(20 * minute);
  expect(await metricsPage()).toContain('account_key_rejected{account="1"} 0');
});

test('shows the age of a deletion that does not finish', async () => {
  const { apply, clock, cluster, metricsPage, fakeProvider } = await create();
  apply('web');
  await clock.advance(2 * minute);
  expect(await metricsPage()).toContain('vps247_operator_deletion_oldest_seconds 0\n');
  fakeProvider.broken.set('DeleteMachine', { class: 'Retry', code: 'ServerError', status: 500 });
  cluster.remove('virtualmachines', 'web');
  await clock.advance(30 * minute);
  const [, seconds] = /^vps247_operator_deletion_oldest_seconds (\S+)$/m.exec(await metricsPage()) ?? [];
  expect(Number(seconds)).toBeGreaterThan(29 * 60);
  expect(Number(seconds)).toBeLessThanOrEqual(30 * 60 + 1);
});

test('measures the time from a change to its call once, and ignores calls without a change', async () => {
  const { apply, clock, cluster, metricsPage, fakeProvider } = await create({ providerRate: 1, providerBurst: 1 });
  const measured = async () => {
    const page = await metricsPage();
    const [count, sum] = ['count', 'sum'].map((of) =>
      Number(new RegExp(`^vps247_operator_spec_to_call_seconds_${of} (.+)$`, 'm').exec(page)?.[1]),
    );
    return { count, sum };
  };
  apply('web');
  await clock.advance(2 * minute);
  const created = await measured();
  expect(created.count).toBe(1);
  expect(created.sum).toBeLessThan(5);

  // A change that needs no call, and long after it a VM that was halted outside the operator.
  cluster.change('web', { spec: { deletionProtection: true } });
  await clock.advance(10 * minute);
  fakeProvider.set(cluster.machine('web')?.status?.id ?? 0, { state: 'Halted' });
  await clock.advance(10 * minute);
  expect(fakeProvider.count('StartMachine')).toBe(1);
  expect((await measured()).count).toBe(1);

  cluster.change('web', { spec: { powerState: 'Halted' } });
  await clock.advance(minute);
  expect(fakeProvider.count('StopMachine')).toBe(1);
  const { count, sum } = await measured();
  expect(count).toBe(2);
  expect(sum).toBeGreaterThanOrEqual(created.sum ?? Infinity);
  expect(sum).toBeLessThan(10);

  // A change whose call has to wait for a transition.
  cluster.change('web', { spec: { powerState: 'Running' } });
  await clock.advance(minute);
  cluster.change('web', { spec: { powerState: 'Halted' } });
  for (let steps = 0; fakeProvider.count('StopMachine') < 2 && steps < 600; steps += 1) await clock.advance(100);
  expect(fakeProvider.count('StopMachine')).toBe(2);
  cluster.change('web', { spec: { powerState: 'Running' } });
  await clock.advance(100);
  expect(fakeProvider.count('StartMachine')).toBe(2);
  await clock.advance(minute);
  expect(fakeProvider.count('StartMachine')).toBe(3);
  expect((await measured()).count).toBe(5);
});
