import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { loadKubeConfig } from '../../src/kubernetes/config.ts';
import { createCredentials } from '../../src/kubernetes/auth.ts';
import { createManualClock } from '../support/clock.ts';

/** A kubeconfig file that is gone at the end of its scope. */
function file(text: string): { readonly path: string } & Disposable {
  const folder = mkdtempSync(join(tmpdir(), 'vps247-kubeconfig-'));
  const path = join(folder, 'config');
  writeFileSync(path, text);
  return { path, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}

function kubeconfig(cluster: object, context = 'here'): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'home', cluster }],
    contexts: [
      { name: 'here', context: { cluster: 'home', user: 'ann' } },
      { name: 'astray', context: { cluster: 'lost' } },
    ],
    users: [{ name: 'ann', user: { token: 'planted-key' } }],
    'current-context': context,
  });
}

test('a file gives server and user', () => {
  using config = file(kubeconfig({ server: 'https://127.0.0.1:6443' }));
  const loaded = loadKubeConfig({ kubeconfig: config.path });
  expect(loaded.getCurrentCluster()?.server).toBe('https://127.0.0.1:6443');
  expect(loaded.getCurrentUser()?.token).toBe('planted-key');
});

test.each([
  ['not YAML', '"planted-key', 'Cannot read the kubeconfig'],
  ['a password that YAML takes for an alias', 'users: [{ password: *planted-key }]', 'not valid YAML: line 1, column'],
  ['a password that YAML takes for a tag', 'users: [{ password: !planted-key }]', 'not valid YAML: line 1, column'],
  ['an unknown context', kubeconfig({ server: 'https://a' }, 'there'), 'has no context "there"'],
  [
    'a context without its cluster',
    kubeconfig({ server: 'https://a' }, 'astray'),
    'names the cluster "lost", which it lacks',
  ],
  ['an invalid server URL', kubeconfig({ server: 'localhost:8080' }), 'has no http(s) URL'],
  ['a proxy', kubeconfig({ server: 'https://a', 'proxy-url': 'http://p' }), 'sets proxy-url, which is not supported'],
])('%s is reported in one line without credentials', (_what, text, message) => {
  using config = file(text);
  const load = (): unknown => loadKubeConfig({ kubeconfig: config.path });
  expect(load).toThrow(message);
  expect(load).not.toThrow(/planted-key|\n/);
});

test('a missing file is named', () => {
  expect(() => loadKubeConfig({ kubeconfig: 'no/such/file' })).toThrow(
    'Cannot read the kubeconfig no/such/file: ENOENT',
  );
});

test('without any configuration, no server is assumed', () => {
  vi.stubEnv('KUBECONFIG', '');
  vi.stubEnv('HOME', join(tmpdir(), 'vps247-absent'));
  try {
    expect(() => loadKubeConfig({})).toThrow('No cluster to talk to');
  } finally {
    vi.unstubAllEnvs();
  }
});

test('the environment names files, and the first one gives the current context', () => {
  using config = file(kubeconfig({ server: 'https://127.0.0.1:6443' }));
  using more = file(
    JSON.stringify({
      clusters: [{ name: 'work', cluster: { server: 'https://127.0.0.1:6444' } }],
      contexts: [{ name: 'there', context: { cluster: 'work', user: 'bob' } }],
      users: [{ name: 'bob', user: { tokenFile: 'token' } }],
      'current-context': 'there',
    }),
  );
  const loaded = loadKubeConfig({ variable: `:${config.path}:${more.path}:` });
  expect(loaded.getCurrentCluster()?.name).toBe('home');
  const other = loadKubeConfig({ variable: `${more.path}:${config.path}` });
  expect(other.getCurrentUser()?.authProvider.config.tokenFile).toBe(join(dirname(more.path), 'token'));
});

test('a token file is found beside the kubeconfig, and takes precedence over a token', () => {
  const users = [
    { name: 'ann', user: { token: 'old', tokenFile: 'secrets/token' } },
    { name: 'bob', user: { tokenFile: '/var/run/token' } },
    { name: 'eve', user: { token: 'kept', tokenFile: '' } },
    { name: 'dan' },
  ];
  using config = file(JSON.stringify({ ...JSON.parse(kubeconfig({ server: 'https://127.0.0.1' })), users }));
  const loaded = loadKubeConfig({ kubeconfig: config.path });
  const tokenFiles = loaded.users.map(({ authProvider }) => authProvider?.config.tokenFile);
  expect(tokenFiles).toEqual([join(dirname(config.path), 'secrets/token'), '/var/run/token', undefined, undefined]);
});

test.each<[what: string, cluster: object, tls: object]>([
  ['a name for the certificate', { 'tls-server-name': 'api.internal' }, { servername: 'api.internal' }],
  ['that no certificate is verified', { 'insecure-skip-tls-verify': true }, { rejectUnauthorized: false }],
  ['nothing of it, so that the certificate is verified', {}, {}],
])('TLS settings of a cluster are used for connections: %s', async (_what, cluster, tls) => {
  using config = file(kubeconfig({ server: 'https://127.0.0.1:6443', ...cluster }));
  const credentials = createCredentials(loadKubeConfig({ kubeconfig: config.path }), createManualClock());
  expect((await credentials.current()).tls).toEqual(tls);
});
