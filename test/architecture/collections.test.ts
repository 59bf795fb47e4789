import { expect, test } from 'vitest';
import { keyedCollections } from './collections.ts';
import { readSources } from './sources.ts';

/** Where objects are known by their keys. */
const folders = /^src\/(?:controller|reconcile|provider\/account|kubernetes\/cache)\//;

/** Collections that the syntax takes for ones of this kind. */
const others: ReadonlySet<string> = new Set([
  // Addressed by the entry of a Secret, which is called key too.
  'src/reconcile/credentials.ts bySecret',
  // Addressed by the namespace. Each store counts by itself.
  'src/kubernetes/cache/reflector.ts stores',
  // Gone when the list is complete.
  'src/kubernetes/cache/initial-list.ts versions',
]);

/** The state of one object is easier to follow, and to forget, the fewer places it is in. Lower this number, don't raise it. */
const most = 11;

test('the state of an object is in few collections that are addressed by its key', () => {
  const found = readSources('src')
    .filter(({ path }) => folders.test(path))
    .flatMap(keyedCollections);
  expect([...others].filter((other) => !found.includes(other))).toEqual([]);
  expect(found.filter((collection) => !others.has(collection)).toSorted()).toHaveLength(most);
});

test.each<{ what: string; text: string; names: string[] }>([
  { what: 'a field', text: 'class A { #seen = new Map(); f(key) { this.#seen.get(key); } }', names: ['#seen'] },
  {
    what: 'a collection of each namespace',
    text: 'class A { #all = new Map(); f(key) { const keys = this.#all.get(namespaceOf(key)); keys?.delete(key); } }',
    names: ['#all'],
  },
  {
    what: 'a variable that functions share',
    text: 'function create() { const seen = new Set(); return { f: ({ key }) => seen.has(key) }; }',
    names: ['seen'],
  },
  { what: 'a variable of one call', text: 'function f(key) { const seen = new Set(); seen.add(key); }', names: [] },
  {
    what: 'one by name',
    text: 'class A { #byName = new Map(); f(name, key) { this.#byName.set(name, key); } }',
    names: [],
  },
  { what: 'one by record', text: 'class A { #busy = new Set(); f(item) { this.#busy.add(item); } }', names: [] },
])('counts collections addressed by the key of an object: $what', ({ text, names }) => {
  expect(keyedCollections({ path: 'a.ts', text })).toEqual(names.map((name) => `a.ts ${name}`));
});
