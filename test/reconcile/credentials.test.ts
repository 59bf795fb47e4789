import { describe, expect, it, vi } from 'vitest';
import { annotations } from '../../src/api/v1alpha1/constants.ts';
import { KubeError } from '../../src/kubernetes/errors.ts';
import { type SharedCredentials, createCredentials, readApiKey } from '../../src/reconcile/credentials.ts';
import { type ObjectOptions, objectWith } from '../plan/fixtures.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { createManualClock } from '../support/clock.ts';
import { createWorld } from './world/world.ts';

const secretWith = (text: string) => ({ data: { 'api-key': Buffer.from(text).toString('base64') } });
const of = (type: string) => ({ ...secretWith('k1'), type });
const labeled = { ...secretWith('k1'), metadata: { labels: { 'vps247.com/credentials': 'true' } } };

describe('readApiKey', () => {
  it.each<{ because: string; secret: unknown; isLabelRequired?: boolean; found?: string }>([
    { because: 'a key', secret: secretWith('k1'), found: 'k1' },
    { because: 'the newline that echo adds', secret: secretWith('k1\n'), found: 'k1' },
    { because: 'of type Opaque', secret: of('Opaque'), found: 'k1' },
    { because: 'of a type that says what it is', secret: of('vps247.com/api-key'), found: 'k1' },
    { because: 'the token of a service account', secret: of('kubernetes.io/service-account-token') },
    { because: 'a certificate', secret: of('kubernetes.io/tls') },
    { because: 'of another program', secret: of('helm.sh/release.v1') },
    {
      because: 'an initial password that the operator wrote',
      secret: { ...secretWith('k1'), type: 'Opaque', metadata: { annotations: { 'vps247.com/machine-id': '90' } } },
    },
    { because: 'a label is required and there', secret: labeled, isLabelRequired: true, found: 'k1' },
    { because: 'a label is required and missing', secret: secretWith('k1'), isLabelRequired: true },
    { because: 'no such entry', secret: { data: {} } },
    { because: 'no data at all', secret: {} },
    { because: 'nothing', secret: null },
    { because: 'an empty entry', secret: secretWith(' \n') },
    { because: 'a header cannot carry it', secret: secretWith('a\r\nX-Evil: 1') },
    { because: 'not ASCII', secret: secretWith('schlüssel') },
    { because: 'the longest key', secret: secretWith(`${'k'.repeat(512)}\n`), found: 'k'.repeat(512) },
    { because: 'longer than any key', secret: secretWith('k'.repeat(513)) },
    { because: 'as long as a Secret can be', secret: secretWith('k'.repeat(700_000)) },
  ])('$because', ({ secret, isLabelRequired, found }) => {
    const reading = readApiKey(secret, 'api-key', isLabelRequired);
    expect(reading.kind === 'Found' ? reading.apiKey.reveal() : undefined).toBe(found);
  });
});

function setUp(shared?: SharedCredentials, isLabelRequired = false, watchedVersion?: () => string | undefined) {
  const warnings: unknown[] = [];
  const log = { ...silentLog, warn: (_: string, fields: unknown) => void warnings.push(fields) };
  const clock = createManualClock();
  const answers: (() => unknown)[] = [];
  const read: string[] = [];
  const client = {
    get: async (_: unknown, { namespace, name }: { readonly namespace: string; readonly name: string }) => {
      read.push(`${namespace}/${name}`);
      return (answers.shift() ?? (() => secretWith('k1')))();
    },
  };
  const credentials = createCredentials({
    client,
    clock,
    log,
    shared,
    isLabelRequired,
    ...(watchedVersion && { watchedVersion }),
  });
  return { clock, answers, warnings, credentials, reads: () => read.length, read };
}
const raise = (error: Error) => () => {
  throw error;
};

const objectReferringTo = (name: string) => objectWith({ spec: { credentialsSecretRef: { name, key: 'api-key' } } });

const notFound = new KubeError('get secrets default/x: 404', { reason: 'NotFound', status: 404 });
const forbidden = new KubeError('get secrets default/x: 403', { reason: 'Forbidden', status: 403 });
const unavailable = new KubeError('get secrets default/x: 503', { reason: 'Unavailable', status: 503 });

it('an hour of power changes reads a watched Secret once', async () => {
  const { apply, clock, cluster, fakeProvider, useKey } = await createWorld(
    {},
    { withoutBystanders: 'reads are counted' },
  );
  useKey('owner-1');
  const get = vi.spyOn(cluster, 'get');
  apply('web');
  for (let minute = 0; minute < 60; minute += 1) {
    await clock.advance(60_000);
    cluster.change('web', { spec: { powerState: minute % 2 === 0 ? 'Halted' : 'Running' } });
  }
  expect(fakeProvider.count('StopMachine')).toBe(30);
  expect(get.mock.calls.filter(([{ plural }]) => plural === 'secrets')).toHaveLength(1);
});

