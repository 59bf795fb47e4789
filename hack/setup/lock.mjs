/**
 * One process at a time, between processes of one machine. The lock is a folder holding a note on its owner. It comes into being
 * by one `rename`, note included, so nobody ever sees half of it; and it outlives its owner only until the next one asks, who sees
 * that the process in the note is gone.
 *
 * Plain JavaScript, because the set-up runs under whatever Node there is.
 */
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Who holds a lock: `startedAt` tells a process from a later one that was given the same id.
 * @typedef {{ readonly pid: number, readonly startedAt: string, readonly doing: string }} Owner
 */

/**
 * Waits for the lock and returns the function that gives it back. `onWait` is told once for each owner waited for.
 * @param {string} path a folder that does not exist while the lock is free
 * @param {string} doing what others are told while they wait: "building etcd"
 * @param {(owner: Owner) => void} onWait
 * @returns {Promise<() => void>}
 */
export async function takeLock(path, doing, onWait = () => {}) {
  mkdirSync(dirname(path), { recursive: true });
  const mine = mkdtempSync(`${path}.`);
  writeFileSync(join(mine, 'owner'), JSON.stringify({ pid: process.pid, startedAt: startOf(process.pid), doing }));
  /** @type {string[]} */
  const leftovers = [];
  /** @type {number | undefined} */
  let waitedFor;
  try {
    while (!tryRename(mine, path)) {
      const owner = readOwner(path);
      if (owner === undefined) continue;
      if (isAlive(owner)) {
        if (waitedFor !== owner.pid) onWait(owner);
        waitedFor = owner.pid;
        await sleep(200);
      } else {
        // Everyone who finds the same dead owner renames to the same place, and only the first can: a folder that is not empty is
        // never replaced. It stays there until this lock is given back, so a latecomer cannot push a living owner aside.
        const grave = `${path}.dead-${owner.pid}-${owner.startedAt}`;
        if (tryRename(path, grave)) leftovers.push(grave);
      }
    }
  } catch (error) {
    rmSync(mine, { recursive: true, force: true });
    throw error;
  }
  return () => {
    // Renamed first: taken apart in place, it would for a moment be a lock without an owner.
    renameSync(path, mine);
    for (const folder of [mine, ...leftovers]) rmSync(folder, { recursive: true, force: true });
  };
}

/**
 * @param {string} from
 * @param {string} to
 */
function tryRename(from, to) {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(codeOf(error))) return false;
    throw error;
  }
}

/**
 * The note in a lock, or nothing when the lock was given back meanwhile.
 * @param {string} path
 * @returns {Owner | undefined}
 */
function readOwner(path) {
  try {
    return JSON.parse(readFileSync(join(path, 'owner'), 'utf8'));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** @param {Owner} owner */
function isAlive({ pid, startedAt }) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // A process of another user can't be signalled, but it is there.
    if (codeOf(error) !== 'EPERM') return false;
  }
  return startOf(pid) === startedAt;
}

/**
 * When the process was started, in the kernel's ticks; where there is no /proc, the id alone has to do.
 * @param {number} pid
 */
function startOf(pid) {
  try {
    // The name of the program, in brackets, may hold blanks; the fields are counted behind it.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\)/s, '').trim().split(' ');
    return fields[0] === 'Z' ? 'ended' : (fields[19] ?? '');
  } catch {
    return '';
  }
}

/**
 * @param {unknown} error
 * @returns {string}
 */
function codeOf(error) {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
