import { describe, expect, it } from 'vitest';
import {
  isNameOwn,
  providerName,
  readIdentity,
  readIntent,
  writeIdentity,
  writeIntent,
} from '../../src/api/v1alpha1/identity.ts';
import { annotations } from '../../src/api/v1alpha1/names.ts';
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
    expect(expected.length).toBeLessThanOrEqual(63);
  });

  it("is the spec's when given, which proves nothing about who made the machine", () => {
    const object = objectWith({ spec: { providerName: 'shared' } });
    expect([providerName(object), isNameOwn(object)]).toEqual(['shared', false]);
  });
});

const read = (text: string) => readIdentity(objectWith({ annotations: { [annotations.machine]: text } }));

const known = { kind: 'Known', source: 'Annotation', id: 90, origin: 'Created', name: 'web-0a1b2c3d' };

describe('readIdentity', () => {
  it.each([
    { text: `{"id":90,"uid":"${uid}"}`, expected: known },
    { text: `{"id":90,"uid":"${uid}","owner":7}`, expected: { ...known, ownerId: 7 } },
    {
      text: `{"id":90,"uid":"${uid}","origin":"Adopted","name":"legacy"}`,
      expected: { ...known, origin: 'Adopted', name: 'legacy' },
    },
    { text: '{"id":90,"uid":"other"}', expected: { kind: 'Foreign', uid: 'other', id: 90 } },
    {
      text: '{"id":90,"uid":"other","owner":7,"name":"legacy"}',
      expected: { kind: 'Foreign', uid: 'other', id: 90, ownerId: 7, name: 'legacy' },
    },
    { text: `{"id":"90","uid":"${uid}"}`, expected: { kind: 'Malformed' } },
    { text: `{"id":0,"uid":"${uid}"}`, expected: { kind: 'Malformed' } },
    { text: `{"id":1e99,"uid":"${uid}"}`, expected: { kind: 'Malformed' } },
    { text: 'null', expected: { kind: 'Malformed' } },
    { text: '', expected: { kind: 'Malformed' } },
  ])('$text → $expected.kind', ({ text, expected }) => {
    expect(read(text)).toEqual(expected);
  });

  it.each([
    {
      because: 'an update without our annotations took it away',
      status: { id: 90, origin: 'Created', providerName: 'web-0a1b2c3d' },
      expected: { ...known, source: 'Status' },
    },
    {
      because: 'the status is of another object',
      status: { id: 90, origin: 'Created', providerName: 'web-99999999' },
      expected: { kind: 'None' },
    },
    {
      because: "an id that was only shown is nobody's",
      status: { id: 90, providerName: 'web-0a1b2c3d' },
      expected: { kind: 'None' },
    },
    {
      because: 'the name of an adopted machine proves nothing, and a second one is not made either',
      status: { id: 90, origin: 'Adopted', providerName: 'legacy' },
      expected: { kind: 'Unproven', id: 90 },
    },
  ] as const)('without the annotation, the status: $because', ({ status, expected }) => {
    expect(readIdentity(objectWith({ status }))).toEqual(expected);
  });

  it.each([
    {
      because: 'a create call of its own is under way: nothing else counts',
      recordedFor: uid,
      expected: { kind: 'None' },
    },
    {
      because: 'one that was announced for another object was restored with it',
      recordedFor: 'other',
      expected: { kind: 'Foreign', uid: 'other', name: 'web-0a1b2c3d' },
    },
  ])('with an announcement: $because', ({ recordedFor, expected }) => {
    const status = { id: 90, origin: 'Created', providerName: 'web-0a1b2c3d' } as const;
    expect(readIdentity(objectWith({ intent: true, recordedFor, status }))).toEqual(expected);
  });

  it('reads what was written', () => {
    const object = objectWith();
    for (const machine of [
      { id: 1, origin: 'Created', name: 'web-0a1b2c3d' },
      { id: 2, origin: 'Adopted', name: 'legacy', ownerId: 7 },
      { id: 3, origin: 'Adopted', name: 'web-0a1b2c3d' },
    ] as const) {
      expect(read(writeIdentity(object, machine))).toEqual({ kind: 'Known', source: 'Annotation', ...machine });
    }
  });
});

describe('readIntent', () => {
  it.each([
    { because: 'nothing was announced', text: undefined, expected: undefined },
    {
      because: 'announced for this object',
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
    expect(readIntent(text, uid)).toEqual(expected);
  });

  it('reads what was written', () => {
    const after = Date.UTC(2026, 0, 1);
    const text = writeIntent(objectWith().metadata, { at: after, name: 'web', after, ownerId: 7 });
    expect(readIntent(text, uid)).toEqual({ isOwn: true, uid, name: 'web', after, ownerId: 7 });
  });
});
