import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { buildPlugin } from '../../hack/build.ts';

/** Builds the kubectl plugin, and installs it under both of its names in a folder of a PATH. */
export async function installPlugin(bin: string): Promise<void> {
  mkdirSync(bin, { recursive: true });
  const file = await buildPlugin(path.join(bin, 'lib'));
  for (const name of ['kubectl-vps', 'kubectl_complete-vps']) {
    rmSync(path.join(bin, name), { force: true });
    symlinkSync(file, path.join(bin, name));
  }
}
