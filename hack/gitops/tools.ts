/** How the libraries of GitOps tools interpret objects (hack/control-plane/gitops). */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { apiVersion, kind } from '../../src/api/v1alpha1/constants.ts';
import { ensureComponents } from '../control-plane/components.ts';
import type { KStatus } from './health-table.ts';

const scripts = join(import.meta.dirname, '../../deploy/gitops/argocd');

/** The status of each object by the library kstatus. Throws a Refusal when the program cannot be built. */
export async function kstatusesOf(objects: readonly object[]): Promise<readonly KStatus[]> {
  const answers = await ask(objects, 'kstatus');
  // `as`: the program prints this format.
  return answers.map((answer) => (answer as { readonly status: KStatus }).status);
}

/** What a script of deploy/gitops/argocd, such as `actions/pause`, returns for each object when run as by Argo CD. */
export function runScript(name: string, objects: readonly object[]): Promise<readonly unknown[]> {
  return ask(objects, 'lua', join(scripts, `${name}.lua`));
}

/** Health by Argo CD's script, for objects that are not being deleted: of those Argo CD itself says Progressing. */
export async function healthsOf(
  objects: readonly object[],
): Promise<readonly { readonly status: string; readonly message: string }[]> {
  // `as`: the script determines the result; the tests check both fields.
  return (await runScript('health', objects)) as readonly { readonly status: string; readonly message: string }[];
}

async function ask(objects: readonly object[], ...args: readonly string[]): Promise<readonly unknown[]> {
  const { gitops } = await ensureComponents(['gitops']);
  const child = spawn(gitops, args);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  // It may exit before it has read everything; its error explains that.
  child.stdin.on('error', () => {});
  child.stdin.end(objects.map((object) => `${JSON.stringify({ apiVersion, kind, ...object })}\n`).join(''));
  const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  if (code !== 0) throw new Error(`gitops ${args.join(' ')}: ${stderr}`);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line): unknown => JSON.parse(line));
}
