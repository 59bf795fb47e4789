import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readiness } from '../../hack/kit/cluster.ts';
import { keyMarker } from '../secrets/markers.ts';
import { ClusterUnderAttack, isOk, messageOf, type RunOptions, system, type Tenant } from './cluster-under-attack.ts';

/** Several times as long as it takes, for machines with other things to do. */
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

let site: ClusterUnderAttack;

beforeAll(async () => {
  site = await ClusterUnderAttack.open('tenant');
});
afterAll(() => site?.close());

describe('a new installation', () => {
  it('is ready and manages every tenant, whatever a tenant writes into the ownership annotations', async () => {
    const [a, b] = [await site.tenant('first-a', { owner: 1 }), await site.tenant('first-b', { owner: 2 })];
    await b.create('parked', {}, { 'vps247.com/paused': 'true', 'vps247.com/managed-by': 'nobody/at-all' });
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
      await site.admin.until('the operator is ready', () => isOk(`${health}/readyz`), 20_000);
      await a.untilReady('web', 'True/Available', 20_000);
      expect(await isOk(`${health}/readyz`)).toBe(true);
      // Another installation's object is left to it.
      expect(b.writes).toEqual([]);
    } finally {
      attack.abort();
      await loop;
    }
  });
});

describe('Secrets that are no API keys', () => {
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

  it('cannot be told apart by the message: missing, without the key, of another type, unreadable', async () => {
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
  const namespaces = ['own-a', 'own-b', 'own-c', 'own-limit', 'own-strip', 'own-abandon'] as const;
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

  it('cannot exceed the limit by abandoning VMs', async () => {
    const tenant = tenantOf('own-abandon');
    for (let round = 0; round < 3; round += 1) {
      const names = [`left-${2 * round}`, `left-${2 * round + 1}`];
      for (const name of names) await tenant.create(name);
      for (const name of names) await tenant.untilReported(name);
      await site.untilListed(owner, 2);
      for (const name of names) await tenant.annotate(name, { abandon: 'true' });
      for (const name of names) await tenant.delete(name);
      await site.untilListed(owner, 2);
    }
    expect(vmsNamed('left-').length).toBeLessThanOrEqual(2);
    expect(site.provider.created(owner).filter(({ name }) => name.startsWith('left-')).length).toBeLessThanOrEqual(2);
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
  beforeAll(() => site.run());

  it('with as many keys that are none do not open as many connections', async () => {
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
