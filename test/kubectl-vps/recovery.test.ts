import { describe, expect, test } from 'vitest';
import { ago, condition, FakeKubectl, vm, vps } from './world.ts';

const none = { id: undefined, providerName: undefined, state: undefined, origin: undefined } as object;

/** An object that waits for a VM. */
function waiting(name: string, reason: string, candidates: readonly number[] = [], namespace = 'default') {
  return vm(name, {
    metadata: { namespace, ...(reason === 'IdentityFromOtherObject' ? hint : {}) },
    spec: reason === 'NameTaken' ? { providerName: name } : {},
    status: {
      ...none,
      conditions: [condition('Ready', 'False', reason)],
      ...(candidates.length === 0 ? {} : { orphanCandidates: candidates.map((id) => ({ id, name: `${name}-${id}` })) }),
    },
  });
}

const hint = { annotations: { 'vps247.com/machine': '{"id":1001,"uid":"u"}' } };

/** Its VM isn't adopted any more. */
const deleted = vm('deleted', {
  metadata: { deletionTimestamp: ago(5) },
  status: { conditions: [condition('Ready', 'Unknown', 'IdentityFromOtherObject')] },
});

const fleet = (): FakeKubectl =>
  new FakeKubectl(
    vm('fine'),
    waiting('restored', 'IdentityFromOtherObject'),
    waiting('unproven', 'IdentityUnproven', [], 'shop'),
    waiting('applied', 'OrphanCandidateFound', [1003]),
    waiting('twice', 'OrphanCandidateFound', [1004, 1005]),
    waiting('one', 'OrphanCandidateFound', [1006]),
    waiting('one', 'OrphanCandidateFound', [1006], 'shop'),
    waiting('taken', 'NameTaken'),
    waiting('broken', 'CredentialsRejected'),
    deleted,
  );
const shown = `NAMESPACE   NAME       VM                                       ACTION
default     applied    applied-1003 (id 1003)                   adopt: OrphanCandidateFound
default     one        one-1006 (id 1006)                       decide: 2 objects may mean this VM
default     restored   id 1001                                  adopt: IdentityFromOtherObject
default     taken      taken                                    decide: NameTaken
default     twice      twice-1004 (id 1004) or twice-1005 (id 1005)   decide: 2 VMs may be meant
shop        one        one-1006 (id 1006)                       decide: 2 objects may mean this VM
shop        unproven   as the message says                      adopt: IdentityUnproven
3 objects can adopt; 4 to decide by hand: kubectl vps status NAME shows how.
`.replaceAll(/ {3,}/g, '   ');

