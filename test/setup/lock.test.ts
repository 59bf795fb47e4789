import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeEach, expect, test, vi } from 'vitest';
import { takeLock } from '../../hack/setup/lock.mjs';
import { ended } from './ended.ts';
import { Scratch } from './scratch.ts';

const module = pathToFileURL(join(import.meta.dirname, '../../hack/setup/lock.mjs')).href;

let scratch: Scratch;
beforeEach(() => {
  scratch = new Scratch();
  return () => scratch[Symbol.dispose]();
});

test('nothing is left of a lock that was given back', async () => {
  const release = await takeLock(scratch.at('locks', 'lock'), 'testing');
  expect(existsSync(scratch.at('locks', 'lock'))).toBe(true);
  release();
  expect(readdirSync(scratch.at('locks'))).toEqual([]);
});

test('the second waits, and is told once for whom and what for', async () => {
  const release = await takeLock(scratch.at('lock'), 'building etcd');
  const onWait = vi.fn<(owner: object) => void>(release);
  (await takeLock(scratch.at('lock'), 'building kubectl', onWait))();
  expect(onWait).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ pid: process.pid, doing: 'building etcd' }));
});

/** A process that takes the lock and is killed with it. */
async function takeAndDie(): Promise<void> {
  const script = `import { takeLock } from '${module}'; await takeLock('${scratch.at('lock')}', 'dying'); process.kill(process.pid, 'SIGKILL')`;
  const { signal } = await ended(spawn(process.execPath, ['--input-type=module', '-e', script]));
  expect(signal).toBe('SIGKILL');
  expect(existsSync(scratch.at('lock', 'owner'))).toBe(true);
}

test('what a killed process held is free, and its remains go with the next lock', async () => {
  await takeAndDie();
  const onWait = vi.fn<() => void>();
  const release = await takeLock(scratch.at('lock'), 'testing', onWait);
  expect(onWait).not.toHaveBeenCalled();
  release();
  expect(readdirSync(scratch.path)).toEqual(['bin']);
});

test('of many who find the lock of a dead process, one at a time gets it', async () => {
  await takeAndDie();
  let holders = 0;
  const most: number[] = [];
  await Promise.all(
    Array.from({ length: 10 }, async () => {
      const release = await takeLock(scratch.at('lock'), 'testing');
      holders += 1;
      most.push(holders);
      await new Promise(setImmediate);
      holders -= 1;
      release();
    }),
  );
  expect(most).toEqual(Array.from({ length: 10 }, () => 1));
});
