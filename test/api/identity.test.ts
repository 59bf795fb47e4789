import { describe, expect, it } from 'vitest';
import {
  compareHint,
  isNameOwn,
  nameHead,
  providerName,
  readIdentity,
  readIntent,
  writeHint,
  writeIntent,
} from '../../src/api/v1alpha1/identity.ts';
import { annotations } from '../../src/api/v1alpha1/constants.ts';
import { objectWith, uid } from '../plan/fixtures.ts';

const named = (name: string) => {
  const object = objectWith();
  return { ...object, metadata: { ...object.metadata, name } };
};

describe('providerName', () => {
  it.each([
    { name: 'web', expected: 'web-0a1b2c3d' },
    { name: 'a'.repeat(80), expected: `${'a'.repeat(54)}-0a1b2c3d` },
    { name: `${'a'.repeat(53)}.${'b'.repeat(10)}`, expected: `${'a'.repeat(53)}-0a1b2c3d` },
  ])('$name → $expected', ({ name, expected }) => {
    expect(providerName(named(name))).toBe(expected);
    // Orphan candidates are VMs whose name begins so.
    expect(`${nameHead(named(name))}-0a1b2c3d`).toBe(expected);
    expect(expected.length).toBeLessThanOrEqual(63);
  });

  it('is the one in the spec, which proves nothing about the creator of the VM', () => {
    const object = objectWith({ spec: { providerName: 'shared' } });
    expect([providerName(object), isNameOwn(object)]).toEqual(['shared', false]);
  });
});

const recordOf = (id: number, uidOfRecord = uid) =>
  ({ id, origin: 'Created', providerName: 'web-0a1b2c3d', internal: { objectUID: uidOfRecord } }) as const;
const known = { kind: 'Known', id: 90, origin: 'Created', name: 'web-0a1b2c3d' };

const machineOf = (ownerId: number | undefined) =>
  ({ id: 1, origin: 'Created', name: 'web-0a1b2c3d', ...(ownerId === undefined ? {} : { ownerId }) }) as const;

describe('readIdentity', () => {
  it.each([
    { because: 'the operator alone writes the status', status: recordOf(90), expected: known },
    {
      because: 'it says how the VM came to the object, its name and its account',
      status: { id: 90, origin: 'Adopted', providerName: 'legacy', ownerId: 7, internal: { objectUID: uid } },
      expected: { kind: 'Known', id: 90, origin: 'Adopted', name: 'legacy', ownerId: 7 },
    },
    {
      because: 'a restore brought the status of another object',
      status: { ...recordOf(90, 'other'), ownerId: 7 },
      expected: { kind: 'OtherObject', isRecord: true, uid: 'other', id: 90, name: 'web-0a1b2c3d', ownerId: 7 },
    },
    {
      because: 'an id that was only shown does not count as a record',
      status: { id: 90, providerName: 'web-0a1b2c3d' },
      expected: { kind: 'None' },
    },
  ] as const)('by the status: $because', ({ status, expected }) => {
    expect(readIdentity(objectWith({ status }))).toEqual(expected);
  });

  it.each([
    { text: `{"id":1001,"uid":"${uid}","name":"legacy"}` },
    { text: `{"id":1001,"uid":"other"}` },
    { text: 'nonsense' },
  ])('for any annotation, if the status has a record: $text', ({ text }) => {
    const object = objectWith({ status: recordOf(90), annotations: { [annotations.machine]: text } });
    expect([readIdentity(object), compareHint(object, { ...known, origin: 'Created' })]).toEqual([
      known,
      'Contradicting',
    ]);
  });

  it.each([
    { text: `{"id":90,"uid":"${uid}"}`, expected: { kind: 'Unproven', id: 90 } },
    { text: `{"id":90,"uid":"${uid}","origin":"Created","name":"legacy"}`, expected: { kind: 'Unproven', id: 90 } },
    { text: '{"id":90,"uid":"other"}', expected: { kind: 'OtherObject', uid: 'other', id: 90 } },
    {
      text: '{"id":90,"uid":"other","owner":7,"name":"legacy"}',
      expected: { kind: 'OtherObject', uid: 'other', id: 90, ownerId: 7, name: 'legacy' },
    },
    { text: `{"id":"90","uid":"${uid}"}`, expected: { kind: 'Unproven' } },
    { text: `{"id":0,"uid":"${uid}"}`, expected: { kind: 'Unproven' } },
    { text: `{"id":1e99,"uid":"${uid}"}`, expected: { kind: 'Unproven' } },
    { text: 'null', expected: { kind: 'Unproven' } },
    { text: '', expected: { kind: 'Unproven' } },
  ])('by the annotation alone: $text → $expected.kind', ({ text, expected }) => {
    expect(readIdentity(objectWith({ annotations: { [annotations.machine]: text } }))).toEqual(expected);
  });

  it.each([
    { because: 'its own: the VM is looked for by name', recordedFor: uid, expected: { kind: 'None' } },
    {
      because: 'one of another object was restored with it',
      recordedFor: 'other',
      expected: { kind: 'OtherObject', uid: 'other', name: 'web-0a1b2c3d' },
    },
  ])('by a create intent: $because', ({ recordedFor, expected }) => {
    expect(readIdentity(objectWith({ intent: true, recordedFor }))).toEqual(expected);
  });

  it('is the record while a create intent is still stored', () => {
    expect(readIdentity(objectWith({ id: 90, intent: true }))).toEqual(known);
  });

  it('writes a hint that equals the record', () => {
    const object = objectWith();
    for (const machine of [
      { id: 1, origin: 'Created', name: 'web-0a1b2c3d' },
      { id: 2, origin: 'Adopted', name: 'legacy', ownerId: 7 },
    ] as const) {
      const annotated = objectWith({ annotations: { [annotations.machine]: writeHint(object, machine) } });
      expect([compareHint(annotated, machine), compareHint(object, machine)]).toEqual(['Equal', 'Missing']);
      expect(compareHint(annotated, { ...machine, id: 3 })).toBe('Contradicting');
    }
  });

  it.each([
    { hinted: undefined, recorded: 7, expected: 'Equal' },
    { hinted: 7, recorded: undefined, expected: 'Equal' },
    { hinted: 7, recorded: 8, expected: 'Contradicting' },
  ])('compares owners only where both have one: $hinted, $recorded → $expected', ({ hinted, recorded, expected }) => {
    const hint = writeHint(objectWith(), machineOf(hinted));
    const annotated = objectWith({ annotations: { [annotations.machine]: hint } });
    expect(compareHint(annotated, machineOf(recorded))).toBe(expected);
  });
});

