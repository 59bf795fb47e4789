import { matchesGlob, posix } from 'node:path';
import { expect, test } from 'vitest';
import { needs } from '../support/programs.ts';
import { importsOf, readSources } from './sources.ts';

/** What tests do through one helper or setting, and the files that may do it themselves. */
const rules: readonly { readonly reason: string; readonly what: RegExp; readonly allowed?: RegExp }[] = [
  { reason: 'no test is skipped', what: /\.(skip|skipIf|runIf|todo|fails)\b\(?/ },
  { reason: 'no test is retried', what: /\bretry: \d/ },
  {
    reason: 'expect.poll waits as long as the test may, vi.waitFor for a second',
    what: /\bvi\.wait(For|Until)\(/,
    // Hooks: expect.poll would not belong to a test there.
    allowed: /^test\/integration\/resource\.ts$/,
  },
  {
    reason: 'one helper chooses the seeds of properties',
    what: /\bfc\.(assert|check)\(|\bimport \{[^}]*\b(assert|check)\b[^}]*\} from 'fast-check'|\bMath\.random\(\)/,
    allowed: /^test\/support\/property\.ts$/,
  },
];

test.each(rules)('$reason', ({ what, allowed }) => {
  const offenders = readSources('test').filter(
    ({ path, text }) => path.endsWith('.ts') && what.test(text) && allowed?.test(path) !== true,
  );
  expect(offenders.map(({ path }) => path)).toEqual([]);
});

/** Paths of all files that these import, through others too. */
function reachedFrom(path: string, texts: ReadonlyMap<string, string>, reached = new Set<string>()): Set<string> {
  for (const name of importsOf(texts.get(path) ?? '').filter((written) => written.startsWith('.'))) {
    const imported = posix.join(posix.dirname(path), name);
    if (reached.has(imported)) continue;
    reached.add(imported);
    reachedFrom(imported, texts, reached);
  }
  return reached;
}

test('a test that runs a program built from Go modules is in a project that builds it before its tests', () => {
  const sources = [...readSources('test'), ...readSources('hack')].filter(({ path }) => /\.(ts|mjs)$/.test(path));
  // Types run nothing.
  const texts = new Map(
    sources.map(({ path, text }) => [path, text.replaceAll(/^(?:import|export) type [^;]*;/gm, '')]),
  );
  const builders = sources
    .filter(({ path, text }) => /^(hack|test\/support)\//.test(path) && text.includes('ensureComponents(['))
    .map(({ path }) => path);
  expect(builders.length).toBeGreaterThan(5);
  const prepared = Object.values(needs).flatMap(({ files }) => files);
  const unprepared = [...texts.keys()]
    .filter((path) => path.endsWith('.test.ts') && !prepared.some((pattern) => matchesGlob(path, pattern)))
    .filter((path) => builders.some((builder) => reachedFrom(path, texts).has(builder)));
  expect(unprepared).toEqual([]);
});
