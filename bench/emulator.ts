import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { CallEntry } from '../emulator/ledger.ts';
import type { Counts } from './readings.ts';

/** The emulator's ledger, as its control API returns it. */
export interface LedgerPage extends CallsPage {
  readonly liveMachines: readonly unknown[];
  readonly duplicates: readonly unknown[];
  readonly forbiddenTransitions: readonly unknown[];
  readonly impossibleEffects: readonly unknown[];
}

export interface CallsPage {
  /** The calls after the requested `seq`. */
  readonly calls: readonly CallEntry[];
  readonly callsByOperation: Counts;
}

/** The fields of a listed VM that the bench reads. */
export interface ListedMachine {
  readonly id: number;
  readonly name: string;
  readonly created_at: string;
  readonly virtual_machine_disk_ids: readonly number[];
  readonly ip_allocations: readonly { readonly first: string }[];
}

/** The emulated provider in a separate process, so that its work isn't measured with that of another one. */
export interface EmulatorProcess {
  readonly url: string;
  ledger(): Promise<LedgerPage>;
  /** Only the calls of the ledger, which cost almost nothing. */
  calls(since?: number): Promise<CallsPage>;
  /** Creates a running VM, as if it had been created long ago; returns its id. */
  place(name: string): Promise<number>;
  machines(): Promise<readonly ListedMachine[]>;
  stop(): Promise<void>;
}

/** Short, so that the bench measures the operator and not the provider; milliseconds. */
const latencies = { pickup: 20, provision: 100, start: 50, halt: 50 };

/** Starts it on a free port; it ends with this process. */
export async function startEmulator(apiKey: string): Promise<EmulatorProcess> {
  const flags = Object.entries(latencies).flatMap(([name, latency]) => ['--latency', `${name}=${latency}`]);
  const program = join(import.meta.dirname, '../emulator/main.ts');
  const child = spawn(process.execPath, [program, '--port', '0', '--key', apiKey, ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const killWithParent = (): void => void child.kill('SIGKILL');
  process.once('exit', killWithParent);
  const exited = once(child, 'exit').then(() => process.off('exit', killWithParent));
  const url = await readUrl(child);
  const ask = async (path: string, init?: RequestInit): Promise<unknown> => {
    const answer = await fetch(`${url}${path}`, init);
    if (!answer.ok) throw new Error(`the emulator answers ${answer.status} to ${path}`);
    return answer.json();
  };
  return {
    url,
    // `as`: our own program at the same commit; emulator/control-api.ts and wire-format.ts define what it sends.
    ledger: async () => (await ask('/_emulator/ledger')) as LedgerPage,
    calls: async (since = 0) => (await ask(`/_emulator/calls?since=${since}`)) as CallsPage,
    place: async (name) => {
      const body = JSON.stringify({ name });
      const { id } = (await ask('/_emulator/machines', { method: 'POST', body })) as { readonly id: number };
      return id;
    },
    machines: async () =>
      (await ask('/virtual_machines', { headers: { 'x-api-key': apiKey } })) as readonly ListedMachine[],
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** Its first line contains the address that it listens on. */
async function readUrl({ stdout }: ChildProcess): Promise<string> {
  if (stdout === null) throw new Error('the emulator has no output');
  for await (const line of createInterface({ input: stdout })) {
    const [url] = /http:\/\/\S+/.exec(line) ?? [];
    // Its further output isn't read, and must not block it.
    stdout.resume();
    if (url !== undefined) return url;
  }
  throw new Error('the emulator ended before it listened');
}
