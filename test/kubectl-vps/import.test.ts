import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { manifestName } from '../../src/kubectl-vps/import.ts';
import { assertProperty } from '../support/property.ts';
import { account, FakeKubectl, vm, vps } from './world.ts';

const password = 'emulated-password-in-the-list';
const entry = (id: number, name: string, state = 'running') => ({ id, name, state, initial_password: password });

test('one manifest for each VM that no object manages; nothing is applied', async () => {
  const fake = new FakeKubectl(vm('web', { metadata: { namespace: 'shop' }, status: { id: 1002 } }));
  const files = new Map<string, string>();
  const input = JSON.stringify([
    entry(1001, 'Legacy DB (2019)', 'halted'),
    entry(1002, 'web'),
    entry(1003, '\u001b[2J'),
  ]);
  expect(await vps(fake, 'import --from - --directory out', { input, files })).toEqual({
    code: 0,
    stdout: 'out/legacy-db-2019-1001.yaml\nout/2j-1003.yaml\n',
    stderr: `3 VMs, 1 managed; files: 2 new, 0 unchanged, 0 kept
Nothing was applied. Review the files, then run: kubectl apply -f out
`,
  });
  expect(files.get('out/legacy-db-2019-1001.yaml'))
    .toBe(`# VM "Legacy DB (2019)". The operator only observes it until you remove managementPolicy.
apiVersion: vps247.com/v1alpha1
kind: VirtualMachine
metadata:
  name: legacy-db-2019-1001
spec:
  managementPolicy: Observe
  powerState: Halted
  adoption:
    policy: MustExist
    id: 1001
`);
  expect([...files.values()].join('')).not.toContain(password);
  expect(fake.writes()).toEqual([]);
});

test('a second run changes no file, and keeps one that was edited', async () => {
  const files = new Map<string, string>();
  const input = JSON.stringify({ virtual_machines: [{ vm: entry(1, 'a') }, { virtual_machine: entry(2, 'b') }] });
  const run = () => vps(new FakeKubectl(), 'import --from -', { input, files });
  await run();
  files.set('vms/a-1.yaml', 'edited');
  expect(await run()).toEqual({
    code: 0,
    stdout: '',
    stderr: `vms/a-1.yaml exists and has another content, so it was kept.
2 VMs, 0 managed; files: 0 new, 1 unchanged, 1 kept
`,
  });
  expect(files.get('vms/a-1.yaml')).toBe('edited');
});

describe('from an Account', () => {
  const unmanaged = [
    { id: 1001, name: 'Legacy DB (2019)', state: 'Halting' },
    { id: 1002, name: 'web', state: 'Starting' },
  ] as const;
  const status = { machines: { total: 3, managed: 1, unmanaged: 2 }, unmanaged };

  test('the manifests are those of the list, and nothing but the Account is read', async () => {
    const fake = new FakeKubectl();
    fake.accounts = [account('main', { namespace: 'shop', status })];
    const files = new Map<string, string>();
    expect(await vps(fake, 'import --account main -n shop', { files })).toEqual({
      code: 0,
      stdout: 'vms/legacy-db-2019-1001.yaml\nvms/web-1002.yaml\n',
      stderr: `3 VMs, 1 managed; files: 2 new, 0 unchanged, 0 kept
Nothing was applied. Review the files, then run: kubectl apply -n shop -f vms
`,
    });
    const listed = new Map<string, string>();
    const input = JSON.stringify([entry(1001, 'Legacy DB (2019)', 'halting'), entry(1002, 'web', 'starting')]);
    await vps(new FakeKubectl(), 'import --from -', { input, files: listed });
    expect(files).toEqual(listed);
    expect(fake.calls.map((args) => args.slice(-4))).toEqual([['get', 'accounts.vps247.com', 'main', '--output=json']]);
  });

  test('the objects name the Secret of the Account', async () => {
    const fake = new FakeKubectl();
    const credentialsSecretRef = { name: 'production-account', key: '0' };
    fake.accounts = [account('main', { spec: { credentialsSecretRef }, status })];
    const files = new Map<string, string>();
    await vps(fake, 'import --account main', { files });
    expect([...files.values()].map((text) => parse(text).spec.credentialsSecretRef)).toEqual([
      credentialsSecretRef,
      credentialsSecretRef,
    ]);
  });

  test('more unmanaged VMs than it lists have a note', async () => {
    const fake = new FakeKubectl();
    fake.accounts = [account('main', { status: { ...status, machines: { total: 9, managed: 1, unmanaged: 8 } } })];
    expect((await vps(fake, 'import --account main --dry-run')).stderr)
      .toBe(`Note: the Account lists 2 unmanaged VMs, and 6 more exist. Import these, then run the command again.
9 VMs, 1 managed; files: 2 new, 0 unchanged, 0 kept (dry run: no file was written)
`);
  });

  test('a list that may be old has a note, and an Account without one is an error', async () => {
    const ready = {
      type: 'Ready',
      status: 'False',
      reason: 'InventoryIncomplete',
      message: 'VMs disappeared',
    } as const;
    const conditions = [{ ...ready, observedGeneration: 1, lastTransitionTime: '2026-01-02T03:04:05Z' }];
    const fake = new FakeKubectl();
    fake.accounts = [account('old', { status: { ...status, conditions } }), account('new', { status: { conditions } })];
    expect(await vps(fake, 'import --account old')).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^Note: this is the last list that the operator read\. VMs disappeared\n/),
    });
    expect(await vps(fake, 'import --account new')).toMatchObject({
      code: 1,
      stderr: 'Error: The Account new has no list of VMs yet. VMs disappeared\n',
    });
  });
});

