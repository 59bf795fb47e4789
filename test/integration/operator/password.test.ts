import { execFile, spawn } from 'node:child_process';
import { delimiter, dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import { sharedCluster } from '../../support/shared-cluster.ts';
import { conditionOf, userAt } from './user.ts';
import { type OperatorFixture, useFixtures } from './fixture.ts';

const stageFor = useFixtures('password');
// Several times as long as it takes, for machines with other things to do.
vi.setConfig({ testTimeout: 180_000 });

interface Secret {
  readonly metadata: {
    readonly resourceVersion: string;
    readonly ownerReferences?: readonly unknown[];
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly data: Readonly<Record<string, string>>;
}

async function secretOf({ cluster, namespace }: OperatorFixture, name: string): Promise<Secret | undefined> {
  const found = await cluster.read({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace } });
  // What a Secret is.
  return found as Secret | undefined;
}

const decode = (secret: Secret | undefined, key: string): string | undefined =>
  secret === undefined ? undefined : Buffer.from(secret.data[key] ?? '', 'base64').toString();
const reveal = (secret: Secret | undefined): string | undefined => decode(secret, 'password');

/** Creates an unrelated Secret of that name. */
function putForeign({ cluster, namespace }: OperatorFixture, name: string): Promise<void> {
  const metadata = { name, namespace };
  return cluster.apply({ apiVersion: 'v1', kind: 'Secret', metadata, stringData: { password: 'mine' } });
}

/** The first version of the object, by the API server's count, that a watch shows as Ready. */
function firstReady({ namespace }: OperatorFixture, name: string): Promise<number> {
  const { kubectl, kubeconfig } = sharedCluster();
  const columns = '{.metadata.resourceVersion} {.status.conditions[?(@.type=="Ready")].status}{"\\n"}';
  const args = [
    '--kubeconfig',
    kubeconfig,
    '-n',
    namespace,
    'get',
    'vps',
    name,
    '--watch',
    '-o',
    `jsonpath=${columns}`,
  ];
  const child = spawn(kubectl, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => reject(new Error('the watch ended before the object was Ready')));
    createInterface(child.stdout).on('line', (line) => {
      const [version = '', ready] = line.split(' ');
      if (ready !== 'True') return;
      resolve(Number(version));
      child.kill();
    });
  });
}

/** What a user does with the command in a message. */
async function paste(command: string): Promise<void> {
  const { kubectl, kubeconfig } = sharedCluster();
  const PATH = `${dirname(kubectl)}${delimiter}${process.env['PATH'] ?? ''}`;
  await promisify(execFile)('sh', ['-c', command], { env: { ...process.env, PATH, KUBECONFIG: kubeconfig } });
}

