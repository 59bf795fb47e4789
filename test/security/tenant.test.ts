import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readiness } from '../support/control-plane.ts';
import type { OperatorProcess } from '../support/operator-process.ts';
import { apiVersion, finalizer, kind } from '../../src/api/v1alpha1/constants.ts';
import { keyMarker } from '../secrets/markers.ts';
import {
  ClusterUnderAttack,
  isOk,
  messageOf,
  type RunOptions,
  spec,
  system,
  type Tenant,
} from './cluster-under-attack.ts';
import { addressOf } from './hostile-provider.ts';

/** Several times as long as it takes, for machines with other things to do. */
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

let site: ClusterUnderAttack;

beforeAll(async () => {
  site = await ClusterUnderAttack.open('tenant');
});
afterAll(() => site?.close());

/** The record that the operator keeps of a VM, written by a tenant instead. */
function record(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  return { machine: JSON.stringify(fields) };
}

/** A paused object that claims a VM by a forged record. */
async function claim(tenant: Tenant, name: string, fields: Readonly<Record<string, unknown>>): Promise<void> {
  const { metadata } = await tenant.create(name, {}, { 'vps247.com/paused': 'true' });
  await tenant.annotate(name, record({ uid: metadata.uid, ...fields }));
}

const adopt = (id: number) => ({ adoption: { policy: 'MustExist', id }, deletionPolicy: 'Delete' });