describe('adopt-back', () => {
  test.each([
    ['adopt-back -A --dry-run', undefined, 0],
    ['adopt-back -A', undefined, 4],
    ['adopt-back -A', '', 4],
    ['adopt-back -A', '7', 4],
    ['adopt-back -A --confirm 2', '3', 4],
  ] as const)('%s with the answer %s changes nothing', async (command, answer, code) => {
    const fake = fleet();
    const outcome = await vps(fake, command, answer === undefined ? {} : { answer });
    expect(outcome.code).toBe(code);
    expect(outcome.stdout.replaceAll(/ {3,}/g, '   ')).toBe(shown);
    expect(fake.writes()).toEqual([]);
  });

  test.each([
    ['adopt-back -A', '3'],
    ['adopt-back -A --confirm 3', undefined],
  ])('%s with the number adopts where one VM and one object match', async (command, answer) => {
    const fake = fleet();
    const { code } = await vps(fake, command, answer === undefined ? {} : { answer });
    expect(code).toBe(0);
    const adoptions = fake.objects.map(({ metadata, spec }) => [
      `${metadata.namespace}/${metadata.name}`,
      spec['adoption'],
    ]);
    expect(adoptions.filter(([, adoption]) => adoption !== undefined)).toEqual([
      ['default/restored', { policy: 'MustExist' }],
      ['shop/unproven', { policy: 'MustExist' }],
      ['default/applied', { policy: 'MustExist', id: 1003 }],
    ]);
  });

  test('an object that changed since the list is left, and the others are adopted', async () => {
    const fake = fleet();
    fake.before = (args) => {
      const { metadata } = fake.objects[1] ?? {};
      if (args.includes('patch') && metadata !== undefined) metadata.resourceVersion = '9';
    };
    const { code, stderr } = await vps(fake, 'adopt-back -A --confirm 3');
    expect(code).toBe(1);
    expect(stderr).toContain('default/restored: The object has changed meanwhile, so nothing was done.');
    expect(fake.objects.filter(({ spec }) => spec['adoption'] !== undefined)).toHaveLength(2);
  });

  test.each([
    ['another id', 'IdentityFromOtherObject', { id: 5 }, 'decide: spec.adoption names VM 5'],
    ['a name', 'IdentityUnproven', { name: 'db' }, 'decide: spec.adoption names VM db'],
    ['another id', 'OrphanCandidateFound', { id: 5 }, 'decide: spec.adoption names VM 5'],
    ['the same id', 'IdentityFromOtherObject', { id: 1001 }, 'adopt: IdentityFromOtherObject'],
  ] as const)('with %s in spec.adoption, %s: %j', async (_what, reason, adoption, action) => {
    const restored = waiting('web', reason, reason === 'OrphanCandidateFound' ? [1003] : []);
    restored.spec['adoption'] = { policy: 'MustExist', ...adoption };
    const fake = new FakeKubectl(restored);
    expect((await vps(fake, 'adopt-back --confirm 1')).stdout).toContain(action);
    expect(fake.objects[0]?.spec['adoption']).toEqual({ policy: 'MustExist', ...adoption });
  });

  test('shows the VM on record, not the one of the annotation, which tenants can edit', async () => {
    const restored = waiting('web', 'IdentityFromOtherObject');
    restored.status = { ...restored.status, id: 1007, providerName: 'web-9' };
    expect((await vps(new FakeKubectl(restored), 'adopt-back --dry-run')).stdout).toContain('web-9 (id 1007)');
  });

  test.each(['adopt-back -n shop --confirm 1', 'adopt-back -n shop -l app=one --confirm 1'])(
    '%s adopts no VM that an object of another namespace may mean',
    async (command) => {
      const fake = fleet();
      const { stdout } = await vps(fake, command);
      expect(stdout).toMatch(/one-1006 \(id 1006\) +decide: 2 objects may mean this VM/);
      expect(fake.objects.filter(({ metadata, spec }) => metadata.name === 'one' && spec['adoption'])).toEqual([]);
    },
  );

  test('without access to other namespaces, says that their objects were not checked', async () => {
    const fake = fleet();
    fake.failures.set('--all-namespaces', { stderr: 'Error from server (Forbidden): virtualmachines is forbidden' });
    const { stderr } = await vps(fake, 'adopt-back -n shop --dry-run');
    expect(stderr).toContain('Objects of other namespaces, which may mean the same VMs, were not checked');
  });

  test('with nothing to adopt', async () => {
    expect(await vps(new FakeKubectl(vm('fine')), 'adopt-back')).toEqual({
      code: 0,
      stdout: 'No object waits for its VM.\n',
      stderr: '',
    });
  });
});