const hash = (text: string): string => `hash of ${text}`;

describe('readIntent', () => {
  it.each([
    { because: 'no intent was written', text: undefined, expected: undefined },
    {
      because: 'an intent for this object',
      text: `{"name":"web","uid":"${uid}"}`,
      expected: { isOwn: true, name: 'web', uid },
    },
    {
      because: 'copied from another object',
      text: '{"name":"web","uid":"other"}',
      expected: { isOwn: false, name: 'web', uid: 'other' },
    },
    { because: 'edited into nonsense: still, something may be there', text: 'nonsense', expected: { isOwn: false } },
  ])('$because', ({ text, expected }) => {
    const intent = readIntent(text, uid);
    expect(intent).toEqual(expected && { ...expected, signed: expect.any(String) });
  });

  const after = Date.UTC(2026, 0, 1);
  const options = { ipv6: true, privateNetworking: false, sshKeyIds: [7] };
  const written = writeIntent(
    objectWith().metadata,
    { at: after, name: 'web', after, ownerId: 7, replaces: 3, tries: 4, options },
    hash,
  );

  it('reads what was written', () => {
    const { signed, proof, ...intent } = readIntent(written, uid) ?? {};
    expect(intent).toEqual({
      isOwn: true,
      uid,
      name: 'web',
      at: after,
      after,
      ownerId: 7,
      replaces: 3,
      tries: 4,
      options,
    });
    expect(proof).toBe(hash(signed ?? ''));
  });

  it('keeps at most 32 VMs without a name', () => {
    const nameless = Array.from({ length: 33 }, (_, index) => index + 1);
    const text = writeIntent(objectWith().metadata, { at: after, name: 'web', nameless }, hash);
    expect(JSON.parse(text)).toMatchObject({ nameless: nameless.slice(0, 32) });
    const more = JSON.stringify({ ...JSON.parse(text), nameless });
    expect(readIntent(more, uid)?.nameless).toEqual(nameless.slice(0, 32));
  });

  it.each([
    { options: 'edited' },
    { options: null },
    { options: { ...options, ipv6: 'yes' } },
    { options: { ...options, sshKeyIds: [0] } },
    { options: { ipv6: true, privateNetworking: true } },
  ])('reads no options of $options', (edited) => {
    expect(readIntent(JSON.stringify({ ...JSON.parse(written), ...edited }), uid)?.options).toBeUndefined();
  });

  it('writes only known values', () => {
    const text = writeIntent(objectWith().metadata, { at: after, name: 'web', nameless: [] }, () => 'proof');
    expect(JSON.parse(text)).toEqual({ at: '2026-01-01T00:00:00.000Z', name: 'web', uid, proof: 'proof' });
  });

  it.each(['at', 'name', 'uid', 'after', 'owner', 'replaces', 'tries', 'options'])(
    'is no longer proven when "%s" is edited',
    (field) => {
      const { signed, proof } = readIntent(JSON.stringify({ ...JSON.parse(written), [field]: 'edited' }), uid) ?? {};
      expect(proof).not.toBe(hash(signed ?? ''));
    },
  );
});
