import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { readIdentity } from '../../../src/api/v1alpha1/identity.ts';
import { annotations } from '../../../src/api/v1alpha1/constants.ts';
import type { VirtualMachine } from '../../../src/api/v1alpha1/types.ts';
import { createEmulator, type Emulator } from '../../../emulator/emulator.ts';
import { serve } from '../../../emulator/server.ts';
import { fastLatencies } from '../../support/fast-settings.ts';
import type { OperatorProcess } from '../../support/operator-process.ts';
import { documented } from '../../support/documented.ts';
import { keyOf, Site } from './site.ts';
import { apiKey } from './fixture.ts';

const page = 'docs/disaster-recovery.md';
const out = path.join(import.meta.dirname, '../../../.out/operator/recovery');

/** The cluster that accidents happen to, and another one, which is rebuilt from it or shares its account. */
let home: Site;
let other: Site;
let emulator: Emulator;
let apiUrl: string;
let stopProvider: () => Promise<void>;
const running: OperatorProcess[] = [];

beforeAll(async () => {
  [home, other] = await Promise.all([
    Site.open(path.join(out, 'home'), { controllerManager: true }),
    Site.open(path.join(out, 'other')),
  ]);
}, 240_000);
afterAll(() => Promise.all([home.close(), other.close()]), 60_000);

async function begin(test: string): Promise<void> {
  emulator = createEmulator({ seed: 7, latencies: fastLatencies, accounts: [{ ownerId: 1, keys: [apiKey] }] });
  const provider = await serve(emulator, { port: 0 });
  apiUrl = provider.url;
  stopProvider = async () => {
    mkdirSync(out, { recursive: true });
    writeFileSync(path.join(out, `${test}.ledger.json`), JSON.stringify(emulator.ledger, null, 1));
    await provider.close();
  };
  for (const site of [home, other]) {
    for (const namespace of ['default', 'team-a']) {
      await site.cluster.createNamespace(namespace);
      await site.cluster.putSecret(namespace, apiKey);
    }
  }
}

afterEach(async (context) => {
  await stopAll();
  await stopProvider();
  await Promise.all([home.lose(), other.lose()]);
  if (context.task.result?.state === 'fail') return;
  // Whatever happened: no name was ever held twice, and nothing was asked for in a wrong state.
  expect(emulator.ledger.duplicates()).toEqual([]);
  expect(emulator.ledger.forbiddenTransitions()).toEqual([]);
});

async function startAt(site: Site): Promise<OperatorProcess> {
  const operator = await site.operator(apiUrl);
  running.push(operator);
  return operator;
}

async function stopAll(): Promise<void> {
  await Promise.all(
    running.splice(0).map(async (operator) => {
      await operator.keepMetrics();
      await operator.kill();
    }),
  );
}

/** A manifest as a user keeps it in Git. */
function manifest(name: string, namespace = 'default', more: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    apiVersion: 'vps247.com/v1alpha1',
    kind: 'VirtualMachine',
    metadata: { name, namespace },
    spec: {
      region: { name: 'Amsterdam 1' },
      package: { name: 'Budget' },
      osTemplate: { name: 'Debian 13 x64' },
      ...more,
    },
  });
}

const fleet = [manifest('web'), manifest('batch', 'default', { powerState: 'Halted' }), manifest('cache', 'team-a')];

const allShow = (readinessOfAll: string): string[] =>
  ['default/batch', 'default/web', 'team-a/cache'].map((key) => `${key} ${readinessOfAll}`);

/** Which machine each object holds, by its record; throws when two hold one. */
function held(objects: readonly VirtualMachine[]): Readonly<Record<string, number>> {
  const holders = objects.flatMap((one) => {
    const identity = readIdentity(one);
    return identity.kind === 'Known' ? [[keyOf(one), identity.id] as const] : [];
  });
  expect(new Set(holders.map(([, id]) => id)).size).toBe(holders.length);
  return Object.fromEntries(holders);
}

const calls = (): readonly string[] => emulator.ledger.writes().map(({ operation }) => operation);
const liveNames = (): readonly string[] =>
  emulator.ledger
    .liveMachines()
    .map(({ name }) => name)
    .toSorted();

const lists = (): number => emulator.ledger.callsByOperation().ListMachines ?? 0;

/** Long enough for any operator to act: two further lists, which every operator that has objects reads. */
async function twoLists(): Promise<void> {
  const before = lists();
  await home.cluster.until('two lists', async () => lists() >= before + 2);
}

/** A command of the page, with the number of objects that its user types. */
const confirmed = (name: string, count: number): string =>
  documented(page, name).replace(/\n$/, ` --confirm ${count}\n`);

