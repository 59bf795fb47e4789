import { beforeAll, describe, expect, test } from 'vitest';
import { type Machine, isReadable } from '../../src/domain/machine.ts';
import { Secret } from '../../src/domain/secret.ts';
import { KnownSecrets } from '../../src/provider/http/known-secrets.ts';
import { decodeMachines } from '../../src/provider/http/decode.ts';
import { createWorld, type World } from '../reconcile/world/world.ts';
import { example } from './example.ts';

const minute = 60_000;

/**
 * Where each attribute of a VM is shown, and the cost of a change of it alone: `Write`, a status write; `Later`, none, it is
 * shown with the next write; `Metric`, none, it is always current; `Secret`, none, the password is written once. `changed` is
 * another value of the attribute; it is absent where the operator would not act on a VM after such a change.
 */
interface Row {
  readonly shows: readonly string[];
  readonly as: unknown;
  readonly costs: 'Write' | 'Later' | 'Metric' | 'Secret';
  readonly changed?: unknown;
}

const labels = 'object_namespace="default",object="web"';
const megabyte = 1_048_576;

const rows: Readonly<Record<string, Row>> = {
  id: { shows: ['status.id'], as: 90, costs: 'Write' },
  name: { shows: ['status.providerName'], as: 'api_test', costs: 'Write' },
  hostname: { shows: ['status.hostname'], as: 'xxxx', costs: 'Write', changed: 'yyyy' },
  state: { shows: ['status.state'], as: 'Running', costs: 'Write', changed: 'halted' },
  created_at: {
    shows: ['status.creationTime'],
    as: '2015-02-21T00:26:55.068Z',
    costs: 'Write',
    changed: '2015-02-21T00:26:56.000Z',
  },
  updated_at: {
    shows: ['status.updatedTime', `machine_last_action_timestamp_seconds{${labels}}`],
    as: '2015-02-21T00:35:29.192Z',
    costs: 'Later',
    changed: '2015-02-21T00:35:30.000Z',
  },
  owner_id: { shows: ['status.ownerId'], as: 1, costs: 'Write' },
  initial_password: { shows: ['Secret'], as: 'planted-password', costs: 'Secret', changed: 'planted-password-2' },
  region_id: { shows: ['status.region.id'], as: 1, costs: 'Write', changed: 2 },
  region_name: { shows: ['status.region.name'], as: 'New York 1', costs: 'Write', changed: 'New York 2' },
  package_id: { shows: ['status.package.id'], as: 1, costs: 'Write', changed: 2 },
  package_name: { shows: ['status.package.name'], as: 'Budget', costs: 'Write', changed: 'Standard' },
  os_template_id: { shows: ['status.osTemplate.id'], as: 1, costs: 'Write', changed: 2 },
  os_template_name: {
    shows: ['status.osTemplate.name'],
    as: 'Ubuntu 11.10 Server x64',
    costs: 'Write',
    changed: 'Debian 13 x64',
  },
  'ip_allocations.version': { shows: ['status.addresses.0.version'], as: 4, costs: 'Write' },
  'ip_allocations.first': {
    shows: ['status.addresses.0.address', 'status.addresses.0.first'],
    as: '123.123.123.123',
    costs: 'Write',
    changed: '123.123.123.122',
  },
  'ip_allocations.last': {
    shows: ['status.addresses.0.last'],
    as: '123.123.123.125',
    costs: 'Write',
    changed: '123.123.123.126',
  },
  'ip_allocations.gateway': {
    shows: ['status.addresses.0.gateway'],
    as: '123.123.123.1',
    costs: 'Write',
    changed: '123.123.123.2',
  },
  'ip_allocations.prefixlen': { shows: ['status.addresses.0.prefixLength'], as: 25, costs: 'Write', changed: 24 },
  // While it is in progress, or failed.
  'last_task.id': { shows: ['status.lastTask.id'], as: 1, costs: 'Later', changed: 2 },
  'last_task.name': { shows: ['status.lastTask.name'], as: 'VmKill', costs: 'Later', changed: 'VmBackup' },
  'last_task.progress': { shows: ['status.lastTask.progress'], as: '40', costs: 'Later', changed: 50 },
  // That it ended or failed is written.
  'last_task.status': { shows: ['status.lastTask.status'], as: 'pending', costs: 'Later', changed: 'running' },
  unbilled_hours: {
    shows: [`machine_unbilled_hours{${labels}}`, 'account_unbilled_hours{account="1"}'],
    as: 1,
    costs: 'Metric',
    changed: 2,
  },
  transfer: {
    shows: [`machine_transfer_bytes{${labels}}`, 'account_transfer_bytes{account="1"}'],
    as: 22_410 * megabyte,
    costs: 'Metric',
    changed: 22_420,
  },
  month_transfer: {
    shows: [`machine_transfer_remaining_bytes{${labels}}`, 'account_transfer_remaining_bytes{account="1"}'],
    as: 22_400 * megabyte,
    costs: 'Metric',
    changed: 22_390,
  },
  virtual_machine_disk_ids: { shows: ['status.diskIds.0'], as: 88, costs: 'Write', changed: [88, 89] },
};

