import { describe, expect, test } from 'vitest';
import { arrows, unusedPermissions, wrongImports } from './arrows.ts';
import { importCycles } from './cycles.ts';
import { importsOf, readSources, type Source } from './sources.ts';

const sources = ['src', 'emulator'].flatMap(readSources).filter(({ path }) => path.endsWith('.ts'));

describe('imports between folders', () => {
  test('follow the allowed directions', () => {
    expect(wrongImports(sources)).toEqual([]);
  });

  test('have no cycle', () => {
    const reaches = (from: string, to: string, seen = new Set<string>()): boolean =>
      (arrows[from]?.folders ?? []).some(
        (next) => next === to || (!seen.has(next) && reaches(next, to, seen.add(next))),
      );
    expect(Object.keys(arrows).filter((folder) => reaches(folder, folder))).toEqual([]);
  });

  test('use every allowed direction', () => {
    expect(unusedPermissions(sources)).toEqual([]);
  });

  test('are reported if a direction is unused', () => {
    const table = {
      plan: { folders: ['api', 'domain'], packages: [], reason: '' },
      kubernetes: { folders: [], packages: ['node:', 'got'], reason: '' },
    };
    const files = [
      { path: 'src/plan/x.ts', text: "import type { X } from '../api/x.ts';" },
      { path: 'src/kubernetes/deep/x.ts', text: "import { x } from 'node:fs';\nimport '../../domain/x.ts';" },
    ];
    expect(unusedPermissions(files, table)).toEqual([
      "src/plan may import domain, but doesn't: remove the permission",
      "src/kubernetes may import got, but doesn't: remove the permission",
    ]);
  });

  test.each<[string, string, string | undefined, string]>([
    [
      'src/plan/plan.ts',
      "import { x } from '../kubernetes/client.ts';",
      'src/plan/plan.ts imports src/kubernetes/client.ts',
      'a wrong way',
    ],
    [
      'src/plan/plan.ts',
      "import type { X } from '../provider/provider.ts';",
      'src/plan/plan.ts imports src/provider',
      'a type',
    ],
    [
      'src/plan/plan.ts',
      "import { now } from 'node:process';",
      'src/plan/plan.ts imports the package node:process',
      'impure',
    ],
    ['emulator/server.ts', "import { a,\n  b } from '../src/domain/machine.ts';", 'emulator/server.ts', 'many lines'],
    ['src/api/x.ts', "export * from '../kubernetes/errors.ts';", 'src/api/x.ts', 're-exported'],
    ['src/controller/x.ts', "const x = await import('../reconcile/reconciler.ts');", 'src/controller/x.ts', 'dynamic'],
    [
      'src/kubernetes/x.ts',
      "import { x } from '../../hack/x.ts';",
      'src/kubernetes/x.ts imports hack/x.ts',
      'out of src',
    ],
    [
      'src/controller/x.ts',
      "import { start } from '../operator.ts';",
      'src/controller/x.ts imports src/operator.ts',
      'the composition root',
    ],
    ['src/tools/x.ts', "import { x } from './y.ts';", 'src/tools/x.ts is in no known folder', 'a new folder'],
    ['src/reconcile/x.ts', "import { plan } from '../plan/plan.ts';", undefined, 'a right way'],
    ['src/plan/deep/x.ts', "import { plan } from '../plan.ts';", undefined, 'its own folder'],
    ['src/main.ts', "import { start } from './operator.ts';", undefined, 'the composition root itself'],
  ])('%s with %j: %s (%s)', (path, text, complaint) => {
    const found = wrongImports([{ path, text }]);
    if (complaint === undefined) expect(found).toEqual([]);
    else expect(found).toEqual([expect.stringContaining(complaint)]);
  });

  test('are found', () => {
    expect(
      importsOf("import 'a';\nimport b, { c } from 'b';\nexport { d } from 'd';\nconst e = 'from nowhere';\n"),
    ).toEqual(['a', 'b', 'd']);
  });
});

