import { describe, expect, test } from 'vitest';
import { condition, FakeKubectl, vm, vps } from './world.ts';

const fleet = (): FakeKubectl => new FakeKubectl(vm('b'), vm('a'), vm('c', { metadata: { namespace: 'team' } }));
const managedBy = (manager: string, field: object) => ({ metadata: { managedFields: [{ manager, fieldsV1: field }] } });

const uid = 'uid-of-web';

describe('one write for each object, and only if it changes something', () => {
  test.each([
    ['stop web', { spec: { powerState: 'Halted' }, metadata: { uid } }, 'web: spec.powerState set to Halted\n'],
    ['start web', undefined, 'web: spec.powerState is Running already\n'],
    [
      'restart web',
      { spec: { restartRequest: '2026-01-02T03:04:05.000Z' }, metadata: { uid } },
      'web: restart requested\n',
    ],
    [
      'pause web',
      { metadata: { annotations: { 'vps247.com/paused': 'true' }, uid } },
      'web: paused: the operator sends no request for its VM, and a deletion waits\n',
    ],
    ['resume web', undefined, 'web: not paused\n'],
  ])('%s', async (command, patch, stdout) => {
    const fake = new FakeKubectl(vm('web'));
    expect(await vps(fake, command)).toEqual({ code: 0, stdout, stderr: '' });
    expect(fake.writes()).toEqual(
      patch === undefined
        ? []
        : [
            [
              '--request-timeout=30s',
              'patch',
              'virtualmachines.vps247.com',
              'web',
              '--namespace=default',
              '--type=merge',
              `--patch=${JSON.stringify(patch)}`,
              '--field-manager=kubectl-vps',
              '--output=json',
            ],
          ],
    );
  });

  test('resume removes the annotation', async () => {
    const fake = new FakeKubectl(vm('web', { metadata: { annotations: { 'vps247.com/paused': 'true' } } }));
    expect((await vps(fake, 'resume web')).stdout).toBe('web: resumed\n');
    expect(fake.objects[0]?.metadata['annotations']).toEqual({});
  });

  test('a restart of a VM that is halted, or of none, is not requested: it would count as handled', async () => {
    const fake = new FakeKubectl(
      vm('batch', { status: { state: 'Halted' } }),
      vm('none', { status: { id: undefined, state: undefined } as object }),
    );
    expect((await vps(fake, 'restart --all')).stdout).toBe(
      'batch: the VM is halted, so there is nothing to restart\nnone: no VM on record, so there is nothing to restart\n',
    );
    expect(fake.writes()).toEqual([]);
  });

  test('--dry-run has the API server check the change and stores nothing', async () => {
    const fake = new FakeKubectl(vm('web'));
    expect(await vps(fake, 'stop web --wait --dry-run')).toEqual({
      code: 0,
      stdout: 'web: spec.powerState set to Halted (dry run: nothing was stored)\n',
      stderr: '',
    });
    expect(fake.writes().every((args) => args.includes('--dry-run=server'))).toBe(true);
    expect(fake.objects[0]?.spec['powerState']).toBe('Running');
  });
});

describe('the choice of objects', () => {
  test.each([
    ['stop b a b', 'a: spec.powerState set to Halted\nb: spec.powerState set to Halted\n'],
    ['stop vps/a', 'a: spec.powerState set to Halted\n'],
    ['stop --all -n team', 'c: spec.powerState set to Halted\n'],
    [
      'stop --all -A',
      'default/a: spec.powerState set to Halted\ndefault/b: spec.powerState set to Halted\nteam/c: spec.powerState set to Halted\n',
    ],
  ])('%s', async (command, stdout) => {
    expect(await vps(fleet(), command)).toEqual({ code: 0, stdout, stderr: '' });
  });

  test('the selector goes to the API server', async () => {
    const fake = fleet();
    await vps(fake, 'stop -l app=web');
    expect(fake.calls[0]).toContain('--selector=app=web');
  });

  test.each([
    ['stop', 'Name at least one object, or choose objects with -l SELECTOR or --all.'],
    ['stop a --all', 'Use either names, or -l SELECTOR, or --all.'],
    ['stop a -A', 'Names need one namespace: use -n NAMESPACE instead of -A.'],
    ['stop -- -rf', '"-rf" is not the name of an object. "kubectl get vps" lists the names.'],
    ['stop a;reboot', '"a;reboot" is not the name of an object. "kubectl get vps" lists the names.'],
    ['stop $(id)', '"$(id)" is not the name of an object. "kubectl get vps" lists the names.'],
  ])('%s is refused before any call', async (command, message) => {
    const fake = fleet();
    expect(await vps(fake, command)).toEqual({ code: 2, stdout: '', stderr: `Error: ${message}\n` });
    expect(fake.calls).toEqual([]);
  });

  test('one wrong name among several changes nothing', async () => {
    const fake = fleet();
    const { code, stderr } = await vps(fake, 'stop a webb');
    expect([code, stderr]).toEqual([
      1,
      'Error: VirtualMachine "webb" not found. "kubectl get vps -A" lists all objects.\n',
    ]);
    expect(fake.writes()).toEqual([]);
  });
});