describe('a new installation', () => {
  it('is ready and manages every tenant, whatever a tenant writes into the ownership annotations', async () => {
    const [a, b] = [await site.tenant('first-a', { owner: 1 }), await site.tenant('first-b', { owner: 2 })];
    await b.create('parked', {}, { 'vps247.com/paused': 'true', 'vps247.com/managed-by': 'absent/installation' });
    const attack = new AbortController();
    const loop = (async () => {
      while (!attack.signal.aborted) {
        await b.annotate('parked', { 'managed-by-asked': null });
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    })();
    try {
      await a.create('web');
      const { addresses } = await site.run({ isAwaited: false });
      const { health } = await addresses;
      await site.admin.until('the operator is ready', () => isOk(`${health}/readyz`));
      await a.untilReady('web');
      expect(await isOk(`${health}/readyz`)).toBe(true);
      // Another installation's object is left to it.
      expect(b.writes).toEqual([]);
    } finally {
      attack.abort();
      await loop;
    }
  });
});

describe('tenants of two accounts', () => {
  beforeAll(() => site.run());

  it('a forged record reserves no VM of another account: adopted, chosen by name, to be adopted', async () => {
    const [a, b] = [await site.tenant('claims-a', { owner: 11 }), await site.tenant('claims-b', { owner: 12 })];
    // Older than what it claims.
    for (const name of ['early', 'late', 'next']) await b.create(name, {}, { 'vps247.com/paused': 'true' });
    const uidOf = async (name: string) => (await b.object(name))?.metadata.uid;
    const legacy = site.provider.plant(11, 'legacy');
    const spare = site.provider.plant(11, 'spare');
    await a.create('adopted', adopt(legacy));
    await a.create('chosen', { providerName: 'shop' });
    await a.untilReady('adopted');
    const shop = (await a.untilReady('chosen')).status?.id ?? 0;

    await b.annotate('early', record({ id: legacy, uid: await uidOf('early'), name: 'legacy' }));
    await b.annotate('late', record({ id: shop, uid: await uidOf('late'), name: 'shop' }));
    await b.annotate('next', record({ id: spare, uid: await uidOf('next'), name: 'spare' }));
    await site.untilListed(11);

    await a.create('spare', adopt(spare));
    await a.untilReady('spare');
    for (const name of ['adopted', 'chosen']) await a.change(name, { powerState: 'Halted' });
    for (const name of ['adopted', 'chosen'])
      await a.until(name, 'is halted', (object) => object.status?.state === 'Halted');
    for (const name of ['adopted', 'chosen', 'spare']) expect(readiness(await a.object(name))).toBe('True/Available');
    expect(b.writes).toEqual([]);
  });

  it('deleting an object whose VM another account claims deletes the VM', async () => {
    const [a, b] = [await site.tenant('delete-a', { owner: 13 }), await site.tenant('delete-b', { owner: 14 })];
    const legacy = site.provider.plant(13, 'legacy');
    await b.create('early', {}, { 'vps247.com/paused': 'true' });
    await a.create('adopted', adopt(legacy));
    await a.create('chosen', { providerName: 'shop' });
    await a.untilReady('adopted');
    const shop = (await a.untilReady('chosen')).status?.id ?? 0;
    await claim(b, 'one', { id: legacy, name: 'legacy' });
    await b.annotate('early', record({ id: shop, uid: (await b.object('early'))?.metadata.uid, name: 'shop' }));
    await site.untilListed(13);

    for (const name of ['adopted', 'chosen']) await a.delete(name);
    for (const name of ['adopted', 'chosen']) await a.untilGone(name);
    expect(a.vms).toEqual([]);
    expect(a.writes).toEqual(expect.arrayContaining([`Delete ${legacy}`, `Delete ${shop}`]));
  });

  it('an orphan that another account claims still holds a create', async () => {
    const [a, b] = [await site.tenant('orphan-a', { owner: 15 }), await site.tenant('orphan-b', { owner: 16 })];
    const orphan = site.provider.plant(15, 'web-deadbeef');
    await claim(b, 'thief', { id: orphan, name: 'web-deadbeef' });
    await b.create('other', { providerName: 'web-deadbeef' }, { 'vps247.com/paused': 'true' });
    await a.create('web');
    const held = await a.untilReported('web');
    expect(messageOf(held)).toContain(String(orphan));
    await site.untilListed(15);
    expect(a.writes).toEqual([]);
  });
});

describe('tenants of one account in two namespaces', () => {
  beforeAll(() => site.run());

  it.each([
    { what: 'adopted', more: (id: number) => adopt(id) },
    { what: 'created under a chosen name', more: () => ({ providerName: 'legacy' }) },
  ])('a forged record takes nothing from the object whose VM was $what', async ({ what, more }) => {
    const suffix = what.split(' ')[0];
    const owner = what === 'adopted' ? 21 : 22;
    const a = await site.tenant(`same-${suffix}-a`, { owner });
    const b = await site.tenant(`same-${suffix}-b`, { owner });
    const planted = what === 'adopted' ? site.provider.plant(owner, 'legacy') : 0;
    await b.create('early', { deletionPolicy: 'Delete' }, { 'vps247.com/paused': 'true' });
    await a.create('web', more(planted));
    const id = (await a.untilReady('web')).status?.id ?? 0;

    await b.create('refused', { adoption: { policy: 'MustExist', id }, deletionPolicy: 'Delete' });
    await b.untilReported('refused');
    for (const name of ['early', 'refused']) {
      const uid = (await b.object(name))?.metadata.uid;
      for (const origin of [undefined, 'Created', 'Adopted']) {
        await b.annotate(name, { paused: null, ...record({ id, uid, owner, origin, name: 'legacy' }) });
        await site.untilListed(owner, 2);
        const seen = await b.object(name);
        expect(readiness(seen)).not.toBe('True/Available');
        expect(seen?.status?.addresses ?? []).toEqual([]);
      }
    }
    // An intent, unlike a record, gives no id: it claims whatever VM has the name.
    const forged = await b.create('intent', { providerName: 'legacy' }, { 'vps247.com/paused': 'true' });
    const intent = { at: '2020-01-01T00:00:00Z', name: 'legacy', uid: forged.metadata.uid, owner };
    await b.annotate('intent', { 'create-pending': JSON.stringify(intent), paused: null });
    await site.untilListed(owner, 2);
    expect(readiness(await b.object('intent'))).not.toBe('True/Available');
    const { stdout: secrets } = await b.kubectl('get', 'secrets', '-o', 'name');
    expect(secrets).not.toContain('initial-password');
    expect(readiness(await a.object('web'))).toBe('True/Available');

    for (const name of ['early', 'refused', 'intent']) await b.delete(name);
    await site.untilListed(owner);
    expect(site.provider.vms(owner)).toContainEqual({ id, name: 'legacy', state: 'running' });
    expect(site.provider.writes(owner).filter((call) => !call.startsWith('Create'))).toEqual([]);
    expect(site.provider.created(owner).filter(({ name }) => name === 'legacy').length).toBeLessThanOrEqual(1);
  });
});

describe('Secrets without an API key', () => {
  const data = {
    password: 'hunter2hunter2hunter2',
    token: 'eyJhbGciOiJSUzI1NiJ9.not-an-api-key.signature',
  };

  it('of a type that Kubernetes uses for something else are sent nowhere', async () => {
    await site.run();
    const b = await site.tenant('types-b');
    const typed = {
      'kubernetes.io/basic-auth': { username: 'admin', password: data.password },
      'kubernetes.io/ssh-auth': { 'ssh-privatekey': data.password },
      'kubernetes.io/tls': { 'tls.crt': data.password, 'tls.key': data.password },
      'kubernetes.io/dockerconfigjson': { '.dockerconfigjson': `{"auths":{"r":{"auth":"${data.password}"}}}` },
      'bootstrap.kubernetes.io/token': { 'token-secret': data.password },
      'helm.sh/release.v1': { release: data.password },
    };
    for (const [type, values] of Object.entries(typed)) {
      const name = type.toLowerCase().replaceAll(/[^a-z0-9]/g, '-');
      await b.putSecret(name, values, type);
      for (const key of Object.keys(values)) {
        await b.create(`${name}-${key.replaceAll('.', '')}`.toLowerCase(), { credentialsSecretRef: { name, key } });
      }
    }
    const { code } = await site.kubectl(['create', '-f', '-'], {
      input: JSON.stringify({
        apiVersion: 'v1',
        kind: 'Secret',
        type: 'kubernetes.io/service-account-token',
        metadata: {
          name: 'tenant-token',
          namespace: b.namespace,
          annotations: { 'kubernetes.io/service-account.name': 'tenant' },
        },
        stringData: { token: data.token },
      }),
    });
    expect(code).toBe(0);
    await b.create('token', { credentialsSecretRef: { name: 'tenant-token', key: 'token' } });
    for (const { metadata } of await site.admin.list(b.namespace)) await b.untilReported(metadata.name);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const sent = site.provider.calls.map(({ apiKey }) => apiKey);
    expect(sent.filter((value) => Object.values(data).includes(value))).toEqual([]);
    expect(sent.filter((value) => value.includes(data.password))).toEqual([]);
  });

  it('are reported with the same message: missing, without the key, of another type, unreadable', async () => {
    await site.run();
    const b = await site.tenant('words-b', { hasSecrets: false });
    const key = 'the-key';
    const admin = async (name: string, values: Readonly<Record<string, string>>, type = 'Opaque') => {
      const { namespace } = b;
      const secret = { apiVersion: 'v1', kind: 'Secret', type, metadata: { name, namespace }, stringData: values };
      await site.admin.apply(secret);
    };
    await admin('without-key', { other: 'x' });
    await admin('other-type', { username: 'x', password: 'x', [key]: data.password }, 'kubernetes.io/basic-auth');
    await admin('empty', { [key]: '' });
    await admin('spaces', { [key]: 'a key with spaces' });
    await admin('long', { [key]: 'k'.repeat(100_000) });
    const messages = new Map<string, string>();
    for (const name of ['missing', 'without-key', 'other-type', 'empty', 'spaces', 'long']) {
      await b.create(name, { credentialsSecretRef: { name, key } });
      const object = await b.untilReported(name);
      messages.set(name, `${readiness(object)} ${messageOf(object)}`.replaceAll(name, 'NAME'));
    }
    expect([...new Set(messages.values())]).toEqual([expect.stringContaining('CredentialsMissing')]);
  });

  it('are not read as keys without the label where the administrator requires it', async () => {
    const [a, b] = [await site.tenant('label-a', { owner: 31 }), await site.tenant('label-b')];
    await site.admin.apply({
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'Opaque',
      metadata: { name: 'db-password', namespace: b.namespace },
      stringData: { password: data.password },
    });
    await site.run({ flags: ['--require-credentials-label'] });
    await b.create('db', { credentialsSecretRef: { name: 'db-password', key: 'password' } });
    await a.create('web');
    await a.untilReady('web');
    expect(readiness(await b.untilReported('db'))).toContain('CredentialsMissing');
    await site.untilListed(31);
    expect(site.provider.calls.filter(({ apiKey }) => apiKey === data.password)).toEqual([]);
  });
});

describe("tenants that use the operator's own key", () => {
  const owner = 41;
  const namespaces = ['own-a', 'own-b', 'own-c', 'own-limit', 'own-strip', 'own-forged'] as const;
  const settings: RunOptions = {
    settings: {
      'default-credentials-secret': `${system}/own-key`,
      'default-credentials-namespaces': namespaces.join(','),
      'max-machines-per-namespace': '2',
    },
  };
  const tenants = new Map<string, Tenant>();
  const tenantOf = (name: (typeof namespaces)[number]): Tenant => {
    const tenant = tenants.get(name);
    if (tenant === undefined) throw new Error(`no tenant ${name}`);
    return tenant;
  };
  /** VMs of the account that the objects of a test made: each test names its objects in its own way. */
  const vmsNamed = (start: string) => site.provider.vms(owner).filter(({ name }) => name.startsWith(start));

  beforeAll(async () => {
    const apiKey = `${keyMarker}own-7d793037a0760186574b0282f2f435e7`;
    site.provider.account(owner, apiKey);
    await site.admin.putSecret(system, apiKey, { name: 'own-key' });
    for (const name of namespaces) tenants.set(name, await site.tenant(name));
    await site.run(settings);
  });

  it('see nothing of a VM of another namespace, and cannot enumerate ids', async () => {
    const [a, b] = [tenantOf('own-a'), tenantOf('own-b')];
    await a.create('seen');
    const { status } = await a.untilReady('seen');
    const stranger = site.provider.plant(owner, 'stranger');
    const ids = { managed: status?.id ?? 0, unmanaged: stranger, missing: 987_654 };
    const messages = new Map<string, string>();
    for (const [which, id] of Object.entries(ids)) {
      for (const managementPolicy of ['Manage', 'Observe', 'Plan']) {
        const name = `walk-${which}-${managementPolicy.toLowerCase()}`;
        await b.create(name, { managementPolicy, adoption: { policy: 'MustExist', id } });
        await b.untilReported(name);
      }
    }
    await site.untilListed(owner);
    for (const [which, id] of Object.entries(ids)) {
      for (const managementPolicy of ['manage', 'observe', 'plan']) {
        const name = `walk-${which}-${managementPolicy}`;
        const object = await b.object(name);
        expect([name, object?.status?.addresses ?? [], object?.status?.hostname, object?.status?.region]).toEqual([
          name,
          [],
          undefined,
          undefined,
        ]);
        expect([name, object?.status?.state]).toEqual([name, undefined]);
        const description = await b.describe(name);
        for (const word of ['stranger', String(status?.providerName), `${a.namespace}/`])
          expect(description).not.toContain(word);
        const words = `${managementPolicy} ${readiness(object)} ${messageOf(object)}`;
        messages.set(name, words.replaceAll(String(id), 'ID').replaceAll(name, 'NAME'));
      }
    }
    // One message for each policy, whatever the id is.
    expect(new Set(messages.values()).size).toBe(3);
    expect(vmsNamed('stranger')).toHaveLength(1);
  });

  it('adopt no VM of another namespace by a forged record or intent', async () => {
    const [a, c] = [tenantOf('own-a'), tenantOf('own-c')];
    await a.create('kept');
    const { status } = await a.untilReady('kept');
    const [id, name] = [status?.id ?? 0, status?.providerName ?? ''];
    const { metadata } = await c.create('forged', {}, { 'vps247.com/paused': 'true' });
    const intent = JSON.stringify({ at: '2020-01-01T00:00:00Z', name, uid: metadata.uid, owner });
    const forged = [record({ id, uid: metadata.uid, owner, name, origin: 'Adopted' }), { 'create-pending': intent }];
    for (const annotations of forged) {
      await c.annotate('forged', { machine: null, paused: null, 'default-credentials': 'true', ...annotations });
      await site.untilListed(owner, 2);
      const object = await c.object('forged');
      expect(object?.status?.id).not.toBe(id);
      expect(await c.describe('forged')).not.toContain(addressOf(id));
    }
    await c.delete('forged');
    await c.untilGone('forged');
    expect(vmsNamed(name)).toEqual([{ id, name, state: 'running' }]);
    expect(readiness(await a.object('kept'))).toBe('True/Available');
    expect(vmsNamed('forged-')).toEqual([]);
  });

  it("are not delayed by another namespace's orphan, and do not see it", async () => {
    const orphan = site.provider.plant(owner, 'held-deadbeef');
    const c = tenantOf('own-c');
    await site.untilListed(owner, 2);
    await c.create('held');
    await c.untilReady('held');
    const description = await c.describe('held');
    expect(description).not.toContain('held-deadbeef');
    expect(description).not.toContain(String(orphan));
    expect(vmsNamed('held-')).toHaveLength(2);
  });

  it('cannot exceed the limit by retaining VMs', async () => {
    const tenant = tenantOf('own-limit');
    for (let round = 0; round < 3; round += 1) {
      const names = [`keep-${2 * round}`, `keep-${2 * round + 1}`];
      for (const name of names) await tenant.create(name, { deletionPolicy: 'Retain' });
      for (const name of names) await tenant.untilReported(name);
      await site.untilListed(owner, 2);
      for (const name of names) await tenant.delete(name);
      await site.untilListed(owner, 2);
    }
    expect(vmsNamed('keep-').length).toBeLessThanOrEqual(2);
    expect(site.provider.created(owner).filter(({ name }) => name.startsWith('keep-')).length).toBeLessThanOrEqual(2);
  });

  it('cannot exceed the limit by manifests that claim a VM in progress', async () => {
    const tenant = tenantOf('own-forged');
    const mark = { 'vps247.com/default-credentials': 'true' };
    const items = Array.from({ length: 6 }, (_, index) => {
      const metadata = { name: `forged-${index}`, namespace: tenant.namespace, annotations: mark };
      const forged =
        index % 2 === 0
          ? { ...metadata, finalizers: [finalizer] }
          : { ...metadata, annotations: { ...mark, 'vps247.com/create-pending': '{}' } };
      return { apiVersion, kind, metadata: forged, spec };
    });
    const manifest = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
    const { code, stderr } = await site.kubectl(['create', '-f', '-'], { as: tenant, input: manifest });
    expect([code, stderr]).toEqual([0, '']);
    for (const { metadata } of items) await tenant.untilReported(metadata.name);
    await site.untilListed(owner);
    expect(site.provider.created(owner).filter(({ name }) => name.startsWith('forged-')).length).toBeLessThanOrEqual(2);
    // It harms only its own namespace, and that not for good.
    for (const { metadata } of items) await tenant.delete(metadata.name);
    for (const { metadata } of items) await tenant.untilGone(metadata.name);
    await tenant.create('honest');
    await tenant.untilReady('honest', 'True/Available', 120_000);
  });

  it('cannot exceed the limit by pausing and removing the finalizer', async () => {
    const tenant = tenantOf('own-strip');
    const names = Array.from({ length: 5 }, (_, index) => `strip-${index}`);
    for (const name of names) {
      await tenant.create(name);
      await tenant.untilReported(name);
      await site.untilListed(owner, 2);
      await tenant.annotate(name, { paused: 'true' });
      await tenant.patch(name, { metadata: { finalizers: null } });
      await site.untilListed(owner, 2);
    }
    for (const name of names) await tenant.annotate(name, { paused: null });
    await site.untilListed(owner);
    expect(vmsNamed('strip-').length).toBeLessThanOrEqual(2);
  });
});

describe('many objects of one tenant', () => {
  let operator: OperatorProcess;
  beforeAll(async () => {
    operator = await site.run();
  });

  /** Reconciliations of the process until now. */
  async function reconciliations(): Promise<number> {
    const { metrics } = await operator.addresses;
    const page = await (await fetch(`${metrics}/metrics`)).text();
    const rows = page.matchAll(/^\w*reconcil\w*_total(?:\{[^}]*\})? (\d+)$/gm);
    return Array.from(rows, ([, count]) => Number(count)).reduce((sum, count) => sum + count, 0);
  }

  it('that contend for one name cost each a few reconciliations', async () => {
    const [a, b] = [await site.tenant('crowd-a', { owner: 51 }), await site.tenant('crowd-b', { owner: 52 })];
    const [before, start] = [await reconciliations(), Date.now()];
    // Each one that waits is also reconciled every 15 s, however long this takes.
    const periodic = (): number => (names.length * (Date.now() - start)) / 15_000;
    const names = Array.from({ length: 200 }, (_, index) => `crowd-${index}`);
    await Promise.all(names.map((name) => b.create(name, { providerName: 'one-name' })));
    await a.create('web');
    await a.untilReady('web');
    for (const name of names) await b.untilReported(name);
    const created = await reconciliations();
    expect(created - before).toBeLessThan(10 * names.length + periodic());
    // The first gives the name up, then the next, and so on.
    for (const name of names.slice(0, 20)) await b.delete(name);
    for (const name of names.slice(0, 20)) await b.untilGone(name);
    await site.untilListed(51);
    expect((await reconciliations()) - created).toBeLessThan(5 * names.length + periodic());
    expect(site.provider.vms(52).length).toBeLessThanOrEqual(1);
  });

  it('with as many invalid keys do not open as many connections', async () => {
    const [a, b] = [await site.tenant('keys-a', { owner: 53 }), await site.tenant('keys-b')];
    const stopLying = site.provider.lie(({ owner, truth }) => (owner === 0 ? { ...truth(), delay: 1_000 } : undefined));
    try {
      site.provider.mostAtOnce = 0;
      const names = Array.from({ length: 400 }, (_, index) => `keys-${index}`);
      await Promise.all(names.map((name) => b.putSecret(name, { 'api-key': `${keyMarker}nonsense-${name}` })));
      await Promise.all(names.map((name) => b.create(name, { credentialsSecretRef: { name } })));
      await a.create('web');
      await a.untilReady('web');
      await site.untilListed(53);
      expect(site.provider.mostAtOnce).toBeLessThanOrEqual(64);
    } finally {
      stopLying();
      await site.admin.deleteNamespace(b.namespace);
    }
  });
});
