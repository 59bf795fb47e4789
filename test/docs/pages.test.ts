import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { reasons } from '../../src/api/v1alpha1/reasons.ts';
import { flagOf, settingNames } from '../../src/config/settings.ts';
import { fullName, metricsTable } from '../../src/telemetry/metrics-table.ts';
import { anchorsIn, brokenLinks } from '../../hack/verify/links.ts';
import { fences } from '../support/documented.ts';
import { filesBelow, pages, projectRoot } from '../support/pages.ts';

const textOf = (page: string): string => readFileSync(join(projectRoot, page), 'utf8');
const shellOf = (page: string) => fences(page).filter(({ language }) => language === 'sh');

test('every block says what it is', () => {
  const known = new Set(['sh', 'yaml', 'text', 'console', 'promql', 'mermaid', 'json', '']);
  const strange = pages.flatMap((page) =>
    fences(page)
      .filter(({ language }) => !known.has(language))
      .map(({ line, language }) => `${page}:${line} ${language}`),
  );
  expect(strange).toEqual([]);
});

describe.each(pages.filter((page) => shellOf(page).length > 0))('%s', (page) => {
  test('bash can read its shell blocks', () => {
    for (const { text, line } of shellOf(page)) {
      const { status, stderr } = spawnSync('bash', ['-n'], { input: text, encoding: 'utf8' });
      expect(stderr, `${page}:${line}`).toBe('');
      expect(status).toBe(0);
    }
  });

  test('the files it names are there', () => {
    const missing = shellOf(page).flatMap(({ text, line }) =>
      Array.from(text.matchAll(/(?<![\w/.])(?:deploy|examples|docs|hack)\/[\w./-]+/g), ([file]) => file)
        .filter((file) => !isThere(file))
        .map((file) => `${page}:${line} ${file}`),
    );
    expect(missing).toEqual([]);
  });
});

test("the README's session is part of the tutorial, which a test runs", () => {
  const tutorial = new Set(linesOf('docs/first-machine.md'));
  const session = linesOf('README.md').filter((line) => line !== '$ cat web.yaml');
  expect(session.length).toBeGreaterThan(15);
  expect(session.filter((line) => !tutorial.has(line.replace(/^\$ /, '').replace(' web.yaml', " - <<'END'")))).toEqual(
    [],
  );
});

test("the README's installation is part of the installation page, which a step of npm run verify runs", () => {
  const page = new Set(shellOf('docs/installation.md').flatMap(({ text }) => text.split('\n')));
  const own = shellOf('README.md')
    .flatMap(({ text }) => text.split('\n'))
    .filter((line) => /^(?:docker|helm|kubectl| )/.test(line));
  expect(own.length).toBeGreaterThan(5);
  expect(own.filter((line) => !page.has(line))).toEqual([]);
});

/** The lines of a page's commands, manifests and output, without those that are empty. */
function linesOf(page: string): readonly string[] {
  const languages = page === 'README.md' ? ['console'] : ['sh', 'text'];
  return fences(page)
    .filter(({ language }) => languages.includes(language))
    .flatMap(({ text }) => text.split('\n').filter((line) => line !== ''));
}

function isThere(file: string): boolean {
  const plain = file.replace(/\/$/, '');
  const folder = plain.split('/')[0] ?? '';
  return ['', '.yaml', '.ts', '.md'].some(() => filesBelow(folder, '').includes(plain));
}

/** Source files that a page names in back quotes, by path or by the end of it, and that don't exist. */
function missingSources(text: string): string[] {
  const sources = ['src', 'emulator', 'test', 'hack', 'bench', 'site'].flatMap((folder) => filesBelow(folder, '.ts'));
  return Array.from(text.matchAll(/`([\w./-]+\.ts)`/g), ([, file = '']) => file).filter(
    (file) => !sources.some((source) => `/${source}`.endsWith(`/${file}`)),
  );
}

test.each(['docs/architecture.md', 'CONTRIBUTING.md', ...pages.filter((page) => page.startsWith('docs/adr/'))])(
  'the sources that %s names exist',
  (page) => {
    expect(missingSources(textOf(page))).toEqual([]);
  },
);

test('a source that does not exist is found', () => {
  expect(missingSources('`src/plan/plan.ts` `plan.ts` `nonsense.ts` `plan/nonsense.ts`')).toEqual([
    'nonsense.ts',
    'plan/nonsense.ts',
  ]);
});

test('no link between files is broken', () => {
  expect(pages.flatMap((page) => brokenLinks(projectRoot, page, textOf(page)))).toEqual([]);
});

test('a broken link, a missing heading, a path outside of the repository and a plain http address are found', () => {
  const text = '[a](none.md) [b](api.md#none) [c](../../x.md) [d](http://example.org) `[e](none.md)` [f](api.md#spec)';
  expect(brokenLinks(projectRoot, 'docs/x.md', text)).toEqual([
    'docs/x.md:1: none.md: no such file',
    'docs/x.md:1: api.md#none: no such heading',
    'docs/x.md:1: ../../x.md: outside of the repository',
    'docs/x.md:1: http://example.org: not an https address',
  ]);
});

test('anchors are those of GitHub', () => {
  const page = '# One `two`, three\n## Same\n## Same\n```\n# none\n```\n### [A link](x.md)\n';
  expect([...anchorsIn(page)]).toEqual(['one-two-three', 'same', 'same-1', 'a-link']);
});

test.each(Object.keys(reasons))('the page about conditions has %s, with what to check and what to do', (reason) => {
  const [, section = ''] = textOf('docs/conditions.md').split(`\n### ${reason}\n`);
  const [own = ''] = section.split('\n### ');
  expect(own).toMatch(/\n\nConditions: \S|^\nConditions: \S/);
  expect(own).toMatch(/\*\*Check:\*\*\n\n```sh\n\S[\s\S]*\n```\n\n\*\*Action:\*\* \S/);
});

/** A table of many columns can't be read in a terminal, nor linked to. */
test.each([
  ['docs/metrics.md', Object.values(metricsTable).map(({ name }) => fullName(name))],
  ['docs/configuration.md', settingNames.map(flagOf)],
])('%s has a heading for each entry and no table', (page, entries) => {
  const lines = textOf(page).split('\n');
  expect(lines.filter((line) => line.startsWith('### '))).toEqual(
    expect.arrayContaining(entries.map((entry) => `### ${entry}`)),
  );
  expect(lines.filter((line) => line.startsWith('|') || line.length > 115)).toEqual([]);
});
