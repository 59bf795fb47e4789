/**
 * One process at a time, between processes of one machine. The lock is a folder holding a note on its owner. It comes into being
 * by one `rename`, note included, so a partial lock is never visible; and it outlives its owner only until the next one asks, who sees
 * that the process in the note is gone.
 *
 * Plain JavaScript, because the set-up runs under whatever Node there is.
 */
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Who holds a lock: `startedAt` distinguishes a process from a later one with the same id.
 * @typedef {{ readonly pid: number, readonly startedAt: string, readonly doing: string }} Owner
 */

/**
 * A lock that is ours. `shareWith` makes a child process an owner too: when this one is killed, the lock is held until the child,
 * which lives on, has ended.
 * @typedef {{ release(): void, shareWith(pid: number): void }} Lock
 */

/**
 * Waits for the lock. `onWait` is called once for each owner waited for.
 * @param {string} path a folder that does not exist while the lock is free
 * @param {string} doing what waiting processes print: "building etcd"
 * @param {(owner: Owner) => void} onWait
 * @returns {Promise<Lock>}
 */
export async function takeLock(path, doing, onWait = () => {}) {
  mkdirSync(dirname(path), { recursive: true });
  const mine = mkdtempSync(`${path}.`);
  note(join(mine, 'owner'), process.pid, doing);
  /** @type {string[]} */
  const leftovers = [];
  /** @type {number | undefined} */
  let waitedFor;
  try {
    while (!tryRename(mine, path)) {
      const owner = readNote(join(path, 'owner'));
      if (owner === undefined) continue;
      const alive = [owner, readNote(join(path, 'child'))].find((one) => one !== undefined && isAlive(one));
      if (alive !== undefined) {
        if (waitedFor !== alive.pid) onWait(alive);
        waitedFor = alive.pid;
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
  return {
    shareWith(pid) {
      // Written elsewhere and renamed, so that a partial note is never read.
      note(join(path, `child-${pid}`), pid, doing);
      renameSync(join(path, `child-${pid}`), join(path, 'child'));
    },
    release() {
      // Renamed first: taken apart in place, it would for a moment be a lock without an owner.
      renameSync(path, mine);
      for (const folder of [mine, ...leftovers]) rmSync(folder, { recursive: true, force: true });
    },
  };
}

/**
 * @param {string} file
 * @param {number} pid
 * @param {string} doing
 */
function note(file, pid, doing) {
  writeFileSync(file, JSON.stringify({ pid, startedAt: startOf(pid), doing }));
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
 * A note in a lock, or nothing when there is none, perhaps because the lock was given back meanwhile.
 * @param {string} file
 * @returns {Owner | undefined}
 */
function readNote(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
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
    // A process of another user can't be signaled, but it is there.
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
