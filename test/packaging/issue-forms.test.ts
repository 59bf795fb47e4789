import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { parse } from 'yaml';
import { gather } from '../../hack/generate/reason-checks.ts';
import { filesBelow, projectRoot } from '../support/pages.ts';
import { faultsOf } from './issue-forms.ts';

const folder = '.github/ISSUE_TEMPLATE';
const read = (file: string): string => readFileSync(path.join(projectRoot, file), 'utf8');
const forms = filesBelow(folder, '.yml').filter((file) => !file.endsWith('/config.yml'));
const bug = read(`${folder}/bug.yml`);

describe.each(forms)('%s', (file) => {
  it('is a form that GitHub accepts', () => {
    expect(faultsOf(parse(read(file)))).toEqual([]);
  });

  it('links to existing pages', () => {
    expect(ownLinks(read(file)).filter((linked) => !isThere(linked))).toEqual([]);
  });
});

/** Paths, with their anchors, that a text links to in this repository. */
function ownLinks(text: string): string[] {
  return Array.from(text.matchAll(/\/vps247-operator\/blob\/main\/([^\s)]+)/g), ([, linked = '']) => linked);
}

function isThere(linked: string): boolean {
  const [file = '', anchor = ''] = linked.split('#');
  const headings = read(file).match(/^#+ .+$/gm) ?? [];
  const slugs = headings.map((heading) => heading.replace(/^#+ /, '').toLowerCase().replaceAll(' ', '-'));
  return anchor === '' || slugs.includes(anchor);
}

test('names are different', () => {
  const names = forms.map((file) => parse(read(file)).name);
  expect(new Set(names).size).toBe(forms.length);
  expect(forms.length).toBeGreaterThan(1);
});

test('a bug report asks for exactly what the page about conditions lists', () => {
  const blocks = Array.from(bug.matchAll(/ +```\n([\s\S]*?) +```/g), ([, text = '']) => text);
  const asked = blocks.map((text) =>
    text
      .split('\n')
      .map((line) => line.trim())
      .join('\n')
      .trim(),
  );
  expect(asked).toEqual(gather.map(({ command }) => command));
  for (const { command } of gather) expect(read('docs/conditions.md')).toContain(command);
});

test('a bug report warns of secrets first and asks for a confirmation at the end', () => {
  const { body } = parse(bug);
  expect(body[0].attributes.value).toMatch(/API keys.*passwords.*Secret/);
  const last = body.at(-1);
  expect(last.type).toBe('checkboxes');
  expect(last.attributes.options).toEqual([
    expect.objectContaining({ label: expect.stringMatching(/no API key, no password/), required: true }),
  ]);
});

test('only the private report and the documentation bypass the forms', () => {
  const { blank_issues_enabled: blank, contact_links: links } = parse(read(`${folder}/config.yml`));
  expect(blank).toBe(false);
  for (const link of links) expect(Object.keys(link)).toEqual(['name', 'url', 'about']);
  const addresses: string[] = links.map(({ url }: { url: string }) => url);
  expect(addresses[0]).toMatch(/\/security\/advisories\/new$/);
  expect(addresses.slice(1).flatMap(ownLinks)).toHaveLength(addresses.length - 1);
  expect(addresses.flatMap(ownLinks).filter((linked) => !isThere(linked))).toEqual([]);
});

const form = (...body: readonly unknown[]): unknown => ({ name: 'Form', description: 'D', body });

describe('a mistake is found', () => {
  const input = { type: 'input', id: 'a', attributes: { label: 'A' } };

  it.each([
    ['a form without a name', { description: 'D', body: [input] }, 'name: not a text'],
    ['a name of three letters', { name: 'Bug', description: 'D', body: [input] }, 'name has fewer than 4 letters'],
    ['a key that is not known', { name: 'Form', description: 'D', body: [input], hello: 1 }, 'hello: unknown key'],
    ['text only', form({ type: 'markdown', attributes: { value: 'x' } }), 'nothing can be filled in'],
    ['two of one id', form(input, { ...input, attributes: { label: 'B' } }), 'body[1]: id a is there already'],
    ['two of one label', form(input, { ...input, id: 'b' }), 'body[1]: label a is there already'],
    ['an unknown type', form({ ...input, type: 'number' }), 'body[0]: number: unknown type'],
    ['an id with a blank', form({ ...input, id: 'a b' }), 'body[0]: a b: invalid id'],
    ['no label', form({ ...input, attributes: {} }), 'body[0]: label: not a text'],
    [
      'a word that thieves use',
      form({ ...input, attributes: { label: 'Password' } }),
      'body[0]: Password is forbidden',
    ],
    ['an unknown attribute', form({ ...input, attributes: { label: 'A', x: 1 } }), 'body[0]: x: unknown attribute'],
    ['a choice of nothing', form({ type: 'dropdown', attributes: { label: 'A', options: [] } }), 'body[0]: no options'],
    [
      'the reserved choice',
      form({ type: 'dropdown', attributes: { label: 'A', options: ['None'] } }),
      'body[0]: None is reserved',
    ],
    [
      'one choice twice',
      form({ type: 'checkboxes', attributes: { label: 'A', options: [{ label: 'x' }, { label: 'x' }] } }),
      'body[0]: options are not unique',
    ],
    [
      'a validation of text',
      form(input, { type: 'markdown', attributes: { value: 'x' }, validations: { required: true } }),
      'body[1]: markdown has no validations',
    ],
  ])('%s', (_, value, fault) => {
    expect(faultsOf(value)).toEqual([fault]);
  });
});
