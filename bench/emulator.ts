import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { CallEntry } from '../src/emulator/ledger.ts';
import type { Counts } from './readings.ts';

/** What the emulator's ledger holds, as its control API tells it. */
export interface LedgerPage {
  /** Those after the asked-for `seq`. */
  readonly calls: readonly CallEntry[];
  readonly callsByOperation: Counts;
  readonly liveMachines: readonly unknown[];
  readonly duplicates: readonly unknown[];
  readonly forbiddenTransitions: readonly unknown[];
  readonly impossibleEffects: readonly unknown[];
}

/** The emulated provider in a process of its own, so that its work is not measured as anybody else's. */
export interface EmulatorProcess {
  readonly url: string;
  ledger(since?: number): Promise<LedgerPage>;
  stop(): Promise<void>;
}

/** Short, so that the operator is measured and not the provider; milliseconds. */
const latencies = { pickup: 20, provision: 100, start: 50, halt: 50 };

/** Starts it on a free port; it ends with this process. */
export async function startEmulator(apiKey: string): Promise<EmulatorProcess> {
  const flags = Object.entries(latencies).flatMap(([name, latency]) => ['--latency', `${name}=${latency}`]);
  const program = join(import.meta.dirname, '../src/emulator/main.ts');
  const child = spawn(process.execPath, [program, '--port', '0', '--key', apiKey, ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const killWithParent = (): void => void child.kill('SIGKILL');
  process.once('exit', killWithParent);
  const exited = once(child, 'exit').then(() => process.off('exit', killWithParent));
  const url = await readUrl(child);
  return {
    url,
    async ledger(since = 0) {
      const answer = await fetch(`${url}/_emulator/ledger?since=${since}`);
      if (!answer.ok) throw new Error(`the emulator does not show its ledger: ${answer.status}`);
      // Our own program, at the same commit: what it sends is what src/emulator/control.ts puts together.
      return (await answer.json()) as LedgerPage;
    },
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** Its first line says where it listens. */
async function readUrl({ stdout }: ChildProcess): Promise<string> {
  if (stdout === null) throw new Error('the emulator has no output');
  for await (const line of createInterface({ input: stdout })) {
    const [url] = /http:\/\/\S+/.exec(line) ?? [];
    // Whatever else it prints is not read; it must not wait for anybody to read it.
    stdout.resume();
    if (url !== undefined) return url;
  }
  throw new Error('the emulator ended before it listened');
}
