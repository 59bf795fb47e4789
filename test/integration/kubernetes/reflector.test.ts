import { afterAll, beforeAll, expect, test } from 'vitest';
import type { KubeClient } from '../../../src/kubernetes/client.ts';
import { KubeError } from '../../../src/kubernetes/errors.ts';
import type { CallReport } from '../../../src/kubernetes/transport.ts';
import { systemClock } from '../../../src/domain/clock.ts';
import type { Log } from '../../../src/telemetry/log.ts';
import { createReflector, type Reflector, type ReflectorOptions } from '../../../src/kubernetes/cache/reflector.ts';
import { type ApiServer, configMap, configMaps, startApiServer } from './api-server.ts';

let api: ApiServer;

beforeAll(async () => {
  api = await startApiServer();
}, 120_000);

afterAll(() => api[Symbol.asyncDispose]());

const path = '/api/v1/namespaces/default/configmaps';

/** A reflector of the ConfigMaps with one label, by their value. */
interface Mirror extends AsyncDisposable {
  readonly client: KubeClient;
  readonly reflector: Reflector<string>;
  readonly calls: readonly string[];
  readonly lines: readonly string[];
  /** Resolves when `isSo` is true of what is known, looking again at every change. */
  until(isSo: () => boolean): Promise<void>;
}

function mirror(
  label: string,
  options: Partial<ReflectorOptions<string>> & {
    readonly wrap?: (client: KubeClient) => KubeClient;
    /** Whether the server's way of sending everything as events may be used; pages otherwise. */
    readonly isStreamed?: boolean;
  } = {},
): Mirror {
  const calls: string[] = [];
  const lines: string[] = [];
  const watchers = new Set<() => void>();
  const look = (): void => watchers.forEach((watcher) => watcher());
  const noted = (message: string): void => {
    lines.push(message);
    look();
  };
  const log: Log = { debug: noted, info: noted, warn: noted, error: noted, with: () => log };
  const client = api.connect({
    onCall({ verb, status }: CallReport) {
      calls.push(`${verb} ${status}`);
      look();
    },
  });
  const reflector = createReflector<string>({
    client: options.wrap?.(client) ?? (options.isStreamed === true ? client : inPages(client)),
    resource: configMaps,
    labelSelector: `suite=${label}`,
    transform: (object) => (object as { readonly data: { readonly value: string } }).data.value,
    clock: systemClock,
    random: () => 0,
    relistInterval: 30 * 60_000,
    log,
    ...options,
    onChange(change) {
      options.onChange?.(change);
      look();
    },
  });
  reflector.start();
  return {
    client,
    reflector,
    calls,
    lines,
    until: (isSo) =>
      new Promise((resolve) => {
        const watcher = (): void => {
          if (!isSo()) return;
          watchers.delete(watcher);
          resolve();
        };
        watchers.add(watcher);
        watcher();
      }),
    async [Symbol.asyncDispose]() {
      await reflector.stop();
      await client.close();
    },
  };
}

/** A client of a server that knows nothing but pages. */
function inPages(client: KubeClient): KubeClient {
  return {
    ...client,
    watch(resource, options) {
      if (options.sendInitialEvents === true) throw new KubeError('watch', { reason: 'Invalid' });
      return client.watch(resource, options);
    },
  };
}

test('all objects come as events where the server supports that; changes are followed from there', async () => {
  for (let index = 0; index < 7; index += 1) await api.call('POST', path, configMap(`event-${index}`, '1', 'events'));
  await using here = mirror('events', { isStreamed: true });
  await here.reflector.synced;
  expect(here.reflector.size).toBe(7);
  await api.call('PATCH', `${path}/event-0`, { data: { value: '2' } });
  await api.call('DELETE', `${path}/event-1`);
  await here.until(() => here.reflector.get('default/event-0') === '2' && here.reflector.size === 6);
  expect(here.calls).toEqual(['watch 200', 'watch 200']);
});

