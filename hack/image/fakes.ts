/**
 * Images from files of this host that have the names of the Dockerfile's base images, so that the unchanged Dockerfile
 * can be built without a registry. They contain only what its steps and its result need.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { constants, copyFileSync, cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Unable, type Buildah } from './buildah.ts';

const KEY_LABEL = 'stand-in';

/** Creates both stand-ins unless the store has current ones. `work` is scratch space. */
export function makeFakes(buildah: Buildah, bases: { build: string; run: string }, work: string): void {
  const npmProgram = process.env['npm_execpath'];
  if (npmProgram === undefined)
    throw new Unable('Start this as `npm run image`: the build stage gets the npm that runs it.');
  const npm = path.resolve(npmProgram, '../..');
  const npmVersion = JSON.parse(readFileSync(path.join(npm, 'package.json'), 'utf8')).version;
  const key = createHash('sha256')
    .update(readFileSync(import.meta.filename))
    .update(`${process.version} ${process.arch} ${npmVersion}`)
    .digest('hex');
  if (Object.values(bases).every((base) => buildah.inspect(base)?.Labels?.[KEY_LABEL] === key)) return;

  const build = new Rootfs(path.join(work, 'build'));
  for (const program of ['/bin/sh', '/usr/bin/env']) build.addProgram(program);
  build.addProgram(process.execPath, '/usr/local/bin/node');
  build.addFolder(npm, '/usr/local/lib/node_modules/npm');
  build.addLink('/usr/local/bin/npm', '../lib/node_modules/npm/bin/npm-cli.js');
  build.addFile('/etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n');
  build.addFile('/etc/group', 'root:x:0:\n');
  for (const folder of ['/root', '/tmp']) build.addFolder(undefined, folder);
  build.commit(buildah, bases.build, [`LABEL ${KEY_LABEL}=${key}`, 'ENV PATH=/usr/local/bin:/usr/bin:/bin']);

  const run = new Rootfs(path.join(work, 'run'));
  fillRunBase(run);
  run.commit(buildah, bases.run, [`LABEL ${KEY_LABEL}=${key}`, 'ENTRYPOINT ["/nodejs/bin/node"]']);
}

/** The content of the operator's base image: Node, and its user. */
export function fillRunBase(run: Rootfs): void {
  run.addProgram(process.execPath, '/nodejs/bin/node');
  run.addFile(
    '/etc/passwd',
    'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532::/home/nonroot:/sbin/nologin\n',
  );
  run.addFile('/etc/group', 'root:x:0:\nnonroot:x:65532:\n');
  for (const folder of ['/home/nonroot', '/tmp']) run.addFolder(undefined, folder);
}

/** A root file system that is built in `folder/rootfs`. */
export class Rootfs {
  /** The folder. */
  readonly path: string;
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    this.path = path.join(folder, 'rootfs');
    mkdirSync(this.path, { recursive: true });
  }

  /** Copies a program with its shared libraries, these to where the loader looks for them. */
  addProgram(file: string, target = file): void {
    copyFileSync(file, this.#place(target), constants.COPYFILE_FICLONE);
    const { stdout, status } = spawnSync('ldd', [file], { encoding: 'utf8' });
    if (status !== 0) throw new Unable(`ldd did not print which libraries ${file} needs.`);
    for (const [, library] of stdout.matchAll(/(\/\S+) \(0x/g)) {
      if (library !== undefined) copyFileSync(library, this.#place(library));
    }
  }

  addFolder(source: string | undefined, target: string): void {
    if (source === undefined) mkdirSync(this.#place(target));
    else cpSync(source, this.#place(target), { recursive: true });
  }

  addFile(target: string, text: string): void {
    writeFileSync(this.#place(target), text);
  }

  addLink(target: string, to: string): void {
    symlinkSync(to, this.#place(target));
  }

  commit(buildah: Buildah, tag: string, lines: readonly string[]): void {
    writeFileSync(path.join(this.#folder, 'Dockerfile'), ['FROM scratch', 'COPY rootfs/ /', ...lines, ''].join('\n'));
    buildah.build(this.#folder, tag);
  }

  #place(target: string): string {
    const place = path.join(this.path, target);
    mkdirSync(path.dirname(place), { recursive: true });
    return place;
  }
}
