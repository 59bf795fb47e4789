import { describe, expect, test } from 'vitest';
import { reasons } from '../../src/api/v1alpha1/reasons.ts';
import { isPrintable } from '../../src/domain/text.ts';
import { ago, condition, FakeKubectl, vm, vps } from './world.ts';

test('a VM that is as it should be', async () => {
  const fake = new FakeKubectl(vm('web'));
  fake.events = [
    { type: 'Normal', reason: 'Creating', message: 'VM 1001 is being provisioned', eventTime: ago(600) },
    { type: 'Normal', reason: 'Available', message: 'VM 1001 is running', eventTime: ago(590) },
  ];
  expect(await vps(fake, 'status web')).toEqual({
    code: 0,
    stderr: '',
    stdout: `web   Running   Ready True: Available
VM 1001 is running; matches the spec

Object      default/web, 3d old
            powerState Running, managementPolicy Manage, deletionPolicy Delete
API key     Secret vps247-credentials, key api-key: Accepted, account 7
VM          web-0a1b2c3d (id 1001), Created
            Running at 198.18.0.1
            Amsterdam 1, Standard, Debian 13 x64
Operation   none in progress
Events      9m   Available: VM 1001 is running
            10m  Creating: VM 1001 is being provisioned
Next step   No action needed.
`,
  });
  expect(fake.writes()).toEqual([]);
});

test('a VM that is stuck, in another namespace and with colors', async () => {
  const stuck = vm('web', {
    metadata: { namespace: 'shop', generation: 2, deletionTimestamp: ago(60) },
    status: {
      state: 'Halting',
      addresses: [],
      operation: { type: 'Stop', startTime: ago(300), attempts: 2, lastResult: 'Accepted' },
      conditions: [condition('Ready', 'False', 'PowerTransitionStuck', 'VM 1001 has been halting for 300 s')],
    },
  });
  const { stdout } = await vps(new FakeKubectl(stuck), 'status web -n shop', { hasColors: true });
  expect(stdout).toBe(`\u001b[1mweb\u001b[0m   Halting   \u001b[31mReady False: PowerTransitionStuck\u001b[0m
VM 1001 has been halting for 300 s

Object      shop/web, 3d old, is being deleted
            powerState Running, managementPolicy Manage, deletionPolicy Delete
            the operator hasn't reconciled the present spec yet
API key     Secret vps247-credentials, key api-key: not checked yet, account 7
VM          web-0a1b2c3d (id 1001), Created
            Halting, no address
            Amsterdam 1, Standard, Debian 13 x64
Operation   Stop since 5m, 2 attempts, Accepted
Events      none
Next step   The operator hasn't reported on this spec yet. If that lasts, check whether it runs:
              kubectl -n vps247-system get pods
            Check the VM's console at the provider. To cut the power of a VM that doesn't halt:
              kubectl -n shop patch vps web --type merge -p '{"spec":{"powerOff":{"mode":"Hard"}}}'
            Delete a VM that can't be repaired at the provider.
`);
});

const powerSchedule = { timeZone: 'UTC', halted: [{ from: '0 20 * * *', to: '0 7 * * *' }] };

test.each([
  [{}, {}, 'powerSchedule'],
  [{ nextHaltTime: '2026-01-02T20:00:00Z' }, {}, 'powerSchedule: next halt at 2026-01-02T20:00:00Z'],
  [{ haltedUntil: '2026-01-02T07:00:00Z' }, {}, 'powerSchedule: halted until 2026-01-02T07:00:00Z'],
  [
    { nextHaltTime: '2026-01-02T23:00:00Z' },
    { 'vps247.com/keep-running-until': '2026-01-02T23:00:00Z' },
    'powerSchedule: next halt at 2026-01-02T23:00:00Z, vps247.com/keep-running-until=2026-01-02T23:00:00Z',
  ],
])('a schedule, with status %j and annotations %j', async (status, annotations, line) => {
  const { stdout } = await vps(
    new FakeKubectl(vm('web', { spec: { powerSchedule }, status, metadata: { annotations } })),
    'status web',
  );
  expect(stdout.split('\n').map((one) => one.trim())).toContain(line);
});

test('an object that no operator has seen, whose events the user may not list', async () => {
  const fake = new FakeKubectl({ ...vm('web'), status: {} });
  fake.failures.set('events', {
    stderr: 'Error from server (Forbidden): events is forbidden: User "ann" cannot list resource "events"',
  });
  const { code, stdout } = await vps(fake, 'status web');
  expect(code).toBe(0);
  expect(stdout).toContain('web   no VM   no conditions\n\n');
  expect(stdout).toContain(`Events      You don't have the permission: User "ann" cannot list resource "events".`);
  expect(stdout).toContain(`Next step   The operator hasn't reported on this object yet.`);
});

