import { describe, expect, it } from 'vitest';
import { annotations } from '../../src/api/v1alpha1/names.ts';
import { KubeError } from '../../src/kube/errors.ts';
import { type SharedCredentials, createCredentials, judge } from '../../src/reconcile/credentials.ts';
import { type ObjectOptions, objectWith } from '../plan/fixtures.ts';
import { createManualClock } from '../support/clock.ts';

const secretWith = (text: string) => ({ data: { 'api-key': Buffer.from(text).toString('base64') } });

describe('judge', () => {
  it.each([
    { because: 'a key', secret: secretWith('k1'), found: 'k1' },
    { because: 'the newline that echo adds', secret: secretWith('k1\n'), found: 'k1' },
    { because: 'no such entry', secret: { data: {} }, says: 'has no key "api-key"' },
    { because: 'no data at all', secret: {}, says: 'has no key "api-key"' },
    { because: 'an empty entry', secret: secretWith(' \n'), says: 'has an empty "api-key"' },
    { because: 'a header cannot carry it', secret: secretWith('a\r\nX-Evil: 1'), says: 'characters under "api-key"' },
    { because: 'not ASCII', secret: secretWith('schlüssel'), says: 'characters under "api-key"' },
  ])('$because', ({ secret, found, says }) => {
    const lookup = judge(secret, 'vps247-credentials', 'api-key');
    expect(lookup.kind === 'Found' ? lookup.apiKey.reveal() : lookup.message).toContain(found ?? says);
  });

  it('never quotes the value it refuses', () => {
    expect(JSON.stringify(judge(secretWith('se cret'), 's', 'api-key'))).not.toContain('se cret');
  });
});

function setUp(shared?: SharedCredentials) {
  const clock = createManualClock();
  const answers: (() => unknown)[] = [];
  const read: string[] = [];
  const client = {
    get: async (_: unknown, { namespace, name }: { readonly namespace: string; readonly name: string }) => {
      read.push(`${namespace}/${name}`);
      return (answers.shift() ?? (() => secretWith('k1')))();
    },
  };
  const credentials = createCredentials({ client, clock, shared });
  return { clock, answers, credentials, reads: () => read.length, read };
}
const raise = (error: Error) => () => {
  throw error;
};

const notFound = new KubeError('get secrets default/x: 404', { reason: 'NotFound', status: 404 });
const forbidden = new KubeError('get secrets default/x: 403', { reason: 'Forbidden', status: 403 });
const unavailable = new KubeError('get secrets default/x: 503', { reason: 'Unavailable', status: 503 });

