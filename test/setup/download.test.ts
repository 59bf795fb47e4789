import { spawnSync } from 'node:child_process';
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { cacheFolder, recipeOf } from '../../hack/control-plane/catalog.ts';
import { ensureArchivedComponents } from '../../hack/control-plane/components.ts';
import { pinnedArchive } from '../../hack/control-plane/envtest.ts';
import { freePort } from '../../hack/control-plane/ports.ts';
import { Refusal } from '../../hack/control-plane/refusal.ts';
import {
  alwaysAll,
  broken,
  half,
  makeArchive,
  type MadeArchive,
  Mirror,
  pathOnMirror,
  silent,
  status,
  whole,
} from './archive.ts';
import { fakeGo } from './fake-go.ts';
import { Scratch } from './scratch.ts';

let scratch: Scratch;
let archive: MadeArchive;
beforeEach(() => {
  scratch = new Scratch();
  scratch.program('go', fakeGo);
  archive = makeArchive(scratch);
  return () => scratch[Symbol.dispose]();
});

type Surroundings = Parameters<typeof ensureArchivedComponents>[1];

/** Gets the programs as this test's user would, and answers what was printed as well. */
async function ensure(variables: NodeJS.ProcessEnv, surroundings: Surroundings = {}) {
  let printed = '';
  const output = { write: (text: string) => (printed += text) };
  const env = { ...scratch.env, ...variables };
  const all = { archive, env, freeBytes: () => 1e12, output, ...surroundings };
  const programs = await ensureArchivedComponents(['etcd', 'kube-apiserver'], all).catch((error: Error) => error);
  return { programs, printed };
}

/** The file that holds what has arrived. */
const partial = () => {
  const name = readdirSync(cacheFolder(scratch.env)).find((entry) => entry.endsWith('.partial'));
  return name === undefined ? undefined : join(cacheFolder(scratch.env), name);
};
const partialSize = () => statSync(partial() ?? '', { throwIfNoEntry: false })?.size ?? 0;

/** Where they are built. */
const built = () => ({
  etcd: `${recipeOf('etcd', scratch.env).folder}/etcd`,
  'kube-apiserver': `${recipeOf('kube-apiserver', scratch.env).folder}/kube-apiserver`,
});
const downloaded = {
  etcd: expect.stringMatching(/\/envtest-v1\.99\.0-[^/]*\/etcd$/),
  'kube-apiserver': expect.stringMatching(/\/envtest-v1\.99\.0-[^/]*\/kube-apiserver$/),
};

test('the control plane is downloaded once, and found from then on', async () => {
  await using mirror = await Mirror.start(whole(archive.content));
  const first = await ensure({ ENVTEST_MIRROR: `${mirror.url}/` });
  expect(first.programs).toEqual(downloaded);
  expect(first.printed).toMatch(/\nDownloaded the control plane \(Kubernetes v1\.99\.0\) in \d+ s\n$/);
  const { etcd } = Object(first.programs);
  expect(spawnSync(etcd, { encoding: 'utf8' }).stdout).toBe('etcd\n');
  expect(readdirSync(dirname(etcd)).toSorted()).toEqual(['etcd', 'kube-apiserver', 'kubectl']);
  expect(readdirSync(cacheFolder(scratch.env)), 'neither archive nor lock').toHaveLength(1);
  expect(await ensure({ ENVTEST_MIRROR: mirror.url })).toEqual({ programs: first.programs, printed: '' });
  expect(mirror.requests).toEqual([`${pathOnMirror} all`]);
  expect(scratch.lines('builds')).toEqual([]);
});

test('a mirror may call the compression of the archive an encoding', async () => {
  await using mirror = await Mirror.start((_request, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(archive.content);
  });
  expect((await ensure({ ENVTEST_MIRROR: mirror.url })).programs).toEqual(downloaded);
});

test('a slow download continues while data arrives', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const server = Promise.withResolvers<ServerResponse>();
    await using mirror = await Mirror.start((_request, response) => server.resolve(response));
    const patience = { connect: 60_000, silence: 1_000 };
    const ensuring = ensure({ ENVTEST_MIRROR: mirror.url }, { patience });
    const response = await server.promise;
    vi.advanceTimersByTime(600);
    response.write(archive.content.subarray(0, 100));
    await expect.poll(partialSize).toBe(100);
    vi.advanceTimersByTime(600);
    response.end(archive.content.subarray(100));
    expect((await ensuring).programs).toEqual(downloaded);
  } finally {
    vi.useRealTimers();
  }
});