/** The whole fleet, running at home, and who holds what. */
async function live(): Promise<Readonly<Record<string, number>>> {
  await startAt(home);
  await home.sh(home.write(fleet));
  return held(await home.until(...allShow('True/Available')));
}

// Several times as long as it takes, for machines with other things to do.
vi.setConfig({ testTimeout: 180_000 });

describe('a lost status', () => {
  it('is computed again without a call, wiped or edited, and no handled restart is repeated', async () => {
    await begin('status');
    const before = await live();
    await home.sh(`kubectl patch vps web --type merge -p '{"spec":{"restartRequest":"once"}}'`);
    await home.cluster.until('it was restarted', async () => {
      const { status } = await home.object('web');
      return status?.lastRestartRequest === 'once' && status.state === 'Running' && status.operation === undefined;
    });
    const [known, done] = [await home.object('web'), calls()];
    const secret = await home.sh('kubectl get secret web-initial-password -o yaml');

    await home.sh(`kubectl patch vps web --subresource=status --type merge -p '{"status":null}'`);
    await home.cluster.until('it is there again', async () => {
      const { status } = await home.object('web');
      return status?.id === known.status?.id && status?.lastRestartRequest === 'once';
    });
    const healed = await home.until(...allShow('True/Available'));
    const { conditions: _, ...rest } = healed.find(({ metadata }) => metadata.name === 'web')?.status ?? {};
    // The options that the VM was created with are recorded in the status only, once the create intent is gone.
    const { conditions: __, ipv6, privateNetworking, sshKeyIds, ...expected } = known.status ?? {};
    expect({ ipv6, privateNetworking, sshKeyIds }).toEqual({ ipv6: false, privateNetworking: false, sshKeyIds: [] });
    expect(rest).toEqual(expected);

    // An unmanaged VM, written where only the operator writes.
    const unmanaged = emulator.panel.create({ ownerId: 1, name: 'theirs' });
    const lie = JSON.stringify({
      status: { id: unmanaged, providerName: 'theirs', origin: 'Adopted', state: 'Halted' },
    });
    await home.sh(`kubectl patch vps web --subresource=status --type merge -p '${lie}'`);
    await home.cluster.until('it is corrected', async () => (await home.object('web')).status?.id === known.status?.id);
    expect(held(await home.until(...allShow('True/Available')))).toEqual(before);
    expect((await home.object('web')).status?.providerName).toBe(known.status?.providerName);
    expect(calls()).toEqual(done);
    expect(await home.sh('kubectl get secret web-initial-password -o yaml')).toBe(secret);
  });

  it('is ignored when it names a VM with another name, or without the UID: no call is sent for that', async () => {
    await begin('status-without-annotation');
    const unmanaged = emulator.panel.create({ ownerId: 1, name: 'theirs' });
    await startAt(home);
    await home.sh(home.write([manifest('web', 'default', { managementPolicy: 'Plan' })]));
    await home.until('default/web False/PlanOnly');
    await stopAll();
    const lie = JSON.stringify({
      status: { id: unmanaged, providerName: 'theirs', origin: 'Adopted', state: 'Running' },
    });
    await home.sh(`kubectl patch vps web --subresource=status --type merge -p '${lie}'
      kubectl patch vps web --type merge -p '{"spec":{"managementPolicy":"Manage","powerState":"Halted"}}'`);
    await startAt(home);
    await home.until('default/web True/Available');
    const { status: own } = await home.object('web');
    const name = `web-${(await home.object('web')).metadata.uid.slice(0, 8)}`;
    const bolder = JSON.stringify({ status: { id: unmanaged, providerName: name, origin: 'Created' } });
    await home.sh(`kubectl patch vps web --subresource=status --type merge -p '${bolder}'`);
    await home.cluster.until('it is corrected', async () => (await home.object('web')).status?.id === own?.id);
    await twoLists();
    await home.sh('kubectl delete vps web');
    expect(emulator.ledger.calls.filter(({ machineId }) => machineId === unmanaged)).toEqual([]);
    expect(liveNames()).toEqual(['theirs']);
  });
});

