import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { listenTo } from './ended.ts';
import { Scratch } from './scratch.ts';

const hack = join(import.meta.dirname, '../../hack');

/** An npm that notes its calls and installs a Node of sorts; it takes a file named `finish` when there is one named `slow`. */
const fakeNpm = `
echo "$*" >> "$SCRATCH/calls"
rm -rf node_modules
mkdir -p node_modules/.bin
while [ -e "$SCRATCH/slow" ] && [ ! -e "$SCRATCH/finish" ]; do sleep 0.05; done
printf '#!/bin/sh\\necho v24.1.0\\n' > node_modules/.bin/node
chmod +x node_modules/.bin/node`;

let scratch: Scratch;
beforeEach(() => {
  scratch = new Scratch();
  scratch.program('npm', fakeNpm);
  mkdirSync(scratch.at('hack'));
  for (const name of ['setup.mjs', 'setup']) cpSync(join(hack, name), scratch.at('hack', name), { recursive: true });
  pin({ got: '1' });
  scratch.write('package-lock.json', '{}');
  return () => scratch[Symbol.dispose]();
});

function pin(dependencies: object, scripts: object = {}): void {
  scratch.write('package.json', JSON.stringify({ scripts, dependencies, devDependencies: { node: '24.1.0' } }));
}

function start() {
  const child = spawn(process.execPath, [scratch.at('hack', 'setup.mjs')], {
    env: { ...scratch.env, PATH: `${scratch.env['PATH']}:${dirname(process.execPath)}` },
  });
  return { child, ...listenTo(child) };
}

const setUp = () => start().ended;
const calls = () => scratch.lines('calls').length;

test('the versions of the lock file are installed once, with any settings of npm', async () => {
  expect(await setUp()).toMatchObject({ code: 0, text: expect.stringMatching(/Installed packages in \d+ s\n$/) });
  expect(scratch.lines('calls')).toEqual([expect.stringMatching(/^ci --include=dev /)]);
  expect(await setUp()).toEqual({ code: 0, signal: null, text: '' });
  expect(calls()).toBe(1);
});

describe('it installs again', () => {
  test.each<[string, () => void, number]>([
    ['after a package changed', () => pin({ got: '2' }), 2],
    ['after the lock file changed', () => scratch.write('package-lock.json', '{"a":1}'), 2],
    ['not after a script changed', () => pin({ got: '1' }, { test: 'true' }), 1],
  ])('%s', async (_when, change, expected) => {
    await setUp();
    change();
    await setUp();
    expect(calls()).toBe(expected);
  });
});

test('two at once install once', async () => {
  scratch.write('slow');
  const first = start();
  await expect.poll(calls).toBe(1);
  const second = start();
  await expect.poll(second.said).toContain('Waiting');
  scratch.write('finish');
  expect((await first.ended).code).toBe(0);
  expect(await second.ended).toMatchObject({
    code: 0,
    text: `Waiting for process ${first.child.pid}, which is installing packages.\n`,
  });
  expect(calls()).toBe(1);
});

test('after kill -9 in the middle the next run waits for the npm that continues, and installs again', async () => {
  scratch.write('slow');
  const run = start();
  // npm may be at work a moment before the lock is shared with it.
  await expect.poll(() => existsSync(scratch.at('.out', 'setup.lock', 'child'))).toBe(true);
  await expect.poll(calls).toBe(1);
  run.child.kill('SIGKILL');
  const next = start();
  await expect.poll(next.said).toContain('Waiting');
  expect(calls()).toBe(1);
  scratch.write('finish');
  await run.ended;
  const { code, text } = await next.ended;
  expect({ code, text }).toEqual({
    code: 0,
    text: expect.stringMatching(/^Waiting for process \d+, which is installing/),
  });
  expect(calls()).toBe(2);
});

describe('a sentence gives the remedy when', () => {
  test.each<[string, string, RegExp]>([
    [
      'npm fails',
      'echo "npm error nothing there" >&2; exit 7',
      /npm error nothing there\n`npm ci` failed \(7\); its output is above\. Fix the cause, then run the command again\.\n$/,
    ],
    [
      'the Node package was installed without its program',
      'mkdir -p node_modules/.bin',
      /node_modules\/\.bin\/node is not Node 24\. Allow npm to run install scripts \(.*\), then run `npm rebuild node`\.\n$/,
    ],
  ])('%s, and the next run tries again', async (_when, script, sentence) => {
    scratch.program('npm', script);
    expect(await setUp()).toMatchObject({ code: 1, text: expect.stringMatching(sentence) });
    scratch.program('npm', fakeNpm);
    expect(await setUp()).toMatchObject({ code: 0 });
  });
});

test('every command of package.json begins with it', () => {
  const manifest: unknown = JSON.parse(readFileSync(join(hack, '../package.json'), 'utf8'));
  expect(Object.values(Object(manifest).scripts)).toSatisfy((scripts: string[]) =>
    scripts.every((script) => script.startsWith('node hack/setup.mjs && exec node_modules/.bin/node ')),
  );
});