test('two at once download once', async () => {
  await using mirror = await Mirror.start(whole(archive.content));
  const both = await Promise.all([1, 2].map(() => ensure({ ENVTEST_MIRROR: mirror.url })));
  expect(both).toMatchObject([{ programs: downloaded }, { programs: downloaded }]);
  expect(both.map(({ printed }) => printed)).toContain(
    `Waiting for process ${process.pid}, which is downloading the control plane.\n`,
  );
  expect(mirror.requests).toHaveLength(1);
});

describe('nothing is downloaded when the programs', () => {
  test('are in KUBEBUILDER_ASSETS', async () => {
    await using mirror = await Mirror.start(whole(archive.content));
    for (const name of ['etcd', 'kube-apiserver']) scratch.program(name, '');
    const { programs } = await ensure({ ENVTEST_MIRROR: mirror.url, KUBEBUILDER_ASSETS: scratch.at('bin') });
    expect(programs).toEqual({
      etcd: scratch.at('bin', 'etcd'),
      'kube-apiserver': scratch.at('bin', 'kube-apiserver'),
    });
    expect(mirror.requests).toEqual([]);
  });

  test('have been built already', async () => {
    await ensure({}, { archive: undefined });
    await using mirror = await Mirror.start(whole(archive.content));
    expect(await ensure({ ENVTEST_MIRROR: mirror.url })).toEqual({ programs: built(), printed: '' });
    expect(mirror.requests).toEqual([]);
  });
});

/** A mirror that isn't there. */
const none = (url: string) => ({ url, [Symbol.asyncDispose]: () => Promise.resolve() });
const refused = async () => none(`http://127.0.0.1:${await freePort()}`);

