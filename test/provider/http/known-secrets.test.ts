import { expect, test } from 'vitest';
import { Secret } from '../../../src/domain/secret.ts';
import { KnownSecrets } from '../../../src/provider/http/known-secrets.ts';

function passwords(name: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${name}-${index}`);
}

test('a password that was reported alone is known, and only the one that is requested besides the key', () => {
  const known = new KnownSecrets(new Secret('planted-key'));
  known.add('known-passw0rd');
  const quoted = (matcher: typeof known.matcher) =>
    ['planted-key', 'known-passw0rd', 'other-passw0rd'].map((text) => matcher.quotedIn(text));
  expect(quoted(known.matcher)).toEqual([true, true, false]);
  expect(quoted(known.with('other-passw0rd'))).toEqual([true, false, true]);
  expect(quoted(known.with(undefined))).toEqual([true, false, false]);
});

test('passwords of old lists are forgotten in time, and the API key never', () => {
  const known = new KnownSecrets(new Secret('planted-key'));
  const quoted = () => ['planted-key', 'old-passw0rd-0', 'new-passw0rd-0'].map((text) => known.matcher.quotedIn(text));
  known.addList(passwords('old-passw0rd', 1_100));
  // A list that lacks some for a moment makes none of them be shown.
  known.addList(passwords('new-passw0rd', 1_000));
  expect(quoted()).toEqual([true, true, true]);
  known.addList(passwords('new-passw0rd', 500));
  expect(quoted()).toEqual([true, false, true]);
});
