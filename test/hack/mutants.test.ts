import { copyFileSync, mkdtempDisposableSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { refusedByCompiler } from '../../hack/mutants/compile.ts';
import { equivalents, isExcused } from '../../hack/mutants/equivalent.ts';
import { Imports } from '../../hack/mutants/imports.ts';
import { instrument, regionAt, regionsOf } from '../../hack/mutants/instrument.ts';
import { makeMistake } from '../../hack/mutants/mistake.ts';
import { apply, keyOf, type Mutant, mutantsOf } from '../../hack/mutants/mutate.ts';
import { root } from '../architecture/sources.ts';

function changesOf(source: string): readonly string[] {
  return mutantsOf('a.ts', source).map((mutant) => apply(source, mutant));
}

function firstCondition(source: string): Mutant | undefined {
  return mutantsOf('a.ts', source).find(({ kind }) => kind === 'condition');
}

describe('mutants', () => {
  it.each<[what: string, source: string, mutants: readonly string[]]>([
    ['a condition is always and never met', 'if (a) b;', ['if (true) b;', 'if (false) b;']],
    [
      'each operand is left out, and the whole is never met',
      'if (a && (b || c)) d;',
      [
        'if (false) d;',
        'if (true && (b || c)) d;',
        'if (a && (true)) d;',
        'if (a && (false || c)) d;',
        'if (a && (b || false)) d;',
      ],
    ],
    [
      'an equality that is a condition is replaced once',
      'if (a === 1) b;',
      ['if (true) b;', 'if (false) b;', 'if (a === 2) b;'],
    ],
    ['another equality is turned around', 'x(a !== b);', [';', 'x(a === b);']],
    ['a limit moves and turns', 'x = a < b;', [';', 'x = a <= b;', 'x = a >= b;']],
    [
      'an operator keeps the parentheses beside it',
      'f(a - (b ?? c));',
      [';', 'f(a + (b ?? c));', 'f(a - ((b)));', 'f(a - ((c)));'],
    ],
    ['a negation is left out', 'f(!a);', [';', 'f(!!(a));']],
    ['a large number doubles', 'const a = 60_000;', ['const a = 120000;']],
    [
      'a number grows, a boolean turns, a word is lost',
      "const a = [1, true, 'On'];",
      ["const a = [2, true, 'On'];", "const a = [1, false, 'On'];", "const a = [1, true, ''];"],
    ],
    ['the end of a pattern is open', '/^a$/.test(b);', [';', '/a$/.test(b);', '/^a/.test(b);']],
    ['a function does nothing', 'function a() { b(); }', ['function a() {}', 'function a() { ; }']],
    ['a call is left out, awaited or not', 'await a(); void b();', ['; void b();', 'await a(); ;']],
    ['an assignment is left out, or subtracts', 'a.b += c;', [';', 'a.b -= c;']],
    [
      'a property and a spread are left out',
      'a = { b: c, ...d };',
      [';', 'a = { ...{}, ...d };', 'a = { b: c, ...{} };'],
    ],
    ['a case is left out', "switch (a) { case 'B': break; default: }", ['switch (a) {  default: }']],
    ['one method is taken for another', 'x(a.some(b));', [';', 'x(a.every(b));']],
    ['a method that only narrows is left out', 'x(a.filter(b));', [';', 'x(a);']],
    ['what may be missing is taken for there', 'x(a?.b);', [';', 'x(a.b);']],
    ['types and imports have none', "import { a } from 'b'; type C = 1 | true; let d: Record<'E', 2>;", []],
    [
      'the keys of a closed set have none but for being left out',
      'a(allOf({ b: true }));',
      [';', 'a(allOf({ ...{} }));'],
    ],
    ['log lines have none', "this.#log.warn('Text', { a: 1 });", []],
    ['nor has what only logs an error', "try { } catch (error) { log.warn('Text', { error }); }", []],
    [
      'what handles an error does nothing',
      "try { } catch (error) { log.warn('Text', { error }); a(); }",
      ['try { } catch (error) {}', "try { } catch (error) { log.warn('Text', { error }); ; }"],
    ],
    ['texts for users have none', 'x({ message: `a ${b + 1}` });', [';']],
    ['the words of an error have none', "throw new TypeError('Wrong');", []],
  ])('%s', (_what, source, mutants) => {
    expect(changesOf(source).toSorted()).toEqual(mutants.toSorted());
  });

  it('has the same name wherever its function is, with any layout', () => {
    const first = firstCondition('class A {\n  b() {\n    if (c ===\n 1) d;\n  }\n}');
    const second = firstCondition('const z = 1;\nclass A { b() { if (c === 1) d; } }');
    expect(first && keyOf(first)).toBe('a.ts\nA.b\ncondition\nc === 1\ntrue');
    expect(second && keyOf(second)).toBe(first && keyOf(first));
  });

  it.each(equivalents)('that is listed as equivalent exists: $file $function $text', (row) => {
    const imports = new Imports(root);
    expect(mutantsOf(row.file, imports.text(row.file)).some((mutant) => isExcused(mutant, row))).toBe(true);
  });
});

describe('the compiler', () => {
  it('refuses mutants with wrong types, and none for a name that is no longer used', () => {
    using folder = mkdtempDisposableSync(join(tmpdir(), 'vps247-compile-'));
    symlinkSync(join(root, 'node_modules'), join(folder.path, 'node_modules'));
    copyFileSync(join(root, 'tsconfig.json'), join(folder.path, 'tsconfig.json'));
    const source =
      'const zero = 0;\nexport const half = (a: number | undefined): number => (a === undefined ? zero : a / 2);';
    writeFileSync(join(folder.path, 'a.ts'), source);
    const mutants = mutantsOf('a.ts', source);
    expect(() => refusedByCompiler({ folder: folder.path }, mutants, () => source)).toThrow(
      "a.ts doesn't compile without a mistake",
    );
    writeFileSync(join(folder.path, 'package.json'), '{ "type": "module" }');
    const refused = refusedByCompiler({ folder: folder.path }, mutants, () => source);
    expect(mutants.map((mutant) => [mutant.replacement, refused.has(mutant)])).toEqual([
      ['1', false],
      ['true', false],
      ['false', true],
      ['a * 2', false],
      ['3', false],
    ]);
    expect(readdirSync(folder.path).toSorted()).toEqual(['a.ts', 'node_modules', 'package.json', 'tsconfig.json']);
  });
});

describe('a mistake at a named place', () => {
  const source =
    'function a() { if (b) { c(1); } return b; }\nfunction d() { e({ f: 2 }); switch (g) { case 3: h(); } }';

  it.each<[what: string, name: string, find: string, replacement: string, made: string]>([
    ['an expression', 'a', 'c( 1 )', 'c(2)', source.replace('c(1)', 'c(2)')],
    ['a statement', 'a', 'return b;', 'return 1;', source.replace('return b', 'return 1')],
    ['a statement with any block', 'a', 'if (b) {}', 'if (x) {}', source.replace('if (b)', 'if (x)')],
    ['a property', 'd', 'f: 2', '...{}', source.replace('f: 2', '...{}')],
    ['a case', 'd', 'case 3: h();', '', source.replace('case 3: h();', '')],
  ])('replaces %s, with any layout', (_what, name, find, replacement, made) => {
    expect(makeMistake(source, { file: 'a.ts', function: name, find, replacement })).toBe(made);
  });

  it.each([
    ['is in another function', 'd', 'c(1)', 'src/a.ts has "c(1)" 0 times in d'],
    ['is there twice', 'a', 'b', 'src/a.ts has "b" 2 times in a'],
    ['invalid syntax', 'a', 'if (', '"if (" is not an expression, a property, a statement or a case'],
  ])('refuses what %s', (_what, name, find, message) => {
    expect(() => makeMistake(source, { file: 'a.ts', function: name, find, replacement: '' })).toThrow(message);
  });
});

describe('regions', () => {
  it('records the parts of a module that ran, and no others', async () => {
    using folder = mkdtempDisposableSync(join(tmpdir(), 'vps247-regions-'));
    const source = [
      'export const run = (a: boolean) => { if (a) return one(); else return two(); };',
      'const one = () => ({ n: 1 });',
      'function two() { return null ?? 2; }',
    ].join('\n');
    const file = join(folder.path, 'a.mts');
    writeFileSync(file, instrument('a.ts', source));
    // `as`: the module is written above.
    const { run } = (await import(/* @vite-ignore */ file)) as { run: (a: boolean) => unknown };
    expect(run(true)).toEqual({ n: 1 });
    // `as`: the instrumented module sets it.
    const { regionsRun } = globalThis as unknown as { regionsRun: Record<string, Uint8Array> };
    const ran = (text: string): boolean =>
      regionsRun['a.ts']?.[regionAt(regionsOf('a.ts', source), source.indexOf(text))] === 1;
    expect({ module: ran('const run'), one: ran('n: 1'), two: ran('return null'), else: ran('return two') }).toEqual({
      module: true,
      one: true,
      two: false,
      else: false,
    });
  });
});

describe('imports', () => {
  it('follows modules over several steps, and leaves out types', () => {
    using folder = mkdtempDisposableSync(join(tmpdir(), 'vps247-imports-'));
    const files = {
      'a.ts': "import { b } from './b.ts';\nimport type { T } from './t.ts';\nimport { type U } from './t.ts';",
      'b.ts': "export * from './c.ts';",
      'c.ts': "await import('./d.ts');",
      'd.ts': '',
      't.ts': '',
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder.path, name), text);
    const reached = new Imports(folder.path).reachedFrom('a.ts');
    expect([...reached]).toEqual([
      ['a.ts', 0],
      ['b.ts', 1],
      ['c.ts', 2],
      ['d.ts', 3],
    ]);
  });
});
