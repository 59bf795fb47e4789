import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/**
 * Each line says which processes run now. When no more lines come, the writer has ended: the processes are killed, and the folder
 * removed, though not before they are dead, or one might write into it again. The pipe is closed by the kernel, so this works
 * after `kill -9` as well, when no code of the writer runs any more.
 */
const script = `
pids=
while read -r line; do pids=$line; done
[ -z "$pids" ] || kill -KILL $pids
for pid in $pids; do
  tries=0
  while kill -0 $pid && [ $tries -lt 50 ]; do sleep 0.1; tries=$((tries + 1)); done
done
[ -z "$1" ] || rm -rf "$1"
`;

/** A process that outlives this one just long enough to clear up after it: kills the programs, removes their folder. */
export class Watchdog {
  readonly #child: ChildProcess;

  /** Removes `folder`, if one is given, at the end, whatever the end is. */
  constructor(folder = '') {
    // A separate process group, or Ctrl-C would end it together with this process.
    this.#child = spawn('sh', ['-c', script, 'watchdog', folder], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    // If it was killed, writing fails; this process's own clean-up is then enough.
    this.#child.stdin?.on('error', () => {});
  }

  /** From now on these processes are to die with this one. */
  watch(pids: readonly number[]): void {
    this.#child.stdin?.write(`${pids.join(' ')}\n`);
  }

  /** Nothing runs any more: removes the folder, and ends. */
  async release(): Promise<void> {
    this.#child.stdin?.end('\n');
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit');
  }
}