describe('credentials', () => {
  it('reads a Secret once for all objects that use it', async () => {
    const { credentials, reads } = setUp();
    await Promise.all([credentials.lookup(objectWith()), credentials.lookup(objectWith())]);
    await credentials.lookup(objectWith());
    expect(reads()).toBe(1);
  });

  it('reads it again after a change', async () => {
    const { credentials, reads } = setUp();
    await credentials.lookup(objectWith());
    credentials.invalidate('default/vps247-credentials');
    await credentials.lookup(objectWith());
    expect(reads()).toBe(2);
  });

  it.each([
    { watch: 'shows the version that was read', version: 'secret-uid/7', reads: 1 },
    { watch: 'shows another version', version: 'secret-uid/8', reads: 2 },
    { watch: 'does not show the Secret', version: undefined, reads: 2 },
  ])('that was read more than five minutes ago, and the watch $watch: $reads reads', async ({ version, reads }) => {
    const world = setUp(undefined, false, () => version);
    const secret = { ...secretWith('k1'), metadata: { uid: 'secret-uid', resourceVersion: '7' } };
    world.answers.push(
      () => secret,
      () => secret,
    );
    for (const wait of [0, 5 * 60_000 - 1, 1]) {
      await world.clock.advance(wait);
      await world.credentials.lookup(objectWith());
    }
    expect(world.reads()).toBe(reads);
  });

  it('does not keep the result of a read during which the Secret changed', async () => {
    const { credentials, answers } = setUp();
    answers.push(() => secretWith('old'));
    const early = credentials.lookup(objectWith());
    credentials.invalidate('default/vps247-credentials');
    const [, late] = await Promise.all([early, credentials.lookup(objectWith())]);
    expect(late.kind === 'Found' && late.apiKey.reveal()).toBe('k1');
    const kept = await credentials.lookup(objectWith());
    expect(kept.kind === 'Found' && kept.apiKey.reveal()).toBe('k1');
  });

  it('keeps the newer result of two reads, whichever ends last', async () => {
    const { credentials, answers, reads } = setUp();
    const slow = Promise.withResolvers<unknown>();
    answers.push(() => slow.promise);
    const early = credentials.lookup(objectWith());
    credentials.invalidate('default/vps247-credentials');
    await credentials.lookup(objectWith());
    slow.resolve(secretWith('old'));
    await early;
    const kept = await credentials.lookup(objectWith());
    expect([kept.kind === 'Found' && kept.apiKey.reveal(), reads()]).toEqual(['k1', 2]);
  });

  it('shares a read in flight, also when an older read of that Secret ends meanwhile', async () => {
    const { credentials, answers, reads } = setUp();
    const [older, newer] = [Promise.withResolvers<unknown>(), Promise.withResolvers<unknown>()];
    answers.push(
      () => older.promise,
      () => newer.promise,
    );
    const early = credentials.lookup(objectWith());
    credentials.invalidate('default/vps247-credentials');
    const late = credentials.lookup(objectWith());
    older.resolve(secretWith('old'));
    await early;
    const later = credentials.lookup(objectWith());
    newer.resolve(secretWith('new'));
    const found = await Promise.all([late, later]);
    expect(found.map((lookup) => lookup.kind === 'Found' && lookup.apiKey.reveal())).toEqual(['new', 'new']);
    expect(reads()).toBe(2);
  });

  it('keeps a read in flight when another Secret changes, also one whose name has the same prefix', async () => {
    const { credentials, reads } = setUp();
    const lookup = credentials.lookup(objectReferringTo('key-2'));
    for (const name of ['default/key', 'default/key-20', 'other/key-2']) credentials.invalidate(name);
    await lookup;
    await credentials.lookup(objectReferringTo('key-2'));
    expect(reads()).toBe(1);
  });

  it('retries a missing Secret every ten seconds, once for all objects that use it', async () => {
    const { clock, credentials, answers, reads } = setUp();
    answers.push(raise(notFound));
    expect((await credentials.lookup(objectWith())).kind).toBe('Missing');
    expect((await credentials.lookup(objectWith())).kind).toBe('Missing');
    expect(reads()).toBe(1);
    await clock.advance(10_000);
    expect((await credentials.lookup(objectWith())).kind).toBe('Found');
  });

  it('reports the same message for every problem, so that a tenant cannot find out which Secrets and entries exist', async () => {
    const said = new Set<string>();
    for (const answer of [
      raise(notFound),
      () => ({ data: {} }),
      () => secretWith(''),
      () => secretWith('not a key'),
      () => secretWith('k'.repeat(700_000)),
      () => of('kubernetes.io/service-account-token'),
    ]) {
      const { credentials, answers } = setUp();
      answers.push(answer);
      const lookup = await credentials.lookup(objectWith());
      said.add(lookup.kind === 'Missing' ? lookup.message : 'found');
    }
    expect([...said]).toEqual([
      'no usable API key under "api-key" in Secret "vps247-credentials"; create the Secret: ' +
        'kubectl -n default create secret generic vps247-credentials --from-literal=api-key=YOUR-KEY; ' +
        'if it exists, it must have type Opaque or vps247.com/api-key and a key of at most 512 printable ASCII characters',
    ]);
  });

  it('prints the command for a required label, which works for an existing Secret', async () => {
    const { credentials, answers } = setUp(undefined, true);
    answers.push(() => secretWith('k1'));
    expect(await credentials.lookup(objectWith())).toMatchObject({
      message:
        'no usable API key under "api-key" in Secret "vps247-credentials"; create the Secret: ' +
        'kubectl -n default create secret generic vps247-credentials --from-literal=api-key=YOUR-KEY; ' +
        'label it: kubectl -n default label secret vps247-credentials vps247.com/credentials=true --overwrite; ' +
        'if it exists, it must have type Opaque or vps247.com/api-key, the label and a key of at most 512 printable ASCII characters',
    });
  });

  it('distinguishes a missing Secret from an unusable one', async () => {
    const { clock, credentials, answers } = setUp();
    answers.push(raise(notFound), () => ({ data: {} }));
    expect(await credentials.lookup(objectWith())).toMatchObject({ isAbsent: true });
    await clock.advance(10_000);
    expect(await credentials.lookup(objectWith())).not.toHaveProperty('isAbsent');
  });

  it('reads a few Secrets at a time, round-robin by namespace', async () => {
    const clock = createManualClock();
    const asked: string[] = [];
    const answers: (() => void)[] = [];
    const get = (_: unknown, { namespace, name }: { readonly namespace: string; readonly name: string }) => {
      asked.push(`${namespace}/${name}`);
      return new Promise((resolve) => answers.push(() => resolve(secretWith('k1'))));
    };
    const credentials = createCredentials({ client: { get }, clock, log: silentLog });
    const lookups = Array.from({ length: 400 }, (_, index) => credentials.lookup(objectReferringTo(`s-${index}`)));
    const other = objectWith();
    lookups.push(credentials.lookup({ ...other, metadata: { ...other.metadata, namespace: 'b' } }));
    await clock.settle();
    expect(asked).toHaveLength(8);
    for (let turn = 0; turn < 2; turn += 1) {
      answers.shift()?.();
      await clock.settle();
    }
    expect(asked.slice(8)).toContain('b/vps247-credentials');
    while (answers.length > 0) {
      for (const answer of answers.splice(0)) answer();
      await clock.settle();
    }
    expect(await Promise.all(lookups)).toHaveLength(401);
  });

  it('does not report a missing Secret while the API server is unavailable', async () => {
    const { credentials, answers } = setUp();
    answers.push(raise(unavailable));
    await expect(credentials.lookup(objectWith())).rejects.toBe(unavailable);
    expect((await credentials.lookup(objectWith())).kind).toBe('Found');
  });
});

