import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { ControlPlane } from '../../hack/control-plane/start.ts';

/** The temporary folder of a control plane, which identifies everything it does. */
export function folderOf({ kubeconfigPath }: Pick<ControlPlane, 'kubeconfigPath'>): string {
  return dirname(kubeconfigPath);
}

/** The processes that work in this folder, with the names of their programs. */
export function processesOf(folder: string): { pid: number; name: string }[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,args='], { encoding: 'utf8' }).split('\n');
  return lines
    .filter((line) => line.includes(folder))
    .map((line) => line.trim().split(' '))
    .map(([pid, program = '']) => ({ pid: Number(pid), name: basename(program) }));
}

/** Processes that work in this folder, and the folder itself if it is there: nothing, once a control plane has ended. */
export function tracesOf(folder: string): string[] {
  const names = processesOf(folder).map(({ name }) => name);
  return existsSync(folder) ? [...names, folder] : names;
}