describe('an object that is lost and restored', () => {
  it('from an export: changes nothing until it is requested, then has its VM again', async () => {
    await begin('export');
    const { 'default/web': id } = await live();
    const done = calls();
    await home.sh(documented(page, 'back-up'));
    await home.sh(`${documented(page, 'orphan')}
      kubectl -n team-a patch vps cache --type merge -p '{"spec":{"deletionPolicy":"Retain"}}'; kubectl -n team-a delete vps cache`);
    await home.until('default/batch True/Available');
    expect(calls()).toEqual(done);

    // batch still exists, which `create` reports, and continues.
    await home.sh(documented(page, 'restore').replace('\n', ' || true'));
    await home.until(
      'default/batch True/Available',
      'default/web Unknown/IdentityFromOtherObject',
      'team-a/cache Unknown/IdentityFromOtherObject',
    );
    await twoLists();
    expect(calls()).toEqual(done);

    await home.sh(documented(page, 'adopt-one'));
    const objects = await home.until(
      'default/batch True/Available',
      'default/web True/Available',
      'team-a/cache Unknown/IdentityFromOtherObject',
    );
    expect(held(objects)['default/web']).toBe(id);
    expect(calls()).toEqual(done);

    // Adopted now: it is left alone by a delete, unless the manifest says otherwise.
    expect((await home.object('web')).status).toMatchObject({ origin: 'Adopted', id });
    await home.sh(`${documented(page, 'delete-again')}
      kubectl delete vps web
      kubectl -n team-a delete vps cache`);
    expect(calls().slice(done.length)).toEqual(['StopMachine', 'DeleteMachine']);
    expect(liveNames()).toEqual([expect.stringMatching(/^batch-/), expect.stringMatching(/^cache-/)]);
  });

  it('from an export that was applied, and is then replaced from Git: the record is in the status, and nothing is lost', async () => {
    await begin('export-applied');
    const { 'default/web': id } = await live();
    const done = calls();
    await home.sh(`kubectl get vps web -o yaml > export.yaml
      ${documented(page, 'orphan')}
      kubectl apply -f export.yaml`);
    const others = ['default/batch True/Available', 'team-a/cache True/Available'];
    await home.until(...others, 'default/web Unknown/IdentityFromOtherObject');
    await home.sh(documented(page, 'adopt-one'));
    await home.until(...others, 'default/web True/Available');

    await expect(home.sh('kubectl apply -f git.yaml')).rejects.toThrow('"web" is invalid: metadata.resourceVersion');
    await home.sh('kubectl replace -f git.yaml');
    await twoLists();
    expect(calls()).toEqual(done);
    expect(held(await home.until(...others, 'default/web True/Available'))['default/web']).toBe(id);
    expect(calls()).toEqual(done);
  });

  it('by its manifest, without annotations and finalizer: both are written again', async () => {
    await begin('replaced');
    const before = await live();
    const done = calls();
    await home.sh('kubectl replace -f git.yaml');
    await home.cluster.until('records and finalizers are there again', async () => {
      const objects = await home.objects();
      return objects.every(
        ({ metadata }) =>
          metadata.annotations?.[annotations.machine] !== undefined && metadata.finalizers?.length === 1,
      );
    });
    expect(held(await home.until(...allShow('True/Available')))).toEqual(before);
    expect(calls()).toEqual(done);
  });

  it('after a deletion by mistake: it is released at once, its VM stays, and is adopted again by its name', async () => {
    await begin('mistake');
    await startAt(home);
    // Guests that ignore the shutdown signal, so that the deletion takes the whole grace period.
    const deaf = { osTemplate: { name: 'Appliance (ignores ACPI)' } };
    const apply = home.write([manifest('web', 'default', deaf), manifest('cache', 'team-a', deaf)]);
    await home.sh(apply);
    const before = held(await home.until('default/web True/Available', 'team-a/cache True/Available'));
    await home.sh('kubectl delete vps --all -A --wait=false');
    await home.cluster.until('both were sent the signal', async () => calls().length === 4);
    await home.sh(confirmed('orphan-all', 2));
    await home.until();
    await home.sh(apply);
    await home.until('default/web False/OrphanCandidateFound', 'team-a/cache False/OrphanCandidateFound');
    await home.sh(confirmed('adopt-applied', 2));
    await home.cluster.until(
      'both are adopted again',
      async () => Object.keys(held(await home.objects())).length === 2,
    );
    expect(held(await home.objects())).toEqual(before);
    expect(calls()).toEqual(['CreateMachine', 'CreateMachine', 'StopMachine', 'StopMachine']);
  });

  it('after the deletion of its namespace with the key: it is released, and its VM stays', async () => {
    await begin('namespace');
    await home.cluster.createNamespace('gone');
    await home.cluster.putSecret('gone', apiKey);
    const operator = await startAt(home);
    await home.sh(home.write([manifest('web', 'gone', { osTemplate: { name: 'Appliance (ignores ACPI)' } })]));
    await home.until('gone/web True/Available');
    // With the operator away the Secret is certainly gone before anything was done to the machine.
    await operator.kill();
    await home.sh('kubectl delete namespace gone --wait=false');
    await home.cluster.until(
      'the key is gone',
      async () => (await home.sh('kubectl -n gone get secrets -o name')) === '',
    );
    await startAt(home);
    await home.until('gone/web Unknown/CredentialsMissing');
    const conditions = (await home.object('web', 'gone')).status?.conditions ?? [];
    expect(conditions.find(({ type }) => type === 'DeletionBlocked')?.status).toBe('True');
    await home.sh(confirmed('orphan-all', 1));
    await home.sh('kubectl wait --for=delete namespace/gone --timeout=60s');
    expect(calls()).toEqual(['CreateMachine']);
    expect(liveNames()).toHaveLength(1);
  });
});