/** The example, where two attributes are the same with another value for one of them. */
const answer = {
  ...example,
  ip_allocations: example.ip_allocations.map((allocation) =>
    Object.assign({ ...allocation }, { last: '123.123.123.125' }),
  ),
  last_task: { ...example.last_task, progress: 40 },
};

/** Attributes of an answer, those inside of others after a dot. */
function attributesOf(value: object): readonly string[] {
  return Object.entries(value).flatMap(([name, inner]: [string, unknown]) => {
    const [first]: readonly unknown[] = Array.isArray(inner) ? inner : [inner];
    return typeof first === 'object' && first !== null ? attributesOf(first).map((more) => `${name}.${more}`) : [name];
  });
}

function decode(wire: object): Machine {
  const secrets = new KnownSecrets(new Secret('planted-key'));
  const [machine] = decodeMachines(JSON.stringify([wire]), { secrets, now: Date.UTC(2026, 0, 1) });
  if (machine === undefined || !isReadable(machine)) return expect.unreachable();
  return machine;
}

/** An object that adopted the VM of the example. */
async function createAdopted(): Promise<World> {
  const world = await createWorld({}, { withoutBystanders: 'the totals are of one VM' });
  world.fakeProvider.add(answer.name, decode(answer));
  world.apply('web', { adoption: { policy: 'MustExist', id: 90 }, initialPasswordSecret: { name: 'password' } });
  await world.clock.advance(2 * minute);
  return world;
}

test('every attribute of the example has a row that says where it is shown, and no other has', () => {
  expect(Object.keys(rows).toSorted()).toEqual([...attributesOf(example)].toSorted());
});

describe('an attribute is shown', () => {
  let world: World;
  let page: string;
  beforeAll(async () => {
    world = await createAdopted();
    page = await world.metricsPage();
  });

  /** What is there, in the words of the table. */
  function shownAt(where: string): unknown {
    if (where === 'Secret') {
      const { body } = world.cluster.created.find(({ plural }) => plural === 'secrets') ?? {};
      // What the operator writes.
      return (body as { readonly stringData: { readonly password: string } } | undefined)?.stringData.password;
    }
    if (!where.startsWith('status.')) {
      const line = page.split('\n').find((one) => one.startsWith(`vps247_operator_${where} `));
      return line === undefined ? undefined : Number(line.split(' ').at(-1));
    }
    return where
      .split('.')
      .reduce<unknown>(
        (value, key) => (value as Readonly<Record<string, unknown>> | undefined)?.[key],
        world.cluster.machine('web'),
      );
  }

  test.each(Object.entries(rows))('%s', (attribute, { shows, as }) => {
    for (const where of shows) {
      const isTime = where.includes('timestamp_seconds');
      expect([attribute, where, shownAt(where)]).toEqual([
        attribute,
        where,
        isTime ? Date.parse(String(as)) / 1000 : as,
      ]);
    }
  });
});

describe('a change of one attribute alone', () => {
  const changing = Object.entries(rows).filter(([, { changed }]) => changed !== undefined);

  test.each(changing)('%s', async (attribute, { costs, changed }) => {
    const { clock, cluster, fakeProvider: room } = await createAdopted();
    const { length } = cluster.writes;
    const [name = '', inner] = attribute.split('.');
    const before = (answer as Readonly<Record<string, unknown>>)[name];
    const [entry]: readonly unknown[] = Array.isArray(before) ? before : [before];
    const value = inner === undefined ? changed : { ...(entry as object), [inner]: changed };
    const isList = inner !== undefined && Array.isArray(before);
    room.set(90, decode({ ...answer, [name]: isList ? [value] : value }));
    await clock.advance(10 * minute);
    const writes = cluster.writes.slice(length).filter((write) => write === 'status web');
    expect([attribute, writes.length > 0]).toEqual([attribute, costs === 'Write']);
  });
});
