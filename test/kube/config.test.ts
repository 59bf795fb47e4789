import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { expect, test, vi } from 'vitest';
import { loadKubeConfig } from '../../src/kube/config.ts';

/** A kubeconfig file that is gone at the end of its scope. */
function file(text: string): { readonly path: string } & Disposable {
  const folder = mkdtempSync(join(tmpdir(), 'vps247-kubeconfig-'));
  const path = join(folder, 'config');
  writeFileSync(path, text);
  return { path, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}

function kubeconfig(cluster: object, context = 'here'): string {
  return JSON.stringify({
    clusters: [{ name: 'home', cluster }],
    contexts: [
      { name: 'here', context: { cluster: 'home', user: 'ann' } },
      { name: 'astray', context: { cluster: 'lost' } },
    ],
    users: [{ name: 'ann', user: { token: 'planted-key' } }],
    'current-context': context,
  });
}

test('a file says where and as whom', () => {
  using config = file(kubeconfig({ server: 'https://127.0.0.1:6443' }));
  const loaded = loadKubeConfig({ kubeconfig: config.path });
  expect(loaded.getCurrentCluster()?.server).toBe('https://127.0.0.1:6443');
  expect(loaded.getCurrentUser()?.token).toBe('planted-key');
});

test.each([
  ['not YAML', '"planted-key', 'Cannot read the kubeconfig'],
  ['a password that YAML takes for an alias', 'users: [{ password: *planted-key }]', 'no YAML in line 1, column'],
  ['a password that YAML takes for a tag', 'users: [{ password: !planted-key }]', 'no YAML in line 1, column'],
  ['an unknown context', kubeconfig({ server: 'https://a' }, 'there'), 'has no context "there"'],
  [
    'a context without its cluster',
    kubeconfig({ server: 'https://a' }, 'astray'),
    'names the cluster "lost", which it lacks',
  ],
  ['a server that is no URL', kubeconfig({ server: 'localhost:8080' }), 'has no http(s) URL'],
  ['a proxy', kubeconfig({ server: 'https://a', 'proxy-url': 'http://p' }), 'sets proxy-url, which is not supported'],
])('%s is told in one line without credentials', (_what, text, message) => {
  using config = file(text);
  const load = (): unknown => loadKubeConfig({ kubeconfig: config.path });
  expect(load).toThrow(message);
  expect(load).not.toThrow(/planted-key|\n/);
});

test('a file that is not there is named', () => {
  expect(() => loadKubeConfig({ kubeconfig: 'no/such/file' })).toThrow(
    'Cannot read the kubeconfig no/such/file: ENOENT',
  );
});

test('with nothing to go by, no server is made up', () => {
  vi.stubEnv('KUBECONFIG', '');
  vi.stubEnv('HOME', join(tmpdir(), 'vps247-nobody'));
  try {
    expect(() => loadKubeConfig({})).toThrow('No cluster to talk to');
  } finally {
    vi.unstubAllEnvs();
  }
});

test.each([
  ['fd00::1', '443', 'https://[fd00::1]:443'],
  ['10.96.0.1', '443', 'https://10.96.0.1:443'],
])('in a pod, %s is where the service account leads', (host, port, server) => {
  vi.stubEnv('KUBECONFIG', '');
  vi.stubEnv('HOME', join(tmpdir(), 'vps247-nobody'));
  vi.stubEnv('KUBERNETES_SERVICE_HOST', host);
  vi.stubEnv('KUBERNETES_SERVICE_PORT', port);
  const config = new KubeConfig();
  // The folder is the kubelet's; what follows from the variables is what is tested.
  config.loadFromCluster();
  vi.spyOn(KubeConfig.prototype, 'loadFromDefault').mockImplementation(function (this: KubeConfig) {
    Object.assign(this, config);
  });
  try {
    expect(loadKubeConfig({}).getCurrentCluster()?.server).toBe(server);
  } finally {
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
  }
});

test('the environment names a file', () => {
  using config = file(kubeconfig({ server: 'https://127.0.0.1:6443' }));
  vi.stubEnv('KUBECONFIG', config.path);
  try {
    expect(loadKubeConfig({}).getCurrentCluster()?.name).toBe('home');
  } finally {
    vi.unstubAllEnvs();
  }
});