describe('the initial password', () => {
  it('is in a Secret before the VM is Ready, and is garbage-collected with the object', async () => {
    const fixture = await stageFor('written');
    const user = userAt(fixture);
    await fixture.create('web');
    const ready = firstReady(fixture, 'web');
    await fixture.operator();
    const object = await fixture.untilReady('web', 'True/Available');
    const secret = await secretOf(fixture, 'web-initial-password');
    expect(Number(secret?.metadata.resourceVersion)).toBeLessThan(await ready);
    expect(reveal(secret)).toBe(fixture.emulator.passwordOf(object.status?.id ?? 0));
    expect(decode(secret, 'host')).toBe(object.status?.addresses?.[0]?.address);
    expect(secret?.metadata).toMatchObject({
      annotations: { 'vps247.com/machine-id': String(object.status?.id) },
      ownerReferences: [{ kind: 'VirtualMachine', name: 'web', uid: object.metadata.uid, controller: true }],
    });
    expect(object.status?.initialPasswordSecret).toEqual({ name: 'web-initial-password' });

    await fixture.cluster.delete(fixture.namespace, 'web');
    await fixture.untilGone('web');
    await fixture.cluster.until(
      'the collector deletes the Secret',
      async () => (await secretOf(fixture, 'web-initial-password')) === undefined,
    );
    expect(await user.events('web')).toEqual(expect.not.arrayContaining([expect.stringMatching(/^Warning/)]));
  });

  it('is that of the new VM, without a Warning, where an object is deleted and applied again at once', async () => {
    const fixture = await stageFor('again');
    await fixture.operator();
    await fixture.create('web');
    const before = await fixture.untilReady('web', 'True/Available');
    await fixture.cluster.delete(fixture.namespace, 'web');
    await fixture.untilGone('web');
    await fixture.create('web');
    const after = await fixture.untilReady('web', 'True/Available');
    expect(after.metadata.uid).not.toBe(before.metadata.uid);
    expect(reveal(await secretOf(fixture, 'web-initial-password'))).toBe(
      fixture.emulator.passwordOf(after.status?.id ?? 0),
    );
    expect(conditionOf(after, 'Synced')).toBe('True/Available');
    expect(await userAt(fixture).events('web')).toEqual(
      expect.not.arrayContaining([expect.stringMatching(/^Warning/)]),
    );
  });

  it('is written as soon as the provider reports it, if need be without an address, and never when it is not requested', async () => {
    const fixture = await stageFor('late-or-never', { switches: { passwordLag: 1_500, addressLag: 600_000 } });
    await fixture.operator();
    await fixture.create('late', { initialPasswordSecret: { name: 'root-of-late' } });
    await fixture.create('never', { initialPasswordSecret: { policy: 'None' } });
    const { status } = await fixture.untilReady('late', 'True/Available');
    await fixture.untilReady('never', 'True/Available');
    await fixture.cluster.until('it is written', async () => (await secretOf(fixture, 'root-of-late')) !== undefined);
    const late = await secretOf(fixture, 'root-of-late');
    expect(reveal(late)).toBe(fixture.emulator.passwordOf(status?.id ?? 0));
    expect(Object.keys(late?.data ?? {})).toEqual(['password']);
    const secrets = await userAt(fixture).kubectl('get', 'secrets', '-o', 'name');
    expect(secrets).toBe('secret/root-of-late\nsecret/vps247-credentials\n');
  });

  it('is not written over an unrelated Secret, which is reported, and is written after that is removed', async () => {
    const fixture = await stageFor('unrelated');
    const user = userAt(fixture);
    await putForeign(fixture, 'web-initial-password');
    await fixture.operator();
    await fixture.create('web');
    const object = await fixture.untilReady('web', 'True/Available');
    expect(conditionOf(object, 'Synced')).toBe('False/InitialPasswordConflict');
    expect(object.status?.initialPasswordSecret).toBeUndefined();
    expect(await user.events('web')).toContain('Warning InitialPasswordConflict 1');
    await user.untilListed(2);
    expect(reveal(await secretOf(fixture, 'web-initial-password'))).toBe('mine');
    await user.kubectl('delete', 'secret', 'web-initial-password');
    // Not to wait the five minutes after which it would try again by itself.
    await user.annotate('web', { 'reconcile-requested-at': 'now' });
    await user.untilCondition('web', 'Synced', 'True/Available');
    expect(reveal(await secretOf(fixture, 'web-initial-password'))).toBe(
      fixture.emulator.passwordOf(object.status?.id ?? 0),
    );
  });

  it('is written once: a Secret that a user edits or deletes stays so, also for a new process', async () => {
    const fixture = await stageFor('once');
    const user = userAt(fixture);
    const first = await fixture.operator();
    await Promise.all([fixture.create('edited'), fixture.create('deleted')]);
    await fixture.untilReady('edited', 'True/Available');
    await fixture.untilReady('deleted', 'True/Available');
    const data = JSON.stringify({ stringData: { password: 'changed' } });
    await user.kubectl('patch', 'secret', 'edited-initial-password', '--type', 'merge', '-p', data);
    await user.kubectl('delete', 'secret', 'deleted-initial-password');
    await first.kill();
    await fixture.operator();
    for (const name of ['edited', 'deleted']) {
      await user.annotate(name, { 'reconcile-requested-at': 'now' });
      await user.until(name, 'answers', ({ status }) => status?.lastHandledReconcileAt === 'now');
    }
    await user.untilListed(2);
    expect(reveal(await secretOf(fixture, 'edited-initial-password'))).toBe('changed');
    expect(await secretOf(fixture, 'deleted-initial-password')).toBeUndefined();
  });

  it('is not in the Secret of a recreated VM, which is reported', async () => {
    const fixture = await stageFor('outdated');
    const user = userAt(fixture);
    await fixture.operator();
    await fixture.create('web');
    const { status } = await fixture.untilReady('web', 'True/Available');
    const before = reveal(await secretOf(fixture, 'web-initial-password'));
    fixture.emulator.panel.delete(status?.id ?? 0);
    await user.until('web', 'has a new machine', (object) => object.status?.id !== status?.id);
    await user.untilCondition('web', 'Synced', 'False/InitialPasswordConflict');
    expect(reveal(await secretOf(fixture, 'web-initial-password'))).toBe(before);
    const object = await user.until('web', 'is Ready', (one) => conditionOf(one, 'Ready') === 'True/Available');
    const messageOf = (type: string) => object.status?.conditions?.find((one) => one.type === type)?.message ?? '';
    expect(messageOf('Ready')).toContain('Secret "web-initial-password" holds the password of an earlier VM');
    const since = performance.now();
    await paste(/kubectl .*$/.exec(messageOf('Synced'))?.[0] ?? '');
    const after = await user.untilCondition('web', 'Synced', 'True/Available');
    // By itself it would be tried again within five minutes.
    expect(performance.now() - since).toBeLessThan(60_000);
    const password = fixture.emulator.passwordOf(after.status?.id ?? 0);
    expect(password).not.toBe(before);
    expect(reveal(await secretOf(fixture, 'web-initial-password'))).toBe(password);
  });
});
