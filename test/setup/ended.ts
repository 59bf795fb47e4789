import type { ChildProcess } from 'node:child_process';

/** How a process ended, and what it said on both streams. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly text: string;
}

/** Call it as soon as the process is started, or what it says first is missed. */
export function ended(child: ChildProcess): Promise<Ended> {
  return listenTo(child).ended;
}

/** The same, with the output of the process so far. */
export function listenTo(child: ChildProcess): { readonly said: () => string; readonly ended: Promise<Ended> } {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  }
  const end = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, text }));
  });
  return { said: () => text, ended: end };
}