describe('import cycles between files', () => {
  test('do not exist', () => {
    const all = ['src', 'emulator', 'hack', 'bench', 'test']
      .flatMap(readSources)
      .filter(({ path }) => /\.(ts|mjs)$/.test(path));
    expect(all.length).toBeGreaterThan(700);
    expect(importCycles(all)).toEqual([]);
  });

  test('are found, through other files and types too', () => {
    const files = [
      { path: 'src/a.ts', text: "import { b } from './deep/b.ts';\nimport './d.ts';" },
      { path: 'src/deep/b.ts', text: "import type { C } from '../c.ts';" },
      { path: 'src/c.ts', text: "export { a } from './a.ts';" },
      { path: 'src/d.ts', text: "import { C } from './c.ts';\nimport './e.ts';" },
      { path: 'src/e.ts', text: "import './e.ts';" },
    ];
    expect(importCycles(files)).toEqual(['src/a.ts → src/deep/b.ts → src/c.ts → src/a.ts', 'src/e.ts → src/e.ts']);
    expect(importCycles(files.slice(1, 4))).toEqual([]);
  });
});

interface Reserved {
  readonly what: RegExp;
  readonly allowed: readonly RegExp[];
  readonly reason: string;
}

/** What only few files may do. Comments are left out before looking. */
const reserved: readonly Reserved[] = [
  {
    what: /\bprocess\.(env|exit|exitCode|argv)\b/,
    allowed: [/^src\/(kubectl-vps\/)?main\.ts$/, /^emulator\/main\.ts$/],
    reason: 'only programs look at their environment and end themselves',
  },
  {
    what: /\b(client|kube\w*)\??\.(create|patch|replace|delete|update)\(/,
    allowed: [
      /^src\/reconcile\/(execute\/(metadata-patch|password-secret)|object-cache)\.ts$/,
      /^src\/status\/(account-)?patch\.ts$/,
      /^src\/kubernetes\/(client|events|leader-election\/leader-elector)\.ts$/,
    ],
    reason: 'few files write to Kubernetes, so that they can all be read',
  },
  {
    what: /Pick<KubeClient,[^>]*'(create|patch|replace|delete|update)'/,
    allowed: [
      /^src\/reconcile\/(execute\/(metadata-patch|password-secret)|status-writer|object-cache)\.ts$/,
      /^src\/status\/(account-)?patch\.ts$/,
      /^src\/kubernetes\//,
    ],
    reason: 'who does not write to Kubernetes is not handed the means',
  },
  {
    what: /\.(create|delete|start|stop|restart|kill)Machine\(/,
    allowed: [/^src\/reconcile\/execute\/execute\.ts$/, /^src\/provider\//],
    reason: 'one file makes the calls that bill, cut power and destroy',
  },
  {
    what: /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(|\bsetTimeout\(|\bsetInterval\(/,
    allowed: [/^src\/domain\/clock\.ts$/, /^src\/kubectl-vps\/(main|kubectl-process)\.ts$/, /^emulator\//],
    reason: 'time is injected, or tests would have to wait',
  },
  {
    what: /\bMath\.random\b/,
    allowed: [/^src\/main\.ts$/],
    reason: 'chance is injected, or tests would fail by chance',
  },
];

function offenders(files: readonly Source[], { what, allowed }: Reserved): string[] {
  return files
    .filter(({ path, text }) => what.test(withoutComments(text)) && !allowed.some((pattern) => pattern.test(path)))
    .map(({ path }) => path);
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/^\s*\/\/.*$/gm, '');
}

describe('restricted calls', () => {
  test.each(reserved.map((rule) => [rule.reason, rule] as const))('%s', (_reason, rule) => {
    expect(offenders(sources, rule)).toEqual([]);
  });

  test('are used by every file that may use them', () => {
    const unused = reserved.flatMap(({ what, allowed, reason }) =>
      allowed
        .filter((pattern) => !sources.some(({ path, text }) => pattern.test(path) && what.test(withoutComments(text))))
        .map((pattern) => `${pattern}: ${reason}`),
    );
    expect(unused).toEqual([]);
  });

  test('are found in code, and not in comments', () => {
    const rule: Reserved = { what: /\bprocess\.env\b/, allowed: [/^src\/main\.ts$/], reason: '' };
    const files = ['src/a.ts', 'src/main.ts'].map((path) => ({ path, text: 'const home = process.env.HOME;' }));
    expect(offenders([...files, { path: 'src/b.ts', text: '/* process.env */\n// process.env\n' }], rule)).toEqual([
      'src/a.ts',
    ]);
  });
});

test('no file of a program is longer than 400 lines', () => {
  expect(sources.filter(({ text }) => text.split('\n').length > 400).map(({ path }) => path)).toEqual([]);
});