test('--dry-run writes no file', async () => {
  const files = new Map<string, string>();
  const { stdout } = await vps(new FakeKubectl(), 'import --from - --dry-run', {
    input: `[{"id":1,"name":"a"}]`,
    files,
  });
  expect([stdout, files.size]).toEqual(['vms/a-1.yaml\n', 0]);
});

describe('a list that is not one', () => {
  test.each([
    ['<html>', "The list of VMs isn't JSON. Pass the answer of GET /virtual_machines unchanged."],
    ['{"error":"The API key is not valid"}', "The list of VMs isn't the answer of GET /virtual_machines."],
    ['{"a":[],"b":[]}', "The list of VMs isn't the answer of GET /virtual_machines."],
    ['null', "The list of VMs isn't the answer of GET /virtual_machines."],
    ['[null]', 'Entry 1 of the list of VMs has no usable id.'],
    ['[{"id":1},{"id":"2/../3"}]', 'Entry 2 of the list of VMs has no usable id.'],
    ['[{"id":9007199254740993}]', 'Entry 1 of the list of VMs has no usable id.'],
    ['[{"id":1},{"id":"1"}]', 'The list of VMs has the same id twice.'],
  ])('%s', async (input, message) => {
    const files = new Map<string, string>();
    expect(await vps(new FakeKubectl(), 'import --from -', { input, files })).toEqual({
      code: 1,
      stdout: '',
      stderr: `Error: ${message}\n`,
    });
    expect(files.size).toBe(0);
  });
});

describe('names', () => {
  test.each([
    [{ id: 1, name: 'web' }, 'web-1'],
    [{ id: 1, name: '-Batch_1' }, 'batch-1-1'],
    [{ id: 1, name: 'Crème Brûlée' }, 'creme-brulee-1'],
    [{ id: 1, name: '数据库' }, 'vm-1'],
    [{ id: 1, name: '../../etc/passwd' }, 'etc-passwd-1'],
    [{ id: 1, name: '' }, 'vm-1'],
    [{ id: 123_456, name: 'x'.repeat(300) }, `${'x'.repeat(56)}-123456`],
  ])('%j', (listed, name) => {
    expect(manifestName(listed)).toBe(name);
  });

  test('a thousand VMs with the same name have a thousand valid names, the same in each run', () => {
    const names = Array.from({ length: 1_000 }, (_, index) => manifestName({ id: index + 1, name: 'Web Server' }));
    expect(new Set(names).size).toBe(1_000);
    expect(names).toEqual(
      Array.from({ length: 1_000 }, (_, index) => manifestName({ id: index + 1, name: 'Web Server' })),
    );
  });

  test('any names: valid, unique, and a manifest that is read as it was meant', async () => {
    const listed = fc.uniqueArray(
      fc.record({ id: fc.integer({ min: 1, max: 2 ** 53 - 1 }), name: fc.string({ unit: 'binary', maxLength: 300 }) }),
      { selector: ({ id }) => id, maxLength: 10 },
    );
    await assertProperty(
      fc.asyncProperty(listed, async (vms) => {
        const files = new Map<string, string>();
        const { code } = await vps(new FakeKubectl(), 'import --from -', { input: JSON.stringify(vms), files });
        expect([code, files.size]).toEqual([0, vms.length]);
        for (const [file, text] of files) {
          const { metadata, spec } = parse(text);
          expect(metadata.name).toMatch(/^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/);
          expect(file).toBe(`vms/${metadata.name}.yaml`);
          expect(vms.map(({ id }) => id)).toContain(spec.adoption.id);
        }
      }),
      { runs: 20 },
    );
  });
});