describe('the next step', () => {
  // A plan is approved with the plugin's verb, which has a test below.
  const others = Object.entries(reasons).filter(([reason]) => reason !== 'PlanOnly');
  test.each(others)('%s: the remedy, with the object in its commands', async (reason, { remedy }) => {
    const object = vm('web', {
      metadata: { namespace: 'shop' },
      status: { conditions: [condition('Ready', 'False', reason)] },
    });
    const { stdout } = await vps(new FakeKubectl(object), 'status web -n shop -o json');
    const steps: readonly string[] = JSON.parse(stdout).nextSteps;
    const commands = [...remedy.matchAll(/`(kubectl [^`]+)`/g)].map(([, command = '']) =>
      command.replaceAll('NAMESPACE', 'shop').replaceAll('NAME', 'web'),
    );
    expect(steps.filter((step) => step.startsWith('  ')).map((step) => step.trim())).toEqual(commands);
    expect(steps.join(' ')).not.toMatch(/NAME|`|^[.,;]/);
  });

  test('that of every condition that is False comes after that of Ready', async () => {
    const object = vm('web', {
      status: {
        conditions: [
          condition('AsSpecified', 'False', 'DiffersFromSpec', 'VM 1001: region is "London 1"'),
          condition('Ready', 'True', 'Available'),
        ],
      },
    });
    const { stdout } = await vps(new FakeKubectl(object), 'status web');
    expect(stdout).toContain('\n            VM 1001: region is "London 1"\n');
    expect(stdout).toMatch(/Next step {3}Correct the spec to what status shows[^]*create a new object\.\n$/);
  });

  test('a reason of a newer operator refers to the message', async () => {
    const object = vm('web', { status: { conditions: [condition('Ready', 'False', 'Hibernating')] } });
    expect((await vps(new FakeKubectl(object), 'status web')).stdout).toMatch(
      /Next step {3}See the message\. This plugin doesn't know the reason Hibernating/,
    );
  });
});

test('text from the provider can neither move the cursor nor reorder what is read', async () => {
  const hostile = '\u001b[2Jhacked\u202e\u0007\nline';
  const object = vm('web', {
    status: {
      providerName: hostile,
      region: { id: 1, name: hostile },
      conditions: [condition('Ready', 'False', 'CreateRefused', hostile)],
    },
  });
  const fake = new FakeKubectl(object);
  fake.events = [{ reason: hostile, message: hostile, eventTime: ago(5) }];
  for (const command of ['status web', 'status web -o json', 'inventory -o ansible', 'release web --dry-run']) {
    const { stdout } = await vps(fake, command);
    expect(
      stdout.split('\n').filter((line) => !isPrintable(line) || /\\u001b|^line/.test(line)),
      command,
    ).toEqual([]);
    expect(stdout).toContain('hacked');
  }
});

test('-o json has what scripts need', async () => {
  const { stdout } = await vps(new FakeKubectl(vm('web')), 'status web -o json');
  expect(JSON.parse(stdout)).toEqual({
    namespace: 'default',
    name: 'web',
    ready: 'True',
    reason: 'Available',
    message: 'VM 1001 is running; matches the spec',
    isCurrent: true,
    vm: { id: 1001, name: 'web-0a1b2c3d', state: 'Running', address: '198.18.0.1', ownerId: 7 },
    accounts: [],
    operation: null,
    events: [],
    nextSteps: ['No action needed.'],
  });
});

test('a status of an earlier spec is not shown as the end of it', async () => {
  const old = vm('web', { metadata: { generation: 2 } });
  const { stdout } = await vps(new FakeKubectl(old), 'status web');
  expect(stdout).toContain("Next step   The operator hasn't reported on this spec yet. If that lasts, check");
  expect(stdout).not.toContain('No action needed');
});

test('a plan is approved with the verb that shows it again, and a deletion can be avoided', async () => {
  const planned = { conditions: [condition('Ready', 'False', 'PlanOnly', 'planned: delete VM 1001')] };
  const deleted = vm('web', { metadata: { deletionTimestamp: ago(60) }, status: planned });
  expect((await vps(new FakeKubectl(deleted), 'status web')).stdout).toContain(`To approve the steps:
              kubectl vps plan web -n default --approve
            To keep the VM:
              kubectl vps release web -n default --deleting`);
  const { stdout } = await vps(new FakeKubectl(vm('web', { status: planned })), 'status web');
  expect(stdout).toContain('kubectl vps plan web -n default --approve');
  expect(stdout).not.toContain('release');
});