describe('release', () => {
  test.each([
    ['release web', undefined],
    ['release web', 'yes'],
    ['release web --confirm y', undefined],
    ['release --all', 'web'],
    ['release --all --confirm 3', undefined],
    ['release web --dry-run', undefined],
  ] as const)('%s with the answer %s deletes nothing', async (command, answer) => {
    const fake = new FakeKubectl(vm('web'), vm('db'));
    const { code, stdout } = await vps(fake, command, answer === undefined ? {} : { answer });
    expect(code).toBe(command.includes('dry-run') ? 0 : 4);
    expect(stdout).toContain(
      'default/web: the object will be deleted; VM web-0a1b2c3d (id 1001) stays at the provider and incurs charges\n',
    );
    expect(fake.objects.map(({ spec }) => spec['deletionPolicy'])).toEqual([undefined, undefined]);
  });

  test.each([
    ['release web', 'web'],
    ['release web --confirm web', undefined],
  ])('%s: sets Retain, then deletes that version of the object', async (command, answer) => {
    const fake = new FakeKubectl(vm('web'));
    const { code, stdout } = await vps(fake, command, answer === undefined ? {} : { answer });
    expect([code, stdout.split('\n').at(-2)]).toEqual([0, 'default/web: released VM 1001']);
    expect(fake.objects).toEqual([]);
    expect(fake.writes().map((args) => args.filter((arg) => /^(patch|delete|--raw|--patch)/.test(arg)))).toEqual([
      ['patch', '--patch={"spec":{"deletionPolicy":"Retain"},"metadata":{"uid":"uid-of-web"}}'],
      ['delete', '--raw=/apis/vps247.com/v1alpha1/namespaces/default/virtualmachines/web'],
    ]);
  });

  test('--deleting keeps the VMs of objects that are being deleted, and changes no other object', async () => {
    const deleting = { metadata: { deletionTimestamp: ago(5) }, spec: { deletionProtection: true } };
    const fake = new FakeKubectl(vm('web'), vm('db', deleting));
    expect(await vps(fake, 'release --all --deleting', { answer: 'db' })).toMatchObject({ code: 4 });
    expect(fake.writes()).toEqual([]);
    const { stdout } = await vps(fake, 'release --all --deleting', { answer: '1' });
    expect(stdout).toContain('default/db: the object is being deleted; VM db-0a1b2c3d (id 1001) stays');
    expect(fake.objects.map(({ spec }) => spec['deletionPolicy'])).toEqual([undefined, 'Retain']);
    expect(fake.writes()).toHaveLength(1);
    expect((await vps(new FakeKubectl(vm('web')), 'release --all --deleting')).stdout).toBe(
      'No object is being deleted.\n',
    );
  });

  test('a write of the operator in between changes nothing, and a policy that was set back prevents the deletion', async () => {
    for (const policy of ['Retain', 'Delete']) {
      const fake = new FakeKubectl(vm('web'));
      let changes = 0;
      fake.before = (args) => {
        const [stored] = fake.objects;
        if (!args.includes('delete') || stored === undefined || (changes += 1) > 1) return;
        stored.metadata.resourceVersion = '99';
        stored.spec['deletionPolicy'] = policy;
      };
      const { code, stderr } = await vps(fake, 'release web --confirm web');
      expect([code, fake.objects.length], policy).toEqual(policy === 'Retain' ? [0, 0] : [1, 1]);
      if (policy === 'Delete') expect(stderr).toContain('set the deletionPolicy of default/web back');
    }
  });

  test.each([
    [{ spec: { deletionProtection: true } }, 'default/web has deletionProtection'],
    [
      { metadata: { managedFields: [{ manager: 'argocd-controller', fieldsV1: { 'f:spec': {} } }] } },
      'Argo CD manages default/web and would create it again.',
    ],
  ])('%j is refused before anything is changed', async (more, message) => {
    const fake = new FakeKubectl(vm('a'), vm('web', more));
    const { code, stderr } = await vps(fake, 'release --all --confirm 2');
    expect(code).toBe(1);
    expect(stderr).toContain(message);
    expect(fake.writes()).toEqual([]);
  });
});