describe('warnings', () => {
  test.each([
    ['stop', 'argocd-controller', { 'f:spec': { 'f:powerState': {} } }, 'Argo CD manages spec.powerState'],
    ['stop', 'kustomize-controller', { 'f:spec': { 'f:powerState': {} } }, 'Flux manages spec.powerState'],
    [
      'pause',
      'argocd-controller',
      { 'f:metadata': { 'f:annotations': { 'f:vps247.com/paused': {} } } },
      'Argo CD manages the annotation vps247.com/paused',
    ],
  ])('%s: %s reverts a field that it manages', async (verb, manager, field, words) => {
    const { stderr } = await vps(new FakeKubectl(vm('web', managedBy(manager, field))), `${verb} web`);
    expect(stderr).toBe(
      `Warning: ${words} of default/web and reverts this change at its next sync. Change it in Git.\n`,
    );
  });

  test.each([
    ['argocd-controller', { 'f:spec': { 'f:region': {} } }],
    ['kubectl-client-side-apply', { 'f:spec': { 'f:powerState': {} } }],
  ])('%s with %j reverts nothing', async (manager, field) => {
    expect((await vps(new FakeKubectl(vm('web', managedBy(manager, field))), 'stop web')).stderr).toBe('');
  });

  test.each([
    [
      { metadata: { annotations: { 'vps247.com/paused': 'true' } } },
      'Note: web is paused. The operator acts after: kubectl vps resume web -n default\n',
    ],
    [
      { spec: { managementPolicy: 'Plan' as const } },
      'Note: web has managementPolicy Plan. The operator acts after: kubectl vps plan web -n default --approve\n',
    ],
    [
      { spec: { managementPolicy: 'Observe' as const } },
      "Note: web has managementPolicy Observe, so the operator doesn't change its VM.\n",
    ],
  ])('%j keeps the operator from acting', async (more, stderr) => {
    expect((await vps(new FakeKubectl(vm('web', more)), 'stop web')).stderr).toBe(stderr);
  });

  test('a field that an older CRD drops is an error', async () => {
    const fake = new FakeKubectl(vm('web'));
    fake.admit = ({ spec }) => void delete spec['restartRequest'];
    expect(await vps(fake, 'restart web')).toEqual({
      code: 1,
      stdout: '',
      stderr:
        "Error: The API server didn't store spec.restartRequest of default/web: its CRD is older than this plugin, or an admission policy removed it.\n",
    });
  });
});

