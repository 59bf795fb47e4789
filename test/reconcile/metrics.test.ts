import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { annotations } from '../../src/api/v1alpha1/constants.ts';
import type { OperatorSettings } from '../../src/config/settings.ts';
import { KubeError } from '../../src/kubernetes/errors.ts';
import { controller, fullName, type MetricName, metricsTable } from '../../src/telemetry/metrics-table.ts';
import { usualSpec } from './world/operator.ts';
import { createWorld, type World } from './world/world.ts';

const minute = 60_000;

interface Row {
  readonly settings?: Partial<OperatorSettings>;
  readonly run: (world: World) => void | Promise<void>;
  /** The series, without the prefix, and a value that says something. */
  readonly shows: RegExp;
  /** It shows this from the start. */
  readonly isConstant?: true;
}

const some = '[1-9][0-9.e+]*';
const idOf = ({ cluster }: World): number => cluster.machine('web')?.status?.id ?? 0;
const halt = ({ cluster }: World): void => cluster.change('web', { spec: { powerState: 'Halted' } });

async function begin({ apply, clock }: World): Promise<void> {
  apply('web');
  await clock.advance(2 * minute);
}

const after =
  (act: (world: World) => void | Promise<void>, time = 2 * minute): Row['run'] =>
  async (world) => {
    await begin(world);
    await act(world);
    await world.clock.advance(time);
  };

/** One worker, whose write never ends, and objects behind it. */
const stuck: Pick<Row, 'settings' | 'run'> = {
  settings: { workers: 1, takeOverFrom: ['other/installation'] },
  run: async ({ clock, cluster }) => {
    cluster.holds = () => new Promise(() => {});
    const managed = { [annotations.managedBy]: 'other/installation' };
    for (const name of ['web', 'db'])
      cluster.put('virtualmachines', { metadata: { name, annotations: managed }, spec: usualSpec });
    await clock.advance(minute);
  },
};

/** Two calls, the first of which never ends. */
const inLine: Pick<Row, 'settings' | 'run'> = {
  settings: { maxInFlight: 1 },
  run: async (world) => {
    world.apply('db');
    await begin(world);
    world.fakeProvider.holds = (operation) => (operation === 'StopMachine' ? new Promise(() => {}) : undefined);
    for (const name of ['web', 'db']) world.cluster.change(name, { spec: { powerState: 'Halted' } });
    // After the second that a call may wait unreported.
    await world.clock.advance(2_000);
  },
};

const queue = `name="${controller}",controller="${controller}"`;

