import { chmodSync, constants, copyFileSync } from 'node:fs';
import path from 'node:path';
import type { Image } from './kubelet-container.ts';
import { nodeEnvironment, nodeFlags } from './node-options.ts';

/**
 * What stands in for the operator's image where none is built: the same bundle, run by this Node in the same way. Both are copied into
 * `folder`, since the checkout may be where the user of a container cannot look.
 */
export function bundleImage(bundle: string, folder: string): Image {
  const [node, program] = [path.join(folder, 'node'), path.join(folder, 'vps247-operator.mjs')];
  copyFileSync(process.execPath, node, constants.COPYFILE_FICLONE);
  copyFileSync(bundle, program);
  chmodSync(node, 0o755);
  chmodSync(program, 0o644);
  return { entrypoint: [node, ...nodeFlags, program], env: { NODE_ENV: 'production', ...nodeEnvironment } };
}