describe('keep-running', () => {
  const powerSchedule = { timeZone: 'UTC', halted: [{ from: '0 18 * * *', to: '0 6 * * *' }] };

  test.each([
    ['--for 4h', '2026-01-02T07:04:05Z'],
    ['--until 2026-01-02T18:00Z', '2026-01-02T18:00:00Z'],
    ['--until 2026-01-02T18:00:00+01:00', '2026-01-02T17:00:00Z'],
  ])('%s', async (options, until) => {
    const fake = new FakeKubectl(vm('web', { spec: { powerSchedule } }), vm('db'));
    expect((await vps(fake, `keep-running --all ${options}`)).stdout).toBe(
      `db: no spec.powerSchedule halts it\nweb: kept running until ${until}\n`,
    );
    expect(fake.objects[0]?.metadata['annotations']).toEqual({ 'vps247.com/keep-running-until': until });
    expect((await vps(fake, 'keep-running web --off')).stdout).toBe('web: follows its schedule again\n');
    expect((await vps(fake, 'keep-running web --off')).stdout).toBe('web: follows its schedule already\n');
    expect(fake.writes()).toHaveLength(2);
  });

  test.each([
    ['', 'Use one of --for DURATION, --until TIME and --off.'],
    ['--for 4h --off', 'Use one of --for DURATION, --until TIME and --off.'],
    ['--for 4', '"4" is not a duration. Examples: 90s, 10m, 1h30m.'],
    ['--for 0s', '"0s" is not a time to come. Example: 2026-01-02T18:00:00Z.'],
    ['--until tomorrow', '"tomorrow" is not a time to come. Example: 2026-01-02T18:00:00Z.'],
    ['--until 2026-02-31T18:00:00Z', '"2026-02-31T18:00:00Z" is not a time to come. Example: 2026-01-02T18:00:00Z.'],
    ['--until 2026-13-02T18:00Z', '"2026-13-02T18:00Z" is not a time to come. Example: 2026-01-02T18:00:00Z.'],
    ['--until 2025-01-02T18:00Z', '"2025-01-02T18:00Z" is not a time to come. Example: 2026-01-02T18:00:00Z.'],
  ])('%s is refused', async (options, message) => {
    const fake = new FakeKubectl(vm('web', { spec: { powerSchedule } }));
    expect(await vps(fake, `keep-running web ${options}`.trim())).toEqual({
      code: 2,
      stdout: '',
      stderr: `Error: ${message}\n`,
    });
    expect(fake.calls).toEqual([]);
  });

  test('a start during a window names it, and is not waited for', async () => {
    const status = {
      observedGeneration: 2,
      state: 'Halted' as const,
      haltedUntil: '2026-01-02T06:00:00Z',
      conditions: [condition('Ready', 'True', 'HaltedBySchedule', 'halted until 06:00')],
    };
    const fake = new FakeKubectl(vm('web', { spec: { powerState: 'Halted', powerSchedule }, status }));
    expect(await vps(fake, 'start web --wait')).toEqual({
      code: 3,
      stdout: 'web: spec.powerState set to Running\n',
      stderr:
        'Note: the schedule of web halts it until 2026-01-02T06:00:00Z. To run it now: kubectl vps keep-running web -n default --for 4h\nweb: not done, and needs your action: halted until 06:00\n',
    });
  });
});

describe('--wait', () => {
  const message = 'the operator sent VM 1001 the shutdown signal';

  test('shows the progress, and ends when the VM has the state', async () => {
    const fake = new FakeKubectl(vm('web'));
    const onSleep = (elapsed: number): void => {
      const conditions = [condition('Ready', 'False', 'Stopping', message)];
      const state = elapsed < 3_000 ? 'Halting' : 'Halted';
      Object.assign(fake.objects[0] ?? {}, { status: { observedGeneration: 2, state, conditions } });
    };
    expect(await vps(fake, 'stop web --wait', { onSleep })).toEqual({
      code: 0,
      stdout: 'web: spec.powerState set to Halted\nweb: Halted after 3s\n',
      stderr: `[web: Running, 0s: waiting for the operator]\n[web: Halting, 1s: ${message}]\n[web: Halting, 2s: ${message}]\n`,
    });
  });

  test('ends with 3 as soon as the object needs an action', async () => {
    const fake = new FakeKubectl(vm('web'));
    const onSleep = (): void => {
      const conditions = [
        condition('Ready', 'Unknown', 'CredentialsRejected', 'the provider does not accept the API key'),
        condition('Stalled', 'True', 'CredentialsRejected'),
      ];
      Object.assign(fake.objects[0] ?? {}, { status: { observedGeneration: 2, state: 'Running', conditions } });
    };
    expect(await vps(fake, 'stop web --wait', { onSleep })).toMatchObject({
      code: 3,
      stderr: expect.stringContaining(
        'web: not done, and needs your action: the provider does not accept the API key\n',
      ),
    });
  });

  test('ends with 3 after the timeout', async () => {
    const fake = new FakeKubectl(vm('web'));
    expect(await vps(fake, 'stop web --wait --timeout 1m30s')).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/\nNot done after 90s: web\.\n$/),
    });
  });

  test('a status of the spec before the change proves nothing', async () => {
    const fake = new FakeKubectl(vm('web', { spec: { powerState: 'Halted' } }));
    expect(await vps(fake, 'start web --wait --timeout 2s')).toMatchObject({ code: 3 });
  });

  test.each(['5', 'soon', '-1s', '1d'])('a timeout of %s is refused', async (timeout) => {
    const fake = new FakeKubectl(vm('web', { spec: { powerState: 'Halted' } }));
    expect(await vps(fake, `start web --wait --timeout ${timeout}`)).toMatchObject({ code: 2 });
    expect(fake.writes()).toEqual([]);
  });
});