const rows: Partial<Readonly<Record<MetricName, Row>>> = {
  reconciles: { run: begin, shows: new RegExp(`{controller="${controller}",result="success"} ${some}$`, 'm') },
  reconcileErrors: {
    run: after(({ cluster }) => {
      cluster.holds = () => Promise.reject(new KubeError('patch', { reason: 'Unexpected', status: 500 }));
      cluster.change('web', { spec: { restartRequest: 'now' } });
    }),
    shows: new RegExp(`{controller="${controller}"} ${some}$`, 'm'),
  },
  reconcileDuration: { run: begin, shows: new RegExp(`_count{controller="${controller}"} ${some}$`, 'm') },
  activeWorkers: { ...stuck, shows: new RegExp(`{controller="${controller}"} 1$`, 'm') },
  maxWorkers: {
    settings: { workers: 7 },
    run: begin,
    shows: new RegExp(`{controller="${controller}"} 7$`, 'm'),
    isConstant: true,
  },
  queueDepth: { ...stuck, shows: new RegExp(`{${queue},priority="user"} 1$`, 'm') },
  queueAdds: { run: begin, shows: new RegExp(`{${queue}} ${some}$`, 'm') },
  queueRetries: { run: begin, shows: new RegExp(`{${queue}} ${some}$`, 'm') },
  queueWait: { run: begin, shows: new RegExp(`_count{${queue}} ${some}$`, 'm') },
  workDuration: { run: begin, shows: new RegExp(`_count{${queue}} ${some}$`, 'm') },
  unfinishedWork: { ...stuck, shows: new RegExp(`{${queue}} 60$`, 'm') },
  longestReconcile: { ...stuck, shows: new RegExp(`{${queue}} 60$`, 'm') },
  queueOldestWait: { ...stuck, shows: / 60$/m },
  specToCall: { run: begin, shows: /_count 1$/m },
  providerUnavailable: {
    run: after(
      ({ fakeProvider }) => void fakeProvider.broken.set('ListMachines', { class: 'Retry', code: 'ConnectFailed' }),
      10 * minute,
    ),
    shows: /{account="1"} 1$/m,
  },
  providerPaused: {
    run: after((world) => {
      world.fakeProvider.broken.set('StopMachine', {
        class: 'Wait',
        code: 'RateLimited',
        status: 429,
        retryAfter: 30_000,
      });
      halt(world);
    }, 1_000),
    shows: /{account="1"} 1$/m,
  },
  providerRate: { run: begin, shows: /{account="1"} 10$/m },
  providerInFlight: { ...inLine, shows: /{account="1"} 1$/m },
  providerWaiting: { ...inLine, shows: /{account="1",priority="Power"} 1$/m },
  listAge: {
    run: after(
      ({ fakeProvider }) => void fakeProvider.broken.set('ListMachines', { class: 'Retry', code: 'ConnectFailed' }),
    ),
    shows: new RegExp(` 1[0-9][0-9](\\.[0-9]+)?$`, 'm'),
  },
  machines: { run: begin, shows: /{state="Running"} 1$/m },
  objects: { run: begin, shows: /{reason="Available"} 1$/m },
  objectsDiffering: {
    run: after((world) => world.fakeProvider.set(idOf(world), { package: { id: 7, name: 'Large' } })),
    shows: / 1$/m,
  },
  objectsOwnedByOthers: {
    run: after(({ cluster }) =>
      cluster.change('web', { metadata: { annotations: { [annotations.managedBy]: 'other/installation' } } }),
    ),
    shows: / 1$/m,
  },
  deletionOldest: {
    run: after((world) => {
      world.fakeProvider.broken.set('DeleteMachine', { class: 'Retry', code: 'ServerError', status: 500 });
      world.cluster.remove('virtualmachines', 'web');
    }),
    shows: / 120(\.[0-9]+)?$/m,
  },
  accountKeyRejected: {
    run: after(({ fakeProvider }) => void fakeProvider.refused.add(1)),
    shows: /{account="1"} 1$/m,
  },
  accountMachines: { run: begin, shows: /{account="1",managed="true"} 1$/m },
  accountDuplicateNames: {
    run: after(({ fakeProvider }) => {
      for (const name of ['twin', 'twin']) fakeProvider.add(name);
    }),
    shows: /{account="1"} 1$/m,
  },
  accountUnbilled: {
    run: after((world) => world.fakeProvider.set(idOf(world), { unbilledHours: 7 })),
    shows: /{account="1"} 7$/m,
  },
  accountTransfer: {
    run: after((world) => world.fakeProvider.set(idOf(world), { transferTotal: 1 })),
    shows: /{account="1"} 1048576$/m,
  },
  accountTransferRemaining: {
    run: after((world) => world.fakeProvider.set(idOf(world), { transferRemaining: 2 })),
    shows: /{account="1"} 2097152$/m,
  },
  machineReady: {
    run: begin,
    shows: /{object_namespace="default",object="web",reason="Available",state="Running"} 1$/m,
  },
  machineUnbilled: {
    run: after((world) => world.fakeProvider.set(idOf(world), { unbilledHours: 7 })),
    shows: /{object_namespace="default",object="web"} 7$/m,
  },
  machineTransfer: {
    run: after((world) => world.fakeProvider.set(idOf(world), { transferTotal: 1 })),
    shows: /{object_namespace="default",object="web"} 1048576$/m,
  },
  accountLowTransfer: {
    run: after((world) => world.fakeProvider.set(idOf(world), { transferTotal: 100, transferRemaining: 9 })),
    shows: /{account="1"} 1$/m,
  },
  machineLastAction: {
    run: after((world) => world.fakeProvider.set(idOf(world), { updatedAt: '2026-01-01T00:00:00.000Z' })),
    shows: /{object_namespace="default",object="web"} 1767225600$/m,
  },
  machineTransferRemaining: {
    run: after((world) => world.fakeProvider.set(idOf(world), { transferRemaining: 2 })),
    shows: /{object_namespace="default",object="web"} 2097152$/m,
  },
  watchRestarts: {
    run: ({ clock }) => clock.advance(20 * minute),
    shows: new RegExp(`{resource="virtualmachines"} ${some}$`, 'm'),
  },
};

// The names of the tables' fields.
const metricNames = Object.keys(metricsTable) as readonly MetricName[];
const named = Object.entries(rows) as readonly (readonly [MetricName, Row])[];
const program = ['main.ts', 'telemetry/call-reports.ts']
  .map((path) => readFileSync(join(import.meta.dirname, '../../src', path), 'utf8'))
  .join('');

it('lists each metric that the operator sets in a row of the table', () => {
  const elsewhere = metricNames.filter((name) => program.includes(`metrics.${name}.`) || name === 'buildInfo');
  expect([...Object.keys(rows), ...elsewhere].toSorted()).toEqual([...metricNames].toSorted());
});

/** The lines of one metric. */
async function linesOf({ metricsPage }: World, name: MetricName): Promise<string> {
  const start = fullName(metricsTable[name].name);
  const lines = (await metricsPage()).split('\n');
  return lines.flatMap((line) => (line.startsWith(start) ? [line.slice(start.length)] : [])).join('\n');
}

describe.each(named)('the metric %s', (name, { settings = {}, run, shows, isConstant = false }) => {
  it('is absent for an operator without objects, and shows the value that it is for', async () => {
    const world = await createWorld(settings, { withoutBystanders: 'each of them counts' });
    if (!isConstant) expect(await linesOf(world, name)).not.toMatch(shows);
    await run(world);
    expect(await linesOf(world, name)).toMatch(shows);
  });
});

it('requeues an object that changes during its reconciliation, and counts no error', async () => {
  const world = await createWorld({}, { withoutBystanders: 'each of them counts' });
  world.cluster.failures.push({ write: 'patch web', reason: 'Conflict' });
  await begin(world);
  expect(world.cluster.machine('web')?.status?.state).toBe('Running');
  expect(await linesOf(world, 'reconciles')).toMatch(new RegExp(`result="requeue"} 1$`, 'm'));
  expect(await linesOf(world, 'reconcileErrors')).toMatch(/ 0$/);
});
