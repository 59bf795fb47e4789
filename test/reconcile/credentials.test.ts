import { describe, expect, it } from 'vitest';
import { KubeError } from '../../src/kube/errors.ts';
import { createCredentials, judge } from '../../src/reconcile/credentials.ts';
import { objectWith } from '../plan/fixtures.ts';
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

function setUp() {
  const clock = createManualClock();
  const answers: (() => unknown)[] = [];
  let reads = 0;
  const client = {
    get: async () => {
      reads += 1;
      return (answers.shift() ?? (() => secretWith('k1')))();
    },
  };
  return { clock, answers, credentials: createCredentials({ client, clock }), reads: () => reads };
}
const raise = (error: Error) => () => {
  throw error;
};

describe('credentials', () => {
  const notFound = new KubeError('get secrets default/x: 404', { reason: 'NotFound', status: 404 });
  const unavailable = new KubeError('get secrets default/x: 503', { reason: 'Unavailable', status: 503 });

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
