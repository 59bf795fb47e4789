import { describe, expect, it } from 'vitest';
import { serveRedirectSink } from '../../../emulator/redirect-sink.ts';
import { keyMarker } from '../../secrets/markers.ts';
import { apiKey, rotatedKey, type Stage, useStages } from './fixture.ts';

const stageFor = useStages('bad-input');

const message = async (stage: Stage, name: string) =>
  (await stage.object(name))?.status?.conditions?.find(({ type }) => type === 'Ready')?.message;

describe('bad input', () => {
  it('no Secret: says which one and where, makes no call, and goes on once it is there', async () => {
    const stage = await stageFor('no-secret', { withSecret: false });
    await stage.operator();
    await stage.create('web');
    await stage.untilReady('web', 'Unknown/CredentialsMissing');
    expect(await message(stage, 'web')).toBe(
      'no usable API key under "api-key" in Secret "vps247-credentials"; create the Secret: ' +
        `kubectl -n ${stage.namespace} create secret generic vps247-credentials --from-literal=api-key=YOUR-KEY; ` +
        'if it exists, it must have type Opaque or vps247.com/api-key and a key of at most 512 printable ASCII characters',
    );
    expect(stage.emulator.ledger.calls).toEqual([]);
    await stage.cluster.putSecret(stage.namespace, apiKey);
    await stage.untilReady('web', 'True/Available');
  });

  it('an empty key: no call, and a way out', async () => {
    const stage = await stageFor('empty-key', { withSecret: false });
    await stage.cluster.putSecret(stage.namespace, '  \n');
    await stage.operator();
    await stage.create('web');
    await stage.untilReady('web', 'Unknown/CredentialsMissing');
    expect(await message(stage, 'web')).toContain('no usable API key under "api-key"');
    expect(stage.emulator.ledger.calls).toEqual([]);
    await stage.cluster.putSecret(stage.namespace, `${apiKey}\n`);
    await stage.untilReady('web', 'True/Available');
  });

  it('a rejected key: no write, said so, and a corrected Secret works at once', async () => {
    const stage = await stageFor('rejected-key', { withSecret: false });
    await stage.cluster.putSecret(stage.namespace, `${keyMarker}of-nobody`);
    await stage.operator();
    await stage.create('web');
    await stage.untilReady('web', 'Unknown/CredentialsRejected');
    expect(await message(stage, 'web')).toMatch(
      /^the provider does not accept the API key in Secret "vps247-credentials" under "api-key" \(.+ 401.*\); to replace it: kubectl/,
    );
    expect(stage.emulator.ledger.writes()).toEqual([]);
    await stage.cluster.putSecret(stage.namespace, apiKey);
    await stage.untilReady('web', 'True/Available');
  });

  it('an unknown package: names those there are, and makes no write', async () => {
    const stage = await stageFor('unknown-package');
    await stage.operator();
    await stage.create('typo', { package: { name: 'Budgett' } });
    await stage.untilReady('typo', 'False/UnknownCatalogName');
    expect(await message(stage, 'typo')).toMatch(/^package "Budgett" not found; valid: "Budget"/);
    expect(stage.emulator.ledger.writes()).toEqual([]);
    await stage.cluster.delete(stage.namespace, 'typo');
    await stage.untilGone('typo');
  });

  it('a name that a foreign machine has: no write to it, and the object is created once the name is free', async () => {
    const stage = await stageFor('name-taken');
    const foreign = stage.emulator.person.create({ ownerId: 1, name: 'taken' });
    await stage.operator();
    await stage.create('web', { providerName: 'taken' });
    await stage.untilReady('web', 'False/NameTaken');
    expect(await message(stage, 'web')).toContain(
      `to adopt it: kubectl -n ${stage.namespace} patch vps web --type merge -p`,
    );
    expect(stage.emulator.ledger.writes()).toEqual([]);
    stage.emulator.person.delete(foreign);
    await stage.untilReady('web', 'True/Available');
    expect(stage.emulator.ledger.callsByOperation()['CreateMachine']).toBe(1);
  });

  it('deleting an object whose name a foreign machine has leaves that machine alone', async () => {
    const stage = await stageFor('name-taken-delete');
    stage.emulator.person.create({ ownerId: 1, name: 'taken' });
    await stage.operator();
    await stage.create('web', { providerName: 'taken' });
    await stage.untilReady('web', 'False/NameTaken');
    await stage.cluster.delete(stage.namespace, 'web');
    await stage.untilGone('web');
    expect(stage.emulator.ledger.writes()).toEqual([]);
    expect(stage.emulator.ledger.liveMachines()).toHaveLength(1);
  });
});

describe('a provider that answers badly', () => {
  const list = { method: 'GET', path: '/virtual_machines' } as const;
  const bad = [
    { answer: 'garbage', action: { kind: 'garbage' }, reason: 'ProtocolError' },
    { answer: 'an HTML login page', action: { kind: 'html' }, reason: 'CredentialsRejected' },
    { answer: '3 MB of nothing', action: { kind: 'oversize', bytes: 3_000_000 }, reason: 'ProtocolError' },
    { answer: 'nothing at all', action: { kind: 'hang' }, reason: 'ProviderUnavailable' },
    { answer: 'a reset connection', action: { kind: 'reset' }, reason: 'ProviderUnavailable' },
    { answer: 'half a list', action: { kind: 'truncate' }, reason: 'ProviderUnavailable' },
    { answer: 'an empty object', action: { kind: 'status', status: 200, body: '{}' }, reason: 'ProtocolError' },
    { answer: 'status 500', action: { kind: 'status', status: 500, body: 'oops' }, reason: 'ProviderUnavailable' },
  ] as const;

  it.each(bad)('$answer is never read as "no machine", and passes', async ({ action, reason }) => {
    const stage = await stageFor(`answers-${reason}-${action.kind}`);
    await stage.operator();
    await stage.create('web');
    const before = await stage.untilReady('web', 'True/Available');
    stage.emulator.addFault({ ...list, when: 'instead', times: 'always', action });
    await stage.cluster.until('Synced tells why', async () => {
      const object = await stage.object('web');
      return object?.status?.conditions?.find(({ type }) => type === 'Synced')?.reason === reason;
    });
    // Deleting now would need to see the machine: nothing is done on a guess.
    await stage.cluster.delete(stage.namespace, 'web');
    const object = await stage.object('web');
    expect(object?.status?.id).toBe(before.status?.id);
    expect(object?.metadata.finalizers).toHaveLength(1);
    expect(stage.emulator.ledger.writes()).toHaveLength(1);
    stage.emulator.clearFaults();
    if (reason === 'CredentialsRejected') await stage.cluster.putSecret(stage.namespace, rotatedKey);
    await stage.untilGone('web');
    expect(stage.emulator.ledger.liveMachines()).toEqual([]);
  });

  it('a redirect is not followed, and the key goes nowhere else', async () => {
    const trap = await serveRedirectSink();
    try {
      const stage = await stageFor('redirect');
      stage.emulator.addFault({
        ...list,
        when: 'instead',
        times: 'always',
        action: { kind: 'redirect', to: trap.url },
      });
      await stage.operator();
      await stage.create('web', { providerName: 'explicit' });
      await stage.untilReady('web', 'Unknown/CredentialsRejected');
      expect(trap.requests).toEqual([]);
    } finally {
      await trap.close();
    }
  });
});
