import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

/** What a reader of a page has: a shell that stops at the first command that fails. Answers what both streams got. */
export async function readerShell(
  script: string,
  options: { readonly env: Readonly<Record<string, string>>; readonly cwd?: string },
): Promise<string> {
  const child = spawn('bash', ['--norc', '-euo', 'pipefail', '-c', script], {
    ...options,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const code = await ended;
  return code === 0 ? stdout + stderr : `${stdout}${stderr}\nexit code ${code}`;
}

/** Ages, addresses, ids and widths of columns are the reader's own. */
export function plain(output: string): string {
  return output
    .replaceAll(/\b\d+\.\d+\.\d+\.\d+\b/g, 'ADDRESS')
    .replaceAll(/\b1\d{3}\b/g, 'ID')
    .replaceAll(/\b\d+(?:ms|s|m)\b/g, 'AGE')
    .replaceAll(/[ \t]+/g, ' ')
    .trim();
}
