import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readProse } from '../../hack/prose/files.ts';
import { findingsIn } from '../../hack/prose/findings.ts';
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

  test.each(['hack/prose/words.ts', 'test/golden'])('does not read %s', (path) => {
    expect(readProse([path])).toEqual([]);
  });

  test('suggests no word that it refuses', async () => {
    const refused = await Promise.all(terms.map(async ({ but }) => ({ but, found: await findingsIn(but) })));
    expect(refused.filter(({ found }) => found.length > 0)).toEqual([]);
  });
});
