import { describe, expect, it } from 'vitest';
import { SecretIndex } from '../../src/controller/event-handlers.ts';
import type { VirtualMachine } from '../../src/api/v1alpha1/types.ts';
import { objectWith } from '../plan/fixtures.ts';

/** An object whose key is looked for in these Secrets, in this order. */
function reading(...names: readonly string[]): VirtualMachine {
  return objectWith({ spec: { credentialsSecretRef: { name: names.join(), key: 'api-key' } } });
}

function createIndex() {
  const invalidated: string[] = [];
  const index = new SecretIndex({
    secretsOf: ({ spec }) => spec.credentialsSecretRef.name.split(','),
    invalidate: (secret) => void invalidated.push(secret),
  });
  return { index, invalidated };
}

describe('the objects that read a Secret', () => {
  it('are all that may take their API key from it', () => {
    const { index } = createIndex();
    index.change('a/1', undefined, reading('own', 'default'));
    index.change('a/2', undefined, reading('default'));
    expect(index.usersOf('own')).toEqual(['a/1']);
    expect(index.usersOf('default')).toEqual(['a/1', 'a/2']);
    expect(index.usersOf('other')).toEqual([]);
  });

  it('follow a change of the object and its deletion', () => {
    const { index } = createIndex();
    index.change('a/1', undefined, reading('old', 'default'));
    index.change('a/1', reading('old', 'default'), reading('new', 'default'));
    expect(['old', 'new', 'default'].map((secret) => index.usersOf(secret))).toEqual([[], ['a/1'], ['a/1']]);
    index.change('a/1', reading('new', 'default'), undefined);
    expect(['new', 'default'].map((secret) => index.usersOf(secret))).toEqual([[], []]);
  });
});

it('a Secret is forgotten when the last object that reads it no longer does, and not before', () => {
  const { index, invalidated } = createIndex();
  for (const key of ['a/1', 'a/2']) index.change(key, undefined, reading('shared'));
  index.change('a/1', reading('shared'), reading('shared'));
  index.change('a/1', reading('shared'), undefined);
  index.change('a/2', reading('shared'), reading('shared'));
  expect(invalidated).toEqual([]);
  index.change('a/2', reading('shared'), reading('other'));
  expect(invalidated).toEqual(['shared']);
});