describe('credentials', () => {
  it('reads a Secret once for all objects that use it', async () => {
    const { credentials, reads } = setUp();
    await Promise.all([credentials.lookup(objectWith()), credentials.lookup(objectWith())]);
    await credentials.lookup(objectWith());
    expect(reads()).toBe(1);
  });

  it('reads it anew when told that it changed', async () => {
    const { credentials, reads } = setUp();
    await credentials.lookup(objectWith());
    credentials.invalidate('default/vps247-credentials');
    await credentials.lookup(objectWith());
    expect(reads()).toBe(2);
  });

  it('does not keep what a read brought during which the Secret changed', async () => {
    const { credentials, answers } = setUp();
    answers.push(() => secretWith('old'));
    const early = credentials.lookup(objectWith());
    credentials.invalidate('default/vps247-credentials');
    const [, late] = await Promise.all([early, credentials.lookup(objectWith())]);
    expect(late.kind === 'Found' && late.apiKey.reveal()).toBe('k1');
    const kept = await credentials.lookup(objectWith());
    expect(kept.kind === 'Found' && kept.apiKey.reveal()).toBe('k1');
  });

  it('looks for a missing one every ten seconds, for all who miss it', async () => {
    const { clock, credentials, answers, reads } = setUp();
    answers.push(raise(notFound));
    expect((await credentials.lookup(objectWith())).kind).toBe('Missing');
    expect((await credentials.lookup(objectWith())).kind).toBe('Missing');
    expect(reads()).toBe(1);
    await clock.advance(10_000);
    expect((await credentials.lookup(objectWith())).kind).toBe('Found');
  });

  it('does not take an API server that is away for a missing Secret', async () => {
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
    { because: 'there is no own Secret', answers: [none, theirs], found: ['theirs', true] },
    {
      because: 'its key may have another name',
      shared: { ...shared, secret: { ...shared.secret, key: 'vps' } },
      answers: [none, () => ({ data: { vps: Buffer.from('theirs').toString('base64') } })],
      found: ['theirs', true],
    },
    { because: 'the own one is there but empty', answers: [() => ({ data: {} }), theirs], says: 'has no key' },
    { because: 'the own one may not be read', answers: [raise(forbidden), theirs], says: 'may not read' },
    {
      because: 'the namespace may not use it',
      shared: { ...shared, namespaces: ['other'] },
      answers: [none, theirs],
      says: 'does not exist in namespace "default"',
    },
    {
      because: 'the object asks for a Secret by name',
      object: { spec: { credentialsSecretRef: { name: 'mine', key: 'api-key' } } },
      answers: [none, theirs],
      says: 'Secret "mine" does not exist',
    },
    {
      because: 'neither is there',
      answers: [none, none],
      says: '; nor is there a key of the operator: Secret "shared"',
    },
    {
      because: 'an object that began with it goes on',
      object: begunWithIt,
      answers: [theirs],
      found: ['theirs', true],
    },
    {
      because: 'an object that began with it waits when it is gone',
      object: begunWithIt,
      answers: [none, own],
      says: 'Secret "shared" does not exist in namespace "ops"',
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
      says: 'does not exist',
    },
    {
      because: 'a create was announced with a key that is gone',
      object: { intent: true, finalizer: false },
      answers: [none, theirs],
      says: 'does not exist',
    },
    {
      because: 'only the finalizer tells of a machine',
      object: { finalizer: true },
      answers: [none, theirs],
      says: 'does not exist',
    },
    {
      because: 'only the status tells of a machine',
      object: { status: { id: 90 } },
      answers: [none, theirs],
      says: 'does not exist',
    },
  ])('$because', async ({ object, answers, found, says, ...rest }) => {
    const scene = setUp(rest.shared ?? shared);
    scene.answers.push(...answers);
    const lookup = await scene.credentials.lookup(objectWith(object));
    if (lookup.kind === 'Found') expect([lookup.apiKey.reveal(), lookup.isDefault]).toEqual(found);
    else expect(lookup.message).toContain(says);
  });

  it('is not used while the own Secret cannot be looked for', async () => {
    const { credentials, answers } = setUp(shared);
    answers.push(raise(unavailable));
    await expect(credentials.lookup(objectWith())).rejects.toBe(unavailable);
  });

  it('gives way to a Secret that is created before the object has begun, without delay', async () => {
    const { credentials, answers, read } = setUp(shared);
    answers.push(none, theirs, own);
    expect(await credentials.lookup(objectWith())).toMatchObject({ isDefault: true });
    expect(await credentials.lookup(objectWith())).toMatchObject({ isDefault: false });
    expect(read).toEqual(['default/vps247-credentials', 'ops/shared', 'default/vps247-credentials']);
  });

  it('is read once for all, and again when it changed or was refused', async () => {
    const { clock, credentials, read } = setUp(shared);
    const object = objectWith(begunWithIt);
    await credentials.lookup(object);
    await credentials.lookup(object);
    expect(read).toHaveLength(1);
    credentials.invalidate('ops/shared');
    await credentials.lookup(object);
    expect(read).toHaveLength(2);
    await clock.advance(10_000);
    credentials.distrust(object);
    await credentials.lookup(object);
    expect(read).toHaveLength(3);
  });

  it('tells which Secrets an object depends on', () => {
    const { credentials } = setUp(shared);
    expect([objectWith(), objectWith({ id: 90 }), objectWith(begunWithIt)].map(credentials.secretsOf)).toEqual([
      ['default/vps247-credentials', 'ops/shared'],
      ['default/vps247-credentials'],
      ['ops/shared'],
    ]);
  });
});
