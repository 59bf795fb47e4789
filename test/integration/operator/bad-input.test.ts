import { describe, expect, it } from 'vitest';
import { serveRedirectSink } from '../../../emulator/redirect-sink.ts';
import { keyMarker } from '../../secrets/markers.ts';
import { apiKey, rotatedKey, type OperatorFixture, useFixtures } from './fixture.ts';

const stageFor = useFixtures('bad-input');

const message = async (fixture: OperatorFixture, name: string) =>
  (await fixture.object(name))?.status?.conditions?.find(({ type }) => type === 'Ready')?.message;

describe('invalid input', () => {
  it('without a Secret: reports its name and place, sends no call, and resumes when it exists', async () => {
    const fixture = await stageFor('no-secret', { withSecret: false });
    await fixture.operator();
    await fixture.create('web');
    await fixture.untilReady('web', 'Unknown/CredentialsMissing');
    expect(await message(fixture, 'web')).toBe(
      'no usable API key under "api-key" in Secret "vps247-credentials"; create the Secret: ' +
        `kubectl -n ${fixture.namespace} create secret generic vps247-credentials --from-literal=api-key=YOUR-KEY; ` +
        'if it exists, it must have type Opaque or vps247.com/api-key and a key of at most 512 printable ASCII characters',
    );
    expect(fixture.emulator.ledger.calls).toEqual([]);
    await fixture.cluster.putSecret(fixture.namespace, apiKey);
    await fixture.untilReady('web', 'True/Available');
  });

  it('with an empty key: no call, and a remedy', async () => {
    const fixture = await stageFor('empty-key', { withSecret: false });
    await fixture.cluster.putSecret(fixture.namespace, '  \n');
    await fixture.operator();
    await fixture.create('web');
    await fixture.untilReady('web', 'Unknown/CredentialsMissing');
    expect(await message(fixture, 'web')).toContain('no usable API key under "api-key"');
    expect(fixture.emulator.ledger.calls).toEqual([]);
    await fixture.cluster.putSecret(fixture.namespace, `${apiKey}\n`);
    await fixture.untilReady('web', 'True/Available');
  });

  it('with a rejected key: no write, a report, and a corrected Secret works at once', async () => {
    const fixture = await stageFor('rejected-key', { withSecret: false });
    await fixture.cluster.putSecret(fixture.namespace, `${keyMarker}unknown-2f6d7190`);
    await fixture.operator();
    await fixture.create('web');
    await fixture.untilReady('web', 'Unknown/CredentialsRejected');
    expect(await message(fixture, 'web')).toMatch(
      /^the provider does not accept the API key in Secret "vps247-credentials" under "api-key" \(.+ 401.*\); to replace it: kubectl/,
    );
    expect(fixture.emulator.ledger.writes()).toEqual([]);
    await fixture.cluster.putSecret(fixture.namespace, apiKey);
    await fixture.untilReady('web', 'True/Available');
  });

  it('with an unknown package: reports the existing ones, and sends no write', async () => {
    const fixture = await stageFor('unknown-package');
    await fixture.operator();
    await fixture.create('typo', { package: { name: 'Budgett' } });
    await fixture.untilReady('typo', 'False/UnknownCatalogName');
    expect(await message(fixture, 'typo')).toMatch(/^package "Budgett" not found; valid: "Budget"/);
    expect(fixture.emulator.ledger.writes()).toEqual([]);
    await fixture.cluster.delete(fixture.namespace, 'typo');
    await fixture.untilGone('typo');
  });

  it('a name that an unmanaged VM has: no write to it, and the object is created after the name is free', async () => {
    const fixture = await stageFor('name-taken');
    const unmanaged = fixture.emulator.panel.create({ ownerId: 1, name: 'taken' });
    await fixture.operator();
    await fixture.create('web', { providerName: 'taken' });
    await fixture.untilReady('web', 'False/NameTaken');
    expect(await message(fixture, 'web')).toContain(
      `to adopt it: kubectl -n ${fixture.namespace} patch vps web --type merge -p`,
    );
    expect(fixture.emulator.ledger.writes()).toEqual([]);
    fixture.emulator.panel.delete(unmanaged);
    await fixture.untilReady('web', 'True/Available');
    expect(fixture.emulator.ledger.callsByOperation()['CreateMachine']).toBe(1);
  });

  it('deleting an object whose name an unmanaged VM has leaves that VM alone', async () => {
    const fixture = await stageFor('name-taken-delete');
    fixture.emulator.panel.create({ ownerId: 1, name: 'taken' });
    await fixture.operator();
    await fixture.create('web', { providerName: 'taken' });
    await fixture.untilReady('web', 'False/NameTaken');
    await fixture.cluster.delete(fixture.namespace, 'web');
    await fixture.untilGone('web');
    expect(fixture.emulator.ledger.writes()).toEqual([]);
    expect(fixture.emulator.ledger.liveMachines()).toHaveLength(1);
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

  it.each(bad)('$answer is never read as "no machine", and is recovered from', async ({ action, reason }) => {
    const fixture = await stageFor(`answers-${reason}-${action.kind}`);
    await fixture.operator();
    await fixture.create('web');
    const before = await fixture.untilReady('web', 'True/Available');
    fixture.emulator.addFault({ ...list, when: 'instead', times: 'always', action });
    await fixture.cluster.until('Synced reports why', async () => {
      const object = await fixture.object('web');
      return object?.status?.conditions?.find(({ type }) => type === 'Synced')?.reason === reason;
    });
    // Deleting now would need to see the machine: nothing is done on a guess.
    await fixture.cluster.delete(fixture.namespace, 'web');
    const object = await fixture.object('web');
    expect(object?.status?.id).toBe(before.status?.id);
    expect(object?.metadata.finalizers).toHaveLength(1);
    expect(fixture.emulator.ledger.writes()).toHaveLength(1);
    fixture.emulator.clearFaults();
    if (reason === 'CredentialsRejected') await fixture.cluster.putSecret(fixture.namespace, rotatedKey);
    await fixture.untilGone('web');
    expect(fixture.emulator.ledger.liveMachines()).toEqual([]);
  });

  it('a redirect is not followed, and the key is sent nowhere else', async () => {
    const trap = await serveRedirectSink();
    try {
      const fixture = await stageFor('redirect');
      fixture.emulator.addFault({
        ...list,
        when: 'instead',
        times: 'always',
        action: { kind: 'redirect', to: trap.url },
      });
      await fixture.operator();
      await fixture.create('web', { providerName: 'explicit' });
      await fixture.untilReady('web', 'Unknown/CredentialsRejected');
      expect(trap.requests).toEqual([]);
    } finally {
      await trap.close();
    }
  });
});
