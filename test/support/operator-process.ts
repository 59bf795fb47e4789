import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, writeFileSync } from 'node:fs';
import path from 'node:path';
import { nodeEnvironment, nodeFlags } from './node-options.ts';
import { Watchdog } from '../../hack/control-plane/watchdog.ts';

export interface OperatorOptions {
  readonly kubeconfig: string;
  readonly apiUrl: string;
  /** Flags beyond the two above, such as `['--workers', '4']`. Unless one is about leader election, there is none. */
  readonly flags?: readonly string[];
  /** Where it listens, for metrics and for health: free ports of this machine by default. */
  readonly addresses?: readonly [string, string];
  /** Variables beyond those every operator is started with. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Flags of Node itself, such as `['--cpu-prof']`. */
  readonly nodeFlags?: readonly string[];
  /** Where its log goes, `….log`; beside it goes what it was started with (`….process.json`) and its metrics (`….metrics.txt`). */
  readonly logFile: string;
  /** The program: the sources by default. */
  readonly entry?: string;
}

/** A running operator, as a separate process. */
export interface OperatorProcess {
  readonly pid: number;
  /** Where it serves metrics and health, once it has reported that. */
  readonly addresses: Promise<{ readonly metrics: string; readonly health: string }>;
  /** What it has printed until now, to either end. */
  output(): string;
  /** Writes its metrics as they are now, if it still answers. */
  keepMetrics(): Promise<void>;
  /** Keeps its metrics, then SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL at this very moment, whatever it is doing; resolves when it is gone. */
  kill(): Promise<void>;
  readonly exited: Promise<number | null>;
}

const root = path.join(import.meta.dirname, '../..');

/** Starts the operator from its sources, with nothing of this process's environment that could reach another cluster. */
export function startOperator(options: OperatorOptions): OperatorProcess {
  const { flags = [], addresses: [metricsAddress, healthAddress] = ['127.0.0.1:0', '127.0.0.1:0'] } = options;
  const args = [
    ...nodeFlags,
    ...(options.nodeFlags ?? []),
    options.entry ?? path.join(root, 'src/main.ts'),
    '--kubeconfig',
    options.kubeconfig,
    '--api-url',
    options.apiUrl,
    '--metrics-address',
    metricsAddress,
    '--health-address',
    healthAddress,
    // Alone by default: the last of two flags would be refused.
    ...(flags.some((flag) => flag.startsWith('--leader-election')) ? [] : ['--leader-election=false']),
    ...flags,
  ];
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: process.env['HOME'] ?? '',
    ...nodeEnvironment,
    ...options.variables,
  };
  const child: ChildProcess = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  const stem = options.logFile.replace(/\.log$/, '');
  writeFileSync(`${stem}.process.json`, JSON.stringify({ args, env }, null, 1));
  const log = createWriteStream(options.logFile, { flags: 'a' });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output += chunk.toString('utf8');
    });
  }
  child.stderr?.pipe(log, { end: false });
  const addresses = readAddresses(child, log);
  let metricsUrl: string | undefined;
  addresses.then(
    ({ metrics }) => (metricsUrl = `${metrics}/metrics`),
    () => {}, // a caller that needs the addresses gets the error from the promise itself
  );
  const exited = once(child, 'exit').then(([code]) => {
    log.end();
    return typeof code === 'number' ? code : null;
  });
  // The operator must not outlive its parent process, whatever ends that.
  const watchdog = new Watchdog();
  if (child.pid !== undefined) watchdog.watch([child.pid]);
  void exited.then(() => watchdog.release());
  const keepMetrics = async (): Promise<void> => {
    if (metricsUrl === undefined) return;
    try {
      const page = await fetch(metricsUrl, { signal: AbortSignal.timeout(1_000) });
      writeFileSync(`${stem}.metrics.txt`, await page.text());
    } catch {
      // It has ended, or hangs.
    }
  };
  return {
    pid: child.pid ?? 0,
    addresses,
    exited,
    output: () => output,
    keepMetrics,
    async stop() {
      await keepMetrics();
      child.kill('SIGTERM');
      return exited;
    },
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Its first line reports where it listens; all lines go to the log. */
function readAddresses(child: ChildProcess, log: NodeJS.WritableStream): Promise<{ metrics: string; health: string }> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      log.write(chunk);
      if (text === 'read') return;
      text += chunk.toString('utf8');
      for (const line of text.split('\n')) {
        const found = parse(line);
        if (found === undefined) continue;
        text = 'read';
        resolve(found);
        return;
      }
    });
    child.once('exit', (code) => reject(new Error(`the operator ended with ${code} before it listened`)));
  });
}

function parse(line: string): { metrics: string; health: string } | undefined {
  try {
    const fields: unknown = JSON.parse(line);
    if (typeof fields !== 'object' || fields === null || !('metrics' in fields) || !('health' in fields))
      return undefined;
    return { metrics: String(fields.metrics), health: String(fields.health) };
  } catch {
    return undefined;
  }
}