describe('a lost cluster', () => {
  it('that is restored from a backup: nothing happens until one command adopts the whole fleet again', async () => {
    await begin('rebuilt');
    const before = await live();
    const done = calls();
    await home.sh(documented(page, 'back-up'));
    await stopAll();
    await home.lose();

    await other.sh(`cp ${path.join(home.folder, 'machines.yaml')} .
      ${documented(page, 'restore')}`);
    await startAt(other);
    await other.until(...allShow('Unknown/IdentityFromOtherObject'));
    await twoLists();
    expect(calls()).toEqual(done);
    await other.sh(confirmed('adopt-restored', 3));
    expect(held(await other.until(...allShow('True/Available')))).toEqual(before);

    // spec.adoption is not needed any more after the VM is recorded, and no manifest has it.
    await other.sh('kubectl patch vps web --type merge -p \'{"spec":{"adoption":null,"powerState":"Halted"}}\'');
    await other.cluster.until('web is halted', async () => (await other.object('web')).status?.state === 'Halted');
    expect(held(await other.until(...allShow('True/Available')))).toEqual(before);
    expect(calls().slice(done.length)).toEqual(['StopMachine']);
  });

  it('that is applied again from Git: no second VM is created, and one command adopts all of them again', async () => {
    await begin('applied again');
    await startAt(home);
    const apply = home.write([...fleet, manifest('db', 'default', { providerName: 'db-main' })]);
    await home.sh(apply);
    const before = held(await home.until(...allShow('True/Available'), 'default/db True/Available'));
    const done = calls();
    await stopAll();
    await home.lose();

    await home.sh(apply);
    await startAt(home);
    await home.until(...allShow('False/OrphanCandidateFound'), 'default/db False/NameTaken');
    await twoLists();
    expect(calls()).toEqual(done);
    const shown = await home.sh(`${documented(page, 'adopt-applied').trimEnd()} --dry-run`);
    expect(shown).toMatch(/^default +db +db-main +decide: NameTaken$/m);
    await expect(home.sh(confirmed('adopt-applied', 4))).rejects.toThrow('the answer would be 3');
    await twoLists();
    expect((await home.objects()).filter(({ spec }) => spec.adoption.policy !== 'Never')).toEqual([]);
    await home.sh(confirmed('adopt-applied', 3));
    await home.until(...allShow('True/Available'), 'default/db False/NameTaken');
    await home.sh(documented(page, 'adopt-one').replace(' web ', ' db '));
    const objects = await home.until(...allShow('True/Available'), 'default/db True/Available');
    expect(held(objects)).toEqual(before);
    expect(calls()).toEqual(done);
  });

  it('that is applied again, with one name in two namespaces: an ambiguous VM is left to the user', async () => {
    await begin('ambiguous');
    await startAt(home);
    const apply = home.write([manifest('web'), manifest('web', 'team-a'), manifest('cache', 'team-a')]);
    await home.sh(apply);
    const keys = ['default/web', 'team-a/web', 'team-a/cache'];
    const before = held(await home.until(...keys.map((key) => `${key} True/Available`)));
    const done = calls();
    await stopAll();
    await home.lose();

    await home.sh(apply);
    await startAt(home);
    await home.until(...keys.map((key) => `${key} False/OrphanCandidateFound`));
    const said = await home.sh(confirmed('adopt-applied', 1));
    expect(said).toMatch(/^default +web .* or .*decide: 2 VMs may be meant$/m);
    expect(said).toMatch(/^team-a +web .* or .*decide: 2 VMs may be meant$/m);
    await home.until(
      'default/web False/OrphanCandidateFound',
      'team-a/web False/OrphanCandidateFound',
      'team-a/cache True/Available',
    );

    // The user runs the command in the message of one object, with the right id.
    const message = (await home.object('web')).status?.conditions?.[0]?.message ?? '';
    const command = /to adopt it: (kubectl .*?'\{.*?\}')/.exec(message)?.[1] ?? '';
    await home.sh(command.replace(/"id":\d+/, `"id":${before['default/web']}`));
    // Not to wait the minute after which it would look again by itself.
    await home.sh('kubectl annotate vps --all -A vps247.com/reconcile-requested-at=now');
    await home.cluster.until('the other one has one left', async () => {
      const { status } = await home.object('web', 'team-a');
      return status?.orphanCandidates?.length === 1;
    });
    await home.sh(confirmed('adopt-applied', 1));
    expect(held(await home.until(...keys.map((key) => `${key} True/Available`)))).toEqual(before);
    expect(calls()).toEqual(done);
  });

  it('whose VMs are not wanted: one object gets a new VM, the old one is left', async () => {
    await begin('not-wanted');
    await live();
    const done = calls();
    await stopAll();
    await home.lose();
    await home.sh(home.write([manifest('web')]));
    await startAt(home);
    await home.until('default/web False/OrphanCandidateFound');
    await home.sh(documented(page, 'ignore-orphan-candidates'));
    await home.until('default/web True/Available');
    expect(calls().slice(done.length)).toEqual(['CreateMachine']);
    expect(liveNames()).toHaveLength(4);
  });

  it('stops the operator as documented', async () => {
    await begin('stop');
    await home.cluster.applyFiles(['deploy/manifests/install.yaml'], ({ kind }) => kind === 'Deployment');
    await home.sh(documented(page, 'stop'));
    expect(await home.sh('kubectl -n vps247-system get deployment vps247-operator -o jsonpath={.spec.replicas}')).toBe(
      '0',
    );
  });
});