describe('an object that was replaced since it was read', () => {
  test.each([
    ['start web', vm('web', { spec: { powerState: 'Halted' } })],
    ['stop web', vm('web')],
    ['restart web', vm('web')],
    ['pause web', vm('web')],
    ['resume web', vm('web', { metadata: { annotations: { 'vps247.com/paused': 'true' } } })],
    ['keep-running web --for 4h', vm('web', { spec: { powerSchedule: { timeZone: 'UTC', halted: [] } } })],
    ['plan web --set', vm('web')],
    ['plan web --approve --confirm web', vm('web', { spec: { managementPolicy: 'Plan' } })],
    ['release web --confirm web', vm('web')],
    ['adopt-back --confirm 1', waiting('web', 'IdentityUnproven')],
  ])('is not changed by %s', async (command, stored) => {
    const fake = new FakeKubectl(structuredClone(stored));
    fake.before = (args) => {
      if (args.includes('patch')) Object.assign(fake.objects[0]?.metadata ?? {}, { uid: 'another' });
    };
    const { code, stderr } = await vps(fake, command);
    expect([code, stderr]).toEqual([1, expect.stringContaining('The object has changed meanwhile')]);
    expect(fake.objects[0]?.spec).toEqual(stored.spec);
    expect(fake.objects[0]?.metadata.resourceVersion).toBe('1');
  });
});

describe('plan', () => {
  const steps = [
    { operation: 'StopMachine', message: 'send VM 1001 ("web-0a1b2c3d") the shutdown signal' },
    { operation: 'KillMachine', message: "cut its power if it isn't halted after 300 s" },
  ];
  const planned = () =>
    vm('web', {
      spec: { managementPolicy: 'Plan' },
      status: { plannedActions: steps, conditions: [condition('Ready', 'False', 'PlanOnly')] },
    });

  test('shows the steps, and writes nothing', async () => {
    const fake = new FakeKubectl(planned());
    expect(await vps(fake, 'plan web')).toEqual({
      code: 0,
      stdout: `StopMachine
  send VM 1001 ("web-0a1b2c3d") the shutdown signal
KillMachine
  cut its power if it isn't halted after 300 s
To approve: kubectl vps plan web -n default --approve
`,
      stderr: '',
    });
    expect(fake.writes()).toEqual([]);
  });

  test('an object that is managed has no plan until --set', async () => {
    const fake = new FakeKubectl(vm('web'));
    expect((await vps(fake, 'plan web')).stdout).toBe(
      'web has managementPolicy Manage. To hold changes back and show them: kubectl vps plan web -n default --set\n',
    );
    expect(fake.writes()).toEqual([]);
    const onSleep = (): void => {
      Object.assign(fake.objects[0]?.status ?? {}, { observedGeneration: 2, plannedActions: steps });
    };
    const { stdout } = await vps(fake, 'plan web --set', { onSleep });
    expect(stdout).toMatch(/^web: spec\.managementPolicy set to Plan\nStopMachine\n/);
    expect(fake.objects[0]?.spec['managementPolicy']).toBe('Plan');
  });

  test('--approve needs the name, and approves only the version that it showed', async () => {
    const fake = new FakeKubectl(planned());
    expect(await vps(fake, 'plan web --approve', { answer: 'y' })).toMatchObject({ code: 4 });
    expect(fake.writes()).toEqual([]);
    expect(await vps(fake, 'plan web --approve', { answer: 'web' })).toMatchObject({ code: 0 });
    expect(fake.objects[0]?.spec['managementPolicy']).toBe('Manage');

    const changed = new FakeKubectl(planned());
    changed.before = (args) => {
      const [stored] = changed.objects;
      if (args.includes('patch') && stored !== undefined) stored.metadata.resourceVersion = '2';
    };
    expect(await vps(changed, 'plan web --approve --confirm web')).toMatchObject({
      code: 1,
      stderr: 'Error: The object has changed meanwhile, so nothing was done. Run the command again.\n',
    });
    expect(changed.objects[0]?.spec['managementPolicy']).toBe('Plan');
  });

  test('--approve of an object without a plan is refused', async () => {
    expect(await vps(new FakeKubectl(vm('web')), 'plan web --approve --confirm web')).toMatchObject({ code: 1 });
  });
});
