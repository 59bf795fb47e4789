import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { ensureComponents } from '../../hack/control-plane/components.ts';
import { sharedCluster } from './shared-cluster.ts';
import { projectRoot } from './pages.ts';

/** `curl` in a reader's shell: the machine may have none. */
const curl = `curl() { '${process.execPath}' '${path.join(import.meta.dirname, 'curl.ts')}' "$@"; }`;

/**
 * What a reader of a page has: a shell that stops at the first command that fails, with jq and curl. Returns what both streams got.
 */
export async function readerShell(
  script: string,
  options: { readonly env: Readonly<Record<string, string>>; readonly cwd?: string },
): Promise<string> {
  const { jq } = await ensureComponents(['jq']);
  const child = spawn('bash', ['--norc', '-euo', 'pipefail', '-c', `${curl}\n${script}`], {
    ...options,
    // The plugin needs a node, which the machine may not have.
    env: { ...options.env, PATH: `${path.dirname(jq)}:${options.env['PATH']}:${path.dirname(process.execPath)}` },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const code = await ended;
  return code === 0 ? stdout + stderr : `${stdout}${stderr}\nexit code ${code}`;
}

/** A reader's shell in a checkout, with kubectl for this namespace of the shared cluster; the reader's files are in `directory`. */
export async function readerOf(
  directory: string,
  namespace: string,
  checkout = projectRoot,
): Promise<(script: string) => Promise<string>> {
  const { kubeconfig, kubectl } = sharedCluster();
  const bin = path.join(directory, 'bin');
  mkdirSync(bin, { recursive: true });
  symlinkSync(kubectl, path.join(bin, 'kubectl'));
  const own = path.join(directory, 'kubeconfig');
  writeFileSync(own, readFileSync(kubeconfig));
  const env = { PATH: `${bin}:${process.env['PATH']}`, KUBECONFIG: own, HOME: directory };
  const shell = (script: string): Promise<string> => readerShell(script, { env, cwd: checkout });
  // The namespace is part of what the reader has chosen before.
  await shell(`kubectl config set-context --current --namespace=${namespace}`);
  return shell;
}

/** Times, ages, addresses, ids and widths of columns are the reader's own. */
export function plain(output: string): string {
  return output
    .replaceAll(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, 'TIME')
    .replaceAll(/\b\d+\.\d+\.\d+\.\d+\b|\b2001:db8:[\da-f:]*/g, 'ADDRESS')
    .replaceAll(/\b1\d{3}\b/g, 'ID')
    .replaceAll(/-[\da-f]{8}\b/g, '-UID')
    .replaceAll(/\b(?:\d+(?:ms|h|m|s))+\b/g, 'AGE')
    .replaceAll(/[ \t]+$/gm, '')
    .replaceAll(/[ \t]+/g, ' ')
    .trim();
}