describe('an object that exists twice', () => {
  it('in another cluster with the same key: the copies do nothing, and deleting them deletes nothing', async () => {
    await begin('second-cluster');
    const before = await live();
    const done = calls();
    const records = (await home.objects()).map(({ metadata }) => metadata.resourceVersion);
    await home.sh(documented(page, 'back-up'));
    await startAt(other);
    await other.sh(`cp ${path.join(home.folder, 'machines.yaml')} .
      ${documented(page, 'restore')}`);
    const copies = await other.until(...allShow('Unknown/IdentityFromOtherObject'));
    expect(held(copies)).toEqual({});
    await twoLists();
    await other.sh('kubectl delete vps --all -A');
    expect(calls()).toEqual(done);
    expect(held(await home.until(...allShow('True/Available')))).toEqual(before);
    expect((await home.objects()).map(({ metadata }) => metadata.resourceVersion)).toEqual(records);
  });

  it('under another name: the original keeps its VM, and the copy gets a separate one on request', async () => {
    await begin('copied');
    await startAt(home);
    await home.sh(home.write([manifest('web')]));
    const before = held(await home.until('default/web True/Available'));
    await home.sh(`kubectl get vps web -o yaml | sed 's/^  name: web$/  name: web-copy/' | kubectl create -f -`);
    await home.until('default/web True/Available', 'default/web-copy Unknown/IdentityFromOtherObject');
    await home.sh(documented(page, 'adopt-one').replace(' web ', ' web-copy ').replace('MustExist', 'IfExists'));
    await home.until('default/web True/Available', 'default/web-copy False/HeldByOtherObject');
    await twoLists();
    expect(calls()).toEqual(['CreateMachine']);

    await home.sh(documented(page, 'own-machine'));
    const objects = await home.until('default/web True/Available', 'default/web-copy True/Available');
    expect(held(objects)).toMatchObject(before);
    expect(Object.keys(held(objects))).toHaveLength(2);
    expect(calls()).toEqual(['CreateMachine', 'CreateMachine']);
    await home.sh('kubectl delete vps web-copy');
    expect(held(await home.until('default/web True/Available'))).toEqual(before);
    expect(liveNames()).toEqual([expect.stringMatching(/^web-[0-9a-f]{8}$/)]);
  });

  it('during a move: the old one is released, the new one adopts the VM', async () => {
    await begin('moved');
    await startAt(home);
    await home.sh(home.write([manifest('web')]));
    const before = held(await home.until('default/web True/Available'));
    await home.sh(`kubectl get vps web -o yaml | sed 's/^  namespace: default$/  namespace: team-a/' | kubectl create -f -
      ${documented(page, 'orphan')}
      ${documented(page, 'adopt-one').replace('kubectl', 'kubectl -n team-a')}`);
    const after = held(await home.until('team-a/web True/Available'));
    expect(after).toEqual({ 'team-a/web': before['default/web'] });
    expect(calls()).toEqual(['CreateMachine']);
  });
});
