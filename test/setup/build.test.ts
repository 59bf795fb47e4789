import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeEach, describe, expect, test } from 'vitest';
import { recipeOf } from '../../hack/control-plane/catalog.ts';
import { ensureComponents } from '../../hack/control-plane/components.ts';
import { Refusal } from '../../hack/control-plane/refusal.ts';
import { listenTo } from './ended.ts';
import { fakeGo } from './fake-go.ts';
import { Scratch } from './scratch.ts';

let scratch: Scratch;
beforeEach(() => {
  scratch = new Scratch();
  scratch.program('go', fakeGo);
  return () => scratch[Symbol.dispose]();
});

const enough = () => 1e12;

/** Runs ensureComponents as this test's user would, and answers what it printed as well. */
async function ensure(freeBytes = enough) {
  let printed = '';
  const output = { write: (text: string) => (printed += text) };
  const { etcd } = await ensureComponents(['etcd'], { env: scratch.env, freeBytes, output });
  return { etcd, printed };
}

/** The same, in a separate process that can be killed. */
function ensureElsewhere() {
  const module = pathToFileURL(join(import.meta.dirname, '../../hack/control-plane/components.ts')).href;
  const script = `import { ensureComponents } from '${module}';
    await ensureComponents(['etcd'], { freeBytes: () => 1e12 }).catch((error) => { console.log(error.message); process.exitCode = 1; });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { env: scratch.env });
  return { child, ...listenTo(child) };
}

describe('the cache is divided by', () => {
  test('version and platform, readable, and a hash of all pinned versions', () => {
    const { folder, version } = recipeOf('kubectl', scratch.env);
    expect(version).toMatch(/^v1\.\d+\.\d+$/);
    expect(folder).toBe(scratch.at('cache', 'vps247-operator', 'control-plane', folder.split('/').at(-1) ?? ''));
    expect(folder).toMatch(new RegExp(`/kubernetes-${version}-${process.platform}-${process.arch}-[0-9a-f]{12}$`));
    expect(recipeOf('kube-apiserver', scratch.env).folder, 'pinned by the same go.mod').toBe(folder);
    expect(recipeOf('etcd', scratch.env).folder).not.toBe(folder);
  });

  test('the home directory by default', () => {
    const { XDG_CACHE_HOME: _, ...env } = scratch.env;
    expect(recipeOf('etcd', env).folder).toContain(scratch.at('.cache', 'vps247-operator'));
  });
});

test('a program is built once, with progress, and found from then on', async () => {
  const first = await ensure();
  expect(first.printed).toMatch(/Downloading the sources of etcd v[\s\S]*\nBuilt etcd v3\.\d+\.\d+ in \d+ s\n$/);
  expect(existsSync(first.etcd)).toBe(true);
  expect(readdirSync(dirname(first.etcd)), 'neither log nor half binary').toEqual(['etcd']);
  expect(await ensure()).toEqual({ etcd: first.etcd, printed: '' });
  expect(scratch.lines('builds')).toHaveLength(1);
});

test('two at once build once, and the second one reports the process that it waits for', async () => {
  scratch.write('slow');
  const first = ensureElsewhere();
  await expect.poll(() => scratch.lines('builds')).toHaveLength(1);
  const second = ensureElsewhere();
  await expect.poll(second.said).toContain('Waiting');
  scratch.write('finish');
  expect((await first.ended).code).toBe(0);
  expect(await second.ended).toMatchObject({
    code: 0,
    text: `Waiting for process ${first.child.pid}, which is building etcd.\n`,
  });
  expect(scratch.lines('builds')).toHaveLength(1);
});

describe('an interrupted build', () => {
  test.each<[NodeJS.Signals]>([['SIGINT'], ['SIGTERM']])('on %s reports it and leaves nothing', async (signal) => {
    scratch.write('slow');
    const run = ensureElsewhere();
    await expect.poll(() => scratch.lines('builds')).toHaveLength(1);
    run.child.kill(signal);
    const { code, text } = await run.ended;
    expect(code).toBe(1);
    expect(text).toContain('Building etcd was interrupted. The next run continues from there.');
    expect(readdirSync(recipeOf('etcd', scratch.env).folder)).toEqual(['etcd.log']);
  });

  test('leaves no binary after kill -9 either, and the next run builds again', async () => {
    scratch.write('slow');
    const run = ensureElsewhere();
    await expect.poll(() => scratch.lines('builds')).toHaveLength(1);
    run.child.kill('SIGKILL');
    await run.ended;
    // Go itself continues and finishes, without effect.
    scratch.write('finish');
    await expect.poll(() => scratch.lines('built')).toHaveLength(1);
    const { folder } = recipeOf('etcd', scratch.env);
    expect(existsSync(join(folder, 'etcd'))).toBe(false);
    await ensure();
    expect(readdirSync(folder)).toEqual(['etcd']);
  });
});

/** A Go that has a version, and does nothing. */
const go = (version: string) => `echo ${version}; echo "$SCRATCH/modules"; echo "$SCRATCH/go-build"`;

describe('a sentence gives the remedy when', () => {
  test.each<[string, () => Promise<unknown>, RegExp]>([
    [
      'Go is missing',
      () =>
        ensureComponents(['etcd'], { env: { ...scratch.env, PATH: scratch.at('nothing') }, output: { write() {} } }),
      /^Building etcd needs Go 1\.26\.0 or newer, but there is no `go` on the PATH\. Install it from .*, or set KUBEBUILDER_ASSETS/,
    ],
    [
      'Go is too old',
      () => {
        scratch.program('go', go('go1.25.9'));
        return ensure();
      },
      /^Building etcd needs Go 1\.26\.0 or newer, but this is go1\.25\.9\. Install /,
    ],
    [
      'Go is too old to say more than that',
      () => {
        scratch.program('go', 'echo "go: go.mod requires go >= 1.26.0" >&2; exit 1');
        return ensure();
      },
      /^Building etcd needs Go 1\.26\.0 or newer, but the installed one is older\. Install /,
    ],
    [
      'the disk is full',
      () => ensure(() => 0.4e9),
      /^Building etcd needs about 1\.0 GB, but .*modules is on a disk with 0\.4 GB free\. Free some space, or set KUBEBUILDER_ASSETS /,
    ],
    [
      'the disk has room for the sources, but not for what is compiled of them',
      () => ensure(() => 1.5e9),
      /^Building etcd needs about 1\.7 GB, but .* is on a disk with 1\.5 GB free\. Free some space, /,
    ],
    [
      'sources cannot be had',
      () => {
        scratch.program('go', `[ "$1" = list ] && exit 1; ${go('go1.26.0')}`);
        return ensure();
      },
      /^The sources of etcd v.* could not be downloaded\. The output of Go is in .*etcd\.log\. Fix the cause, then run the command again\.$/,
    ],
    [
      'KUBEBUILDER_ASSETS lacks a program',
      () => ensureComponents(['etcd'], { env: { KUBEBUILDER_ASSETS: scratch.at('bin') } }),
      /^KUBEBUILDER_ASSETS is .*bin, which has no program etcd\. Add it, or unset the variable\.$/,
    ],
  ])('%s', async (_when, run, sentence) => {
    const error = await run().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Refusal);
    expect(error).toHaveProperty('message', expect.stringMatching(sentence));
  });

  test('the build fails; then the log that it names contains the reason', async () => {
    scratch.program('go', `${fakeGo}\n[ "$1" = -o ] && { echo "x.go:1: no" >&2; rm "$2"; exit 1; }; exit 0`);
    const error = await ensure().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Refusal);
    const log = recipeOf('etcd', scratch.env).folder.slice(scratch.path.length + 1);
    expect(error).toHaveProperty(
      'message',
      expect.stringMatching(/^Building etcd v.* failed\. The output of Go is in /),
    );
    expect(error).toHaveProperty('message', expect.stringContaining(`${log}/etcd.log. Fix`));
    expect(scratch.lines(`${log}/etcd.log`)).toContain('x.go:1: no');
    expect(readdirSync(scratch.at(log))).toEqual(['etcd.log']);
  });
});

test('programs of KUBEBUILDER_ASSETS are used as they are, and kube-controller-manager is built if it is missing there', async () => {
  scratch.program('etcd', '');
  const env = { ...scratch.env, KUBEBUILDER_ASSETS: scratch.at('bin') };
  const ensureBoth = () =>
    ensureComponents(['etcd', 'kube-controller-manager'], { env, freeBytes: enough, output: { write: () => {} } });
  const built = join(recipeOf('kube-controller-manager', env).folder, 'kube-controller-manager');
  expect(await ensureBoth()).toEqual({ etcd: scratch.at('bin', 'etcd'), 'kube-controller-manager': built });
  expect(scratch.lines('builds')).toHaveLength(1);
  scratch.program('kube-controller-manager', '');
  expect(await ensureBoth()).toHaveProperty('kube-controller-manager', scratch.at('bin', 'kube-controller-manager'));
});
