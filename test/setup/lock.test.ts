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

test('nothing is left of a released lock', async () => {
  const lock = await takeLock(scratch.at('locks', 'lock'), 'testing');
  expect(existsSync(scratch.at('locks', 'lock'))).toBe(true);
  lock.release();
  expect(readdirSync(scratch.at('locks'))).toEqual([]);
});

test('the second one waits, and reports once who holds the lock and for what', async () => {
  const first = await takeLock(scratch.at('lock'), 'building etcd');
  const onWait = vi.fn<(owner: object) => void>(() => first.release());
  (await takeLock(scratch.at('lock'), 'building kubectl', onWait)).release();
  expect(onWait).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ pid: process.pid, doing: 'building etcd' }));
});

/** A process that takes the lock, does something with it, and is killed. */
async function takeAndDie(something = ''): Promise<void> {
  const script = `import { takeLock } from '${module}';
    const lock = await takeLock('${scratch.at('lock')}', 'dying'); ${something}; process.kill(process.pid, 'SIGKILL')`;
  const { signal } = await ended(spawn(process.execPath, ['--input-type=module', '-e', script]));
  expect(signal).toBe('SIGKILL');
  expect(existsSync(scratch.at('lock', 'owner'))).toBe(true);
}

test('the lock of a killed process is free, and its files are removed with the next lock', async () => {
  await takeAndDie();
  const onWait = vi.fn<() => void>();
  const lock = await takeLock(scratch.at('lock'), 'testing', onWait);
  expect(onWait).not.toHaveBeenCalled();
  lock.release();
  expect(readdirSync(scratch.path)).toEqual(['bin']);
});

test('of many that find the lock of a dead process, one at a time gets it', async () => {
  await takeAndDie();
  let holders = 0;
  const most: number[] = [];
  await Promise.all(
    Array.from({ length: 10 }, async () => {
      const lock = await takeLock(scratch.at('lock'), 'testing');
      holders += 1;
      most.push(holders);
      await new Promise(setImmediate);
      holders -= 1;
      lock.release();
    }),
  );
  expect(most).toEqual(Array.from({ length: 10 }, () => 1));
});

test('the lock that a killed process shares with its child is held until that has ended', async () => {
  const child = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] });
  const end = ended(child);
  await takeAndDie(`lock.shareWith(${child.pid})`);
  const onWait = vi.fn<(owner: object) => void>(() => child.stdin.end());
  (await takeLock(scratch.at('lock'), 'testing', onWait)).release();
  expect(onWait).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ pid: child.pid, doing: 'dying' }));
  await end;
});
