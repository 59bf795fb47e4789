import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readProse } from '../../hack/prose/files.ts';
import { findingsIn } from '../../hack/prose/findings.ts';
import { differences, formatRecord, lowered, parseRecord } from '../../hack/prose/record.ts';
import { terms } from '../../hack/prose/words.ts';

describe('the prose check', () => {
  test.each<[reason: string, text: string, words: readonly string[]]>([
    ['a word of the list, in any case', 'Nobody was told.\n', ['Nobody', 'told']],
    [
      'a phrase over the end of a line of Markdown',
      'The VM goes\nwith it.\n\n> Lists are read once\n> more.\n',
      ['goes\nwith it', 'once\n> more'],
    ],
    [
      'a phrase over the end of a line of a comment',
      '/**\n * This is\n * no answer\n */\n  // for\n  // ever\n',
      ['is\n * no answer', 'for\n  // ever'],
    ],
    ['a phrase over the end of a line of YAML', '# under\n# way\nkey: value\n', ['under\n# way']],
    ['a string and a name of code', "const lastSightingOf = 'as wished';", ['Sighting', 'as wished']],
    ['no part of another word', 'Recommended: a passage, foreignness, planes, arrivals and placeholders.', []],
    ['no phrase from one paragraph to the next', 'There is a way\n\nout of it, for example.\nKeys are for\n- Ever', []],
    ['standard English close to it', 'It is no longer there. A message claims it; the feature gate is on.', []],
  ])('finds %s', async (_reason, text, words) => {
    expect((await findingsIn(text)).map((finding) => finding.words)).toEqual(words);
  });

  test('reports where a word is and its replacement', async () => {
    expect(await findingsIn('One line.\n  * It is shown\n  * to be there.\n')).toEqual([
      {
        line: 2,
        column: 11,
        words: 'shown\n  * to be',
        message: 'Incorrect term: “shown to be”, use “confirmed” instead',
      },
    ]);
  });

  test.each(['test/architecture/arrows.ts', 'hack/prose/files.ts', 'README.md'])(
    'reads %s when the path is given alone, as with its folder and the whole project',
    (path) => {
      expect(readProse([path]).map((prose) => prose.path)).toEqual([path]);
      expect(readProse([dirname(path)]).map((prose) => prose.path)).toContain(path);
      expect(readProse([]).map((prose) => prose.path)).toContain(path);
    },
  );

  test.each(['hack/prose/words.ts', 'hack/prose/record.txt', 'test/golden'])('does not read %s', (path) => {
    expect(readProse([path])).toEqual([]);
  });

  test('suggests no word that it refuses', async () => {
    const refused = await Promise.all(terms.map(async ({ but }) => ({ but, found: await findingsIn(but) })));
    expect(refused.filter(({ found }) => found.length > 0)).toEqual([]);
  });
});

describe('the record of the prose check', () => {
  const recorded = { 'a.md': 3, 'b.ts': 2 };

  test('refuses a file with more findings, and one with fewer until the record is lowered', () => {
    expect(differences(recorded, { 'a.md': 4, 'b.ts': 2, 'c.ts': 1 })).toEqual([
      'a.md: 4 findings, 3 recorded: fix the words (npm run prose -- a.md)',
      'c.ts: 1 findings, 0 recorded: fix the words (npm run prose -- c.ts)',
    ]);
    expect(differences(recorded, { 'a.md': 3, 'b.ts': 1 })).toEqual([
      'b.ts: 1 findings, 2 recorded: lower the record (npm run generate)',
    ]);
    expect(differences(recorded, recorded)).toEqual([]);
  });

  test('is one line for each file, of which the lowest count remains after a merge', () => {
    expect(formatRecord({ 'b.ts': 2, 'a.md': 3 })).toBe('3 a.md\n2 b.ts\n');
    expect(parseRecord('3 a.md\n1 b.ts\n2 a.md\n2 b.ts\n')).toEqual({ 'a.md': 2, 'b.ts': 1 });
  });

  test.each<[behavior: string, found: Readonly<Record<string, number>>, record: Readonly<Record<string, number>>]>([
    ['falls with the findings', { 'a.md': 1 }, { 'a.md': 1 }],
    ['never rises, whatever other files lost', { 'a.md': 4, 'b.ts': 1 }, { 'a.md': 3, 'b.ts': 1 }],
    [
      'goes with a file that is moved or divided',
      { 'b.ts': 2, 'c.md': 1, 'd.md': 2 },
      { 'b.ts': 2, 'c.md': 1, 'd.md': 2 },
    ],
    ['has no new file with more than other files lost', { 'a.md': 1, 'b.ts': 2, 'c.md': 3 }, { 'a.md': 1, 'b.ts': 2 }],
  ])('%s', (_behavior, found, record) => {
    expect(lowered(recorded, found)).toEqual(record);
  });
});
