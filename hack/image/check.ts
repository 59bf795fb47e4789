import { readdirSync } from 'node:fs';
import path from 'node:path';
import type { Built } from './build.ts';
import { Unable, type Buildah } from './buildah.ts';

const OURS = ['app/LICENSE', 'app/THIRD-PARTY-LICENSES', 'app/kubectl-vps.mjs', 'app/vps247-operator.mjs'];
const USER = '65532:65532';
const SHELLS = new Set(['sh', 'bash', 'dash', 'ash', 'ksh', 'zsh', 'busybox']);

/** Verified facts about an image: one sentence each. Throws `Unable` at the first check that fails. */
export function* checkImage({ buildah, image, base, version }: Built): Generator<string> {
  const { User: user, Entrypoint: entrypoint = [] } = buildah.inspect(image) ?? {};
  mustBe('the user', user, USER);

  const [files, baseFiles] = [image, base].map((name) => filesOf(buildah, name));
  const added = files?.filter((file) => !baseFiles?.includes(file));
  mustBe('what it adds to its base image', added?.toSorted().join(' '), OURS.join(' '));
  yield `it only adds to its base image ${OURS.join(', ')}`;

  mustBe('the shells in it', files?.filter((file) => SHELLS.has(path.basename(file))).join(' '), '');
  yield 'it contains no shell';

  // Run as the image specifies: its user, its entry point.
  const [node = '', ...program] = entrypoint;
  const ids = 'process.getuid() + ":" + process.getgid()';
  mustBe('the user it runs as', run(buildah, image, [node, '--print', ids]), USER);
  yield `it runs as ${USER}`;

  const answer = run(buildah, image, [node, ...program, '--version']);
  mustBe('its answer to --version', answer, `vps247-operator ${version}`);
  yield `its entry point (${entrypoint.join(' ')}) answers --version: ${answer}`;
}

function mustBe(what: string, actual: string | undefined, expected: string): void {
  if (actual !== expected) throw new Unable(`Wrong image: ${what} should be "${expected}" and is "${actual}".`);
}

/** Paths of all files and links in an image, without the leading slash. */
function filesOf(buildah: Buildah, image: string): string[] {
  return buildah.inContainer(image, (container) => {
    const rootfs = buildah.run('mount', container);
    return readdirSync(rootfs, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => path.relative(rootfs, path.join(entry.parentPath, entry.name)));
  });
}

function run(buildah: Buildah, image: string, command: readonly string[]): string {
  return buildah.inContainer(image, (container) =>
    buildah.run('run', '--isolation', 'chroot', container, '--', ...command),
  );
}