const own = () => secretWith('own');
const theirs = () => secretWith('theirs');
const none = raise(notFound);

describe("the operator's own key", () => {
  const shared: SharedCredentials = {
    secret: { namespace: 'ops', name: 'shared', key: undefined },
    namespaces: ['default'],
  };
  const begunWithIt = { id: 90, annotations: { [annotations.defaultCredentials]: 'true' } };

  it.each<{
    because: string;
    object?: ObjectOptions;
    shared?: SharedCredentials;
    answers: readonly (() => unknown)[];
    found?: [key: string, isDefault: boolean];
    says?: string;
  }>([
    { because: 'the own Secret comes first', answers: [own], found: ['own', false] },
    { because: 'the namespace has no own Secret', answers: [none, theirs], found: ['theirs', true] },
    {
      because: 'its key may have another name',
      shared: { ...shared, secret: { ...shared.secret, key: 'vps' } },
      answers: [none, () => ({ data: { vps: Buffer.from('theirs').toString('base64') } })],
      found: ['theirs', true],
    },
    {
      because: 'the own one is there but empty',
      answers: [() => ({ data: {} }), theirs],
      says: 'no usable API key under "api-key" in Secret "vps247-credentials"',
    },
    { because: 'the own one may not be read', answers: [raise(forbidden), theirs], says: 'may not read' },
    {
      because: 'the namespace may not use it',
      shared: { ...shared, namespaces: ['other'] },
      answers: [none, theirs],
      says: 'no usable API key under "api-key" in Secret "vps247-credentials"',
    },
    {
      because: 'the object asks for a Secret by name',
      object: { spec: { credentialsSecretRef: { name: 'mine', key: 'api-key' } } },
      answers: [none, theirs],
      says: 'no usable API key under "api-key" in Secret "mine"',
    },
    {
      because: 'the object chose the name of its VM',
      object: { spec: { providerName: 'theirs-1' } },
      answers: [none, theirs],
      says: "; the operator's default API key is not used for an object with spec.providerName",
    },
    {
      because: 'neither is there',
      answers: [none, none],
      says: "the operator's default API key can't be used",
    },
    {
      because: 'an object that began with it continues with it',
      object: begunWithIt,
      answers: [theirs],
      found: ['theirs', true],
    },
    {
      because: 'an object that began with it waits when it is gone',
      object: begunWithIt,
      answers: [none, own],
      says: "the operator's default API key can't be used",
    },
    {
      because: 'an object that began with it and now names another',
      object: { ...begunWithIt, spec: { credentialsSecretRef: { name: 'mine', key: 'api-key' } } },
      answers: [own],
      found: ['own', false],
    },
    {
      because: 'a machine is on record, made with a key that is gone',
      object: { id: 90 },
      answers: [none, theirs],
      says: 'no usable API key',
    },
    {
      because: 'a create intent was recorded with a key that no longer exists',
      object: { intent: true, finalizer: false },
      answers: [none, theirs],
      says: 'no usable API key',
    },
    {
      because: 'only the finalizer indicates a VM',
      object: { finalizer: true },
      answers: [none, theirs],
      says: 'no usable API key',
    },
    {
      because: 'only the status indicates a VM',
      object: { status: { id: 90 } },
      answers: [none, theirs],
      says: 'no usable API key',
    },
  ])('$because', async ({ object, answers, found, says, ...rest }) => {
    const scene = setUp(rest.shared ?? shared);
    scene.answers.push(...answers);
    const lookup = await scene.credentials.lookup(objectWith(object));
    if (lookup.kind === 'Found') expect([lookup.apiKey.reveal(), lookup.isDefault]).toEqual(found);
    else expect(lookup.message).toContain(says);
  });

  it('is reported once to the cluster administrator when it cannot be used', async () => {
    const { clock, credentials, answers, warnings } = setUp(shared);
    answers.push(none, none, none, none);
    await credentials.lookup(objectWith());
    await clock.advance(10_000);
    await credentials.lookup(objectWith());
    expect(warnings).toEqual([{ secretName: 'ops/shared', entry: 'api-key', reason: 'Absent' }]);
  });

  it("is not used while the namespace's own Secret cannot be read", async () => {
    const { credentials, answers } = setUp(shared);
    answers.push(raise(unavailable));
    await expect(credentials.lookup(objectWith())).rejects.toBe(unavailable);
  });

  it('is replaced at once by a Secret that is created before the object has begun', async () => {
    const { credentials, answers, read } = setUp(shared);
    answers.push(none, theirs, own);
    expect(await credentials.lookup(objectWith())).toMatchObject({ isDefault: true });
    expect(await credentials.lookup(objectWith())).toMatchObject({ isDefault: false });
    expect(read).toEqual(['default/vps247-credentials', 'ops/shared', 'default/vps247-credentials']);
  });

  it('is read once for all objects, and again after a change or a rejection', async () => {
    const { clock, credentials, read } = setUp(shared);
    const object = objectWith(begunWithIt);
    await credentials.lookup(object);
    await credentials.lookup(object);
    expect(read).toHaveLength(1);
    credentials.invalidate('ops/shared');
    await credentials.lookup(object);
    expect(read).toHaveLength(2);
    for (const [wait, reads] of [
      [9_999, 2],
      [1, 3],
    ] as const) {
      await clock.advance(wait);
      credentials.distrust(object);
      await credentials.lookup(object);
      expect(read).toHaveLength(reads);
    }
  });

  it('needs no label where Secrets of namespaces do', async () => {
    const { credentials, answers } = setUp(shared, true);
    answers.push(none, theirs);
    expect(await credentials.lookup(objectWith())).toMatchObject({ kind: 'Found', isDefault: true });
    answers.push(own);
    expect(await credentials.lookup(objectWith({ id: 90 }))).toMatchObject({ kind: 'Missing' });
  });

  it('returns the Secrets that an object depends on', () => {
    const { credentials } = setUp(shared);
    expect([objectWith(), objectWith({ id: 90 }), objectWith(begunWithIt)].map(credentials.secretsOf)).toEqual([
      ['default/vps247-credentials', 'ops/shared'],
      ['default/vps247-credentials'],
      ['ops/shared'],
    ]);
  });
});
