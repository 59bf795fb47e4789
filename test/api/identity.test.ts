import { describe, expect, it } from 'vitest';
import { isNameOwn, providerName, readIdentity, readIntent } from '../../src/api/v1alpha1/identity.ts';
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

describe('readIdentity', () => {
  it.each([
    { text: `{"id":90,"uid":"${uid}"}`, expected: { kind: 'Known', id: 90 } },
    { text: '{"id":90,"uid":"other"}', expected: { kind: 'Foreign', uid: 'other' } },
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
      name: 'web-0a1b2c3d',
      expected: { kind: 'Known', id: 90 },
    },
    { because: 'the status is of another object', name: 'web-99999999', expected: { kind: 'None' } },
  ])('without the annotation, the status: $because', ({ name, expected }) => {
    expect(readIdentity(objectWith({ status: { id: 90, providerName: name } }))).toEqual(expected);
  });
});

describe('readIntent', () => {
  it.each([
    { because: 'nothing was announced', text: undefined, expected: undefined },
    { because: 'announced for this object', text: `{"name":"web","uid":"${uid}"}`, expected: { isOwn: true } },
    { because: 'copied from another object', text: '{"name":"web","uid":"other"}', expected: { isOwn: false } },
    { because: 'edited into nonsense: still, something may be there', text: 'nonsense', expected: { isOwn: false } },
  ])('$because', ({ text, expected }) => {
    expect(readIntent(text, uid)).toEqual(expected);
  });
});
