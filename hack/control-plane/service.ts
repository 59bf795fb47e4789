import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Refusal } from './refusal.ts';

/** Kubernetes and etcd start within seconds; on a machine that is busy otherwise it may take a minute. */
const startDeadline = 120_000;

/** How a program is run. */
export interface Command {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  /** Added to, so that a restart keeps what was said before. */
  readonly logFile: string;
}

/** One running program of the control plane. */
export class Service {
  readonly #command: Command;
  readonly #child: ChildProcess;
  #isStopping = false;
  #hasEnded = false;
  /** Resolves when it ended, however that came, with how: `code 1`, `SIGKILL`. */
  readonly ended: Promise<string>;

  constructor(command: Command) {
    this.#command = command;
    const log = openSync(command.logFile, 'a');
    // A separate process group: Ctrl-C in the terminal is for this process, which stops the programs in the right order.
    this.#child = spawn(command.program, command.args, { detached: true, stdio: ['ignore', log, log] });
    closeSync(log);
    const { promise, resolve } = Promise.withResolvers<string>();
    this.#child.once('error', (error) => resolve(error.message));
    this.#child.once('exit', (code, signal) => resolve(signal ?? `code ${code}`));
    this.ended = promise.then((how) => {
      this.#hasEnded = true;
      return how;
    });
  }

  /** Undefined when it could not be started at all. */
  get pid(): number | undefined {
    return this.#hasEnded ? undefined : this.#child.pid;
  }

  /** Waits until `isReady` returns true. Throws a Refusal with the end of its log when it exits before, or takes too long. */
  async ready(isReady: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + startDeadline;
    while (!(await isReady())) {
      if (this.#hasEnded) throw this.#refusal(`exited (${await this.ended}) before it was ready`);
      if (performance.now() > deadline) throw this.#refusal(`was not ready after ${startDeadline / 1_000} s`);
      await sleep(50);
    }
  }

  /** Resolves with a message when the program ends unexpectedly. */
  async failure(): Promise<Refusal> {
    const how = await this.ended;
    return this.#isStopping ? new Promise<Refusal>(() => {}) : this.#refusal(`exited unexpectedly (${how})`);
  }

  /** Ends it at once, and waits for that. */
  async kill(): Promise<void> {
    this.#isStopping = true;
    this.#child.kill('SIGKILL');
    await this.ended;
  }

  #refusal(what: string): Refusal {
    const { name, logFile } = this.#command;
    const lines = readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-15);
    return new Refusal(`${name} ${what}. The end of its log:\n${lines.join('\n')}\nFull log: ${logFile}`);
  }
}
