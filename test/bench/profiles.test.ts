import { expect, test } from 'vitest';
import { type CpuProfile, readCpuProfile, readHeapProfile } from '../../bench/profiles.ts';

const frame = (functionName: string, url = '', lineNumber = 0) => ({ functionName, url, lineNumber, columnNumber: 0 });

/** Lines of the bundle by the file they came from. */
const files: Readonly<Record<number, string>> = {
  1: 'src/kubernetes/json-lines.ts',
  2: 'node_modules/undici/lib/core.js',
  3: 'src/plan/plan.ts',
  4: 'node_modules/@scope/pack/node_modules/inner/index.js',
};
const locate = ({ url, lineNumber }: { url: string; lineNumber: number }) =>
  url === 'file:///bundle.mjs' ? files[lineNumber] : undefined;
const bundled = (name: string, line: number) => frame(name, 'file:///bundle.mjs', line);

const profile: CpuProfile = {
  nodes: [
    { id: 1, callFrame: frame('(root)'), children: [2, 3, 7, 8] },
    { id: 2, callFrame: frame('(idle)') },
    { id: 3, callFrame: bundled('parse', 1), children: [4, 5] },
    { id: 4, callFrame: frame('parse') },
    { id: 5, callFrame: bundled('read', 2), children: [6] },
    { id: 6, callFrame: bundled('plan', 3) },
    { id: 7, callFrame: frame('(garbage collector)') },
    { id: 8, callFrame: frame('onread', 'node:internal/stream'), children: [9] },
    { id: 9, callFrame: bundled('deep', 4) },
  ],
  samples: [2, 3, 4, 4, 5, 6, 7, 8, 9],
  timeDeltas: [900_000, 1_000, 2_000, 3_000, 4_000, 5_000, 6_000, 7_000, 8_000],
};

test('time is attributed to the calling function of the project, with native code and packages, without idle time', () => {
  const { total, byFunction } = readCpuProfile(profile, locate);
  expect(total).toBe(36);
  expect(byFunction).toEqual([
    ['parse src/kubernetes/json-lines.ts', 10],
    ['package inner', 8],
    ['node:internal/stream', 7],
    ['(garbage collector)', 6],
    ['plan src/plan/plan.ts', 5],
  ]);
});

test('time is attributed to the code that used it', () => {
  expect(readCpuProfile(profile, locate).byModule).toEqual([
    ['package inner', 8],
    ['node:internal/stream', 7],
    ['(garbage collector)', 6],
    ['src/plan/plan.ts', 5],
    ['(native code)', 5],
    ['package undici', 4],
    ['src/kubernetes/json-lines.ts', 1],
  ]);
});

interface Node {
  readonly callFrame: ReturnType<typeof frame>;
  readonly selfSize: number;
  readonly children: readonly Node[];
}

const node = (callFrame: Node['callFrame'], selfSize: number, ...children: readonly Node[]): Node => ({
  callFrame,
  selfSize,
  children,
});

test('memory is attributed in the same way', () => {
  const head = node(frame('(root)'), 0, node(bundled('parse', 1), 10, node(frame('JSON.parse'), 90)));
  expect(readHeapProfile({ head }, locate)).toEqual({
    total: 100,
    byFunction: [['parse src/kubernetes/json-lines.ts', 100]],
    byModule: [
      ['(native code)', 90],
      ['src/kubernetes/json-lines.ts', 10],
    ],
  });
});

test('a profile in which nothing happened is empty', () => {
  expect(readCpuProfile({ nodes: [], samples: [], timeDeltas: [] }, locate).total).toBe(0);
});