test('initial events that end regularly before the last one change nothing, and are requested again', async () => {
  for (let index = 0; index < 7; index += 1) await api.call('POST', path, configMap(`half-${index}`, '1', 'halves'));
  const seen: string[] = [];
  let lists = 0;
  const wrap = (client: KubeClient): KubeClient => ({
    ...client,
    async *watch(resource, options) {
      if (options.sendInitialEvents === true) lists += 1;
      let left = options.sendInitialEvents === true && lists === 2 ? 3 : Infinity;
      for await (const event of client.watch(resource, options)) {
        yield event;
        left -= 1;
        if (left === 0) return;
      }
    },
  });
  await using here = mirror('halves', {
    wrap,
    relistInterval: 1_000,
    onChange: ({ key, initial }) => void (initial || seen.push(key)),
  });
  await here.until(() => lists >= 4);
  expect([here.reflector.size, seen]).toEqual([7, []]);
}, 60_000);

test('pages are joined, changes and deletions followed', async () => {
  for (let index = 0; index < 7; index += 1) await api.call('POST', path, configMap(`page-${index}`, '1', 'pages'));
  await using here = mirror('pages', { pageSize: 3 });
  await here.reflector.synced;
  expect(here.reflector.size).toBe(7);
  expect(here.calls.filter((call) => call === 'list 200')).toHaveLength(3);
  await api.call('PATCH', `${path}/page-0`, { data: { value: '2' } });
  await api.call('DELETE', `${path}/page-1`);
  await api.call('POST', path, configMap('page-7', '1', 'pages'));
  await here.until(() => here.reflector.get('default/page-7') === '1');
  expect(here.reflector.get('default/page-0')).toBe('2');
  expect(here.reflector.get('default/page-1')).toBeUndefined();
});

test("the operator's own writes are visible at once; none restores a deleted object", async () => {
  const seen: string[] = [];
  await using here = mirror('own', {
    onChange: ({ key, before = '-', after = '-' }) => void seen.push(`${key} ${before} → ${after}`),
  });
  await here.reflector.synced;
  const created = await here.client.create(configMaps, 'default', configMap('own', '1', 'own'));
  here.reflector.assume(created);
  expect(here.reflector.get('default/own')).toBe('1');
  const ref = { namespace: 'default', name: 'own' };
  const patched = await here.client.patch(configMaps, ref, { type: 'merge', body: { data: { value: '2' } } });
  here.reflector.assume(patched);
  await api.call('DELETE', `${path}/own`);
  await api.call('POST', path, configMap('last', '1', 'own'));
  await here.until(() => here.reflector.get('default/last') === '1');
  here.reflector.assume(patched);
  expect(here.reflector.get('default/own')).toBeUndefined();
  expect(seen).toEqual(['default/own - → 1', 'default/own 1 → 2', 'default/own 2 → -', 'default/last - → 1']);
});

test('a resourceVersion that the server has dropped leads to a relist, and nothing is lost', async () => {
  await api.call('POST', path, configMap('old', '1', 'gone'));
  // It forgets what was before its start.
  await api.plane.stopApiServer();
  await api.plane.startApiServer();
  let watches = 0;
  // The first watch asks for a place from before everything.
  const wrap = (client: KubeClient): KubeClient => ({
    ...inPages(client),
    watch: (resource, options) =>
      inPages(client).watch(
        resource,
        options.sendInitialEvents !== true && (watches += 1) === 1 ? { ...options, resourceVersion: '1' } : options,
      ),
  });
  await using here = mirror('gone', { wrap });
  const lists = (): readonly string[] => here.calls.filter((call) => call === 'list 200');
  await here.until(() => lists().length > 1);
  expect(lists()).toHaveLength(2);
  await api.call('PATCH', `${path}/old`, { data: { value: '2' } });
  await here.until(() => here.reflector.get('default/old') === '2');
}, 60_000);

test('an API server that restarts is found soon, with the changes made meanwhile', async () => {
  for (const name of ['stays', 'goes', 'changes']) await api.call('POST', path, configMap(name, '1', 'restart'));
  await using here = mirror('restart');
  await here.reflector.synced;
  await here.until(() => here.calls.includes('watch 200'));
  await api.plane.stopApiServer();
  await here.until(() => here.lines.includes('Watch failed, retrying'));
  expect(here.reflector.size).toBe(3);
  await api.plane.startApiServer();
  const backAt = systemClock.monotonic();
  await api.call('DELETE', `${path}/goes`);
  await api.call('PATCH', `${path}/changes`, { data: { value: '2' } });
  await here.until(() => here.reflector.get('default/changes') === '2');
  expect(systemClock.monotonic() - backAt).toBeLessThan(15_000);
  expect([...here.reflector.keys()].toSorted()).toEqual(['default/changes', 'default/stays']);
}, 60_000);
