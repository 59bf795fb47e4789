import { expect, test } from 'vitest';
import { parseSelector } from '../../../src/domain/label-selector.ts';
import { leaseName } from '../../../src/kubernetes/leader-election/lease-name.ts';

const everything = { namespaces: [], selector: undefined, leaseName: undefined };

test('an operator for the whole cluster has a Lease with a plain name', () => {
  expect(leaseName(everything)).toBe('vps247-operator');
});

test('a given name is used, whatever the scope', () => {
  expect(leaseName({ ...everything, namespaces: ['a'], leaseName: 'mine' })).toBe('mine');
});

test('the same scope has the same name, in any order of its selector', () => {
  const [one, other] = ['shard=a,tier in (x,y)', 'tier in (y, x), shard==a'].map(parseSelector);
  expect(leaseName({ ...everything, selector: one })).toBe(leaseName({ ...everything, selector: other }));
});

test('other scopes have other names, each one valid for an object', () => {
  const names = [
    leaseName(everything),
    leaseName({ ...everything, namespaces: ['a'] }),
    leaseName({ ...everything, namespaces: ['a', 'b'] }),
    leaseName({ ...everything, namespaces: ['a'], selector: parseSelector('shard=a') }),
    leaseName({ ...everything, selector: parseSelector('shard=a') }),
    leaseName({ ...everything, selector: parseSelector('shard=b') }),
  ];
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
});
