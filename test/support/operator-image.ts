import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { currentVersion } from '../../hack/golden/versions.ts';
import { type Built, buildImage } from '../../hack/image/build.ts';
import { fillRunBase, Rootfs } from '../../hack/image/fakes.ts';
import { chartFolder } from './helm.ts';
import type { Image } from './kubelet/image.ts';
import { nodeEnvironment, nodeFlags } from './node-options.ts';

/** The default image of a chart of this version: the node finds it as if it had been published. */
function publishedName(): { readonly repository: string; readonly tag: string } {
  const { image } = parse(readFileSync(path.join(chartFolder, 'values.yaml'), 'utf8'));
  return { repository: `${image.registry}/${image.repository}`, tag: currentVersion() };
}

/**
 * What stands in for the operator's image where none can be built: the same bundle, run by this Node in the same way, in a root file
 * system in `folder` that holds what the image's base has and nothing else.
 */
export function bundleImage(bundle: string, folder: string): Image {
  const rootfs = new Rootfs(path.join(folder, 'image'));
  fillRunBase(rootfs);
  rootfs.addFile('/app/vps247-operator.mjs', readFileSync(bundle, 'utf8'));
  // As they are in every image, whatever the user of this machine has files begin with.
  spawnSync('chmod', ['-R', 'a+rX', rootfs.path]);
  return {
    ...publishedName(),
    root: rootfs.path,
    entrypoint: ['/nodejs/bin/node', ...nodeFlags, '/app/vps247-operator.mjs'],
    env: { NODE_ENV: 'production', ...nodeEnvironment },
    workingDirectory: '/app',
    account: { user: 65_532, group: 65_532 },
  };
}

/** The operator's image as `npm run image` builds it, unpacked in `folder`. Throws `Unable` with a sentence when that cannot be done here. */
export async function builtImage(folder: string): Promise<Image> {
  return buildImage((built) => unpack(built, path.join(folder, 'image')));
}

function unpack({ buildah, image }: Built, root: string): Image {
  const { User = '', Entrypoint: entrypoint = [], Env = [], WorkingDir = '/' } = buildah.inspect(image) ?? {};
  const [user = Number.NaN, group = Number.NaN] = User.split(':').map(Number);
  buildah.inContainer(image, (container) => {
    const { status, stderr } = spawnSync('cp', ['--archive', '--reflink=auto', buildah.run('mount', container), root]);
    if (status !== 0) throw new Error(`The image could not be unpacked: ${String(stderr)}`);
  });
  return {
    ...publishedName(),
    digest: buildah.digest(image),
    root,
    entrypoint,
    env: Object.fromEntries(Env.map((one) => [one.slice(0, one.indexOf('=')), one.slice(one.indexOf('=') + 1)])),
    workingDirectory: WorkingDir,
    account: { user, group },
  };
}