describe('the control plane is built, and one line gives the reason, when', () => {
  test.each<[string, () => Promise<AsyncDisposable & { readonly url: string }>, Surroundings, RegExp]>([
    ['nothing listens at the mirror', refused, {}, /the connection to 127\.0\.0\.1:\d+ failed \(ECONNREFUSED\)/],
    [
      'the server never answers',
      () => Mirror.start(silent),
      { patience: { connect: 60_000, silence: 100 } },
      /127\.0\.0\.1:\d+ sent nothing for 0\.1 s/,
    ],
    ['the server hangs up', () => Mirror.start(broken), {}, /the connection to 127\.0\.0\.1:\d+ failed \(ECONNRESET\)/],
    ['the file is missing', () => Mirror.start(status(404)), {}, /127\.0\.0\.1:\d+ answers 404/],
    [
      'the file is another one',
      () => Mirror.start(alwaysAll(Buffer.from('<html>Please sign in</html>'))),
      {},
      /what 127\.0\.0\.1:\d+ sent doesn't have the pinned SHA-512 checksum/,
    ],
    ['the platform has no archive', refused, { archive: undefined }, /no archive for \w+ on \w+/],
    [
      'the URL of the mirror is invalid',
      () => Promise.resolve(none('mirror:secret@example')),
      {},
      /the connection to the mirror failed \(\w+\)/,
    ],
  ])('%s', async (_when, start, surroundings, reason) => {
    await using mirror = await start();
    const { programs, printed } = await ensure({ ENVTEST_MIRROR: mirror.url }, surroundings);
    expect(programs).toEqual(built());
    const lines = printed.split('\n').filter((line) => !/^(Downloading|Building|Built) /.test(line));
    const sentence = `^Can't download the control plane: ${reason.source}\\. Building it from source instead: about \\d+ (min|s)`;
    expect(lines).toEqual([expect.stringMatching(sentence), '']);
    expect(readdirSync(cacheFolder(scratch.env)), 'nothing is left of the download').toEqual([
      expect.stringMatching(/^etcd-/),
      expect.stringMatching(/^kubernetes-/),
    ]);
  });

  test.each([
    ['the archive lacks a program', /the archive lacks one of etcd, kube-apiserver, kubectl/, ['etcd']],
    ['the archive cannot be unpacked', /`tar` can't unpack the archive \(7\)/, undefined],
  ])('%s', async (_when, reason, contents) => {
    using elsewhere = new Scratch();
    const made = contents === undefined ? archive : makeArchive(elsewhere, contents);
    if (contents === undefined) scratch.program('tar', 'exit 7');
    await using mirror = await Mirror.start(whole(made.content));
    const { programs, printed } = await ensure({ ENVTEST_MIRROR: mirror.url }, { archive: made });
    expect(programs).toEqual(built());
    expect(printed).toMatch(new RegExp(`^Can't download the control plane: ${reason.source}\\. Building`, 'm'));
    expect(readdirSync(cacheFolder(scratch.env)).filter((name) => name.includes('envtest'))).toEqual([]);
  });
});

/** The request for what `half` left out. */
const rest = () => `${pathOnMirror} bytes=${Math.floor(archive.content.length / 2)}-`;

describe('a download is continued', () => {
  test.each(['breaks', 'stalls'] as const)('when it %s in the middle', async (end) => {
    await using mirror = await Mirror.start(half(archive.content, end, partialSize), whole(archive.content));
    const patience = { connect: 60_000, silence: end === 'stalls' ? 1_000 : 60_000 };
    const { programs } = await ensure({ ENVTEST_MIRROR: mirror.url }, { patience });
    expect(programs).toEqual(downloaded);
    expect(mirror.requests).toEqual([`${pathOnMirror} all`, rest()]);
  });

  test('by the next run, if this one could neither finish it nor build', async () => {
    scratch.program('go', 'exit 1');
    await using mirror = await Mirror.start(
      half(archive.content, 'breaks', partialSize),
      broken,
      whole(archive.content),
    );
    expect((await ensure({ ENVTEST_MIRROR: mirror.url })).programs).toBeInstanceOf(Refusal);
    expect((await ensure({ ENVTEST_MIRROR: mirror.url })).programs).toEqual(downloaded);
    expect(mirror.requests).toEqual([`${pathOnMirror} all`, rest(), rest()]);
  });

  test('from the start, from a server that does not support ranges', async () => {
    await using mirror = await Mirror.start(half(archive.content, 'breaks', partialSize), alwaysAll(archive.content));
    expect(await ensure({ ENVTEST_MIRROR: mirror.url })).toMatchObject({ programs: downloaded });
    expect(mirror.requests).toHaveLength(2);
  });

  test.each([
    ['other content', 5],
    ['more than there is', 100_000],
  ])('from the start, if the partial file is %s', async (_what, bytes) => {
    scratch.program('go', 'exit 1');
    await using mirror = await Mirror.start(
      half(archive.content, 'breaks', partialSize),
      broken,
      whole(archive.content),
    );
    await ensure({ ENVTEST_MIRROR: mirror.url });
    writeFileSync(partial() ?? '', 'x'.repeat(bytes));
    expect((await ensure({ ENVTEST_MIRROR: mirror.url })).programs).toEqual(downloaded);
    expect(mirror.requests.slice(2)).toEqual([`${pathOnMirror} bytes=${bytes}-`, `${pathOnMirror} all`]);
  });
});

describe('a proxy', () => {
  test('from the environment is used', async () => {
    await using proxy = await Mirror.start(whole(archive.content));
    const { programs } = await ensure({ HTTP_PROXY: proxy.url });
    expect(programs).toEqual(downloaded);
    expect(proxy.requests).toEqual([`${archive.url} all`]);
  });

  test('is not used for a host in NO_PROXY', async () => {
    await using proxy = await Mirror.start(status(500));
    await using mirror = await Mirror.start(whole(archive.content));
    const variables = { HTTP_PROXY: proxy.url, NO_PROXY: '127.0.0.1', ENVTEST_MIRROR: mirror.url };
    expect((await ensure(variables)).programs).toEqual(downloaded);
    expect(proxy.requests).toEqual([]);
  });

  test('that cannot be used is reported without its password', async () => {
    const { programs, printed } = await ensure({ HTTP_PROXY: 'http://user:planted-key-proxy@:0:0' });
    expect(programs).toEqual(built());
    expect(printed).toMatch(/^Can't download the control plane: the connection to releases\.invalid failed \(\w+\)\./m);
    expect(printed).not.toContain('planted-key-proxy');
  });
});

describe('an archive is pinned', () => {
  test.each([
    ['linux', 'x64', 'linux-amd64'],
    ['linux', 'arm64', 'linux-arm64'],
    ['darwin', 'x64', 'darwin-amd64'],
    ['darwin', 'arm64', 'darwin-arm64'],
  ] as const)('for %s on %s', (platform, arch, name) => {
    const { version, url, hash } = pinnedArchive(platform, arch) ?? { version: '', url: '', hash: '' };
    expect(version).toMatch(/^v1\.\d+\.\d+$/);
    const releases = 'https://github.com/kubernetes-sigs/controller-tools/releases/download';
    expect(url).toBe(`${releases}/envtest-${version}/envtest-${version}-${name}.tar.gz`);
    expect(hash).toMatch(/^[0-9a-f]{128}$/);
  });

  test('for no other platform', () => {
    expect(pinnedArchive('linux', 'ia32')).toBeUndefined();
    expect(pinnedArchive('win32', 'x64')).toBeUndefined();
  });
});
