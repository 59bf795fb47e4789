import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { createEmulator } from '../../../emulator/emulator.ts';
import { serve } from '../../../emulator/server.ts';
import { startControlPlane } from '../../../hack/control-plane/start.ts';
import { systemClock } from '../../../src/domain/clock.ts';
import { fieldsOf } from '../../../src/domain/json.ts';
import { loadKubeConfig } from '../../../src/kubernetes/config.ts';
import { type Call, createTransport } from '../../../src/kubernetes/transport.ts';
import { Cluster, readiness } from '../../support/control-plane.ts';
import { startOperator } from '../../support/operator-process.ts';
import { recordObjects } from '../../support/record-objects.ts';
import { apiKey, spec } from './fixture.ts';

const out = path.join(import.meta.dirname, '../../../.out/operator/returning-api-server');
const names = Array.from({ length: 200 }, (_, index) => `web-${index}`);

const get = (where: string): Call => ({ verb: 'list', resource: '', what: where, method: 'GET', path: where });

it(
  'two hundred objects lose no event, a change at its return is carried out, and few lines are logged',
  { timeout: 900_000 },
  async () => {
    rmSync(out, { recursive: true, force: true });
    mkdirSync(out, { recursive: true });
    await using plane = await startControlPlane({ logDir: path.join(out, 'control-plane') });
    const recorder = recordObjects(plane.kubeconfigPath, path.join(out, 'objects'));
    const cluster = new Cluster(plane.kubeconfigPath);
    await cluster.applyCrd();
    const emulator = createEmulator({
      accounts: [{ ownerId: 1, keys: [apiKey] }],
      latencies: { pickup: 20, provision: 100, start: 100, halt: 5_000 },
    });
    const provider = await serve(emulator, { port: 0 });
    const operator = startOperator({
      kubeconfig: plane.kubeconfigPath,
      apiUrl: provider.url,
      flags: ['--poll-interval', '2s', '--urgent-poll-interval', '200ms', '--provider-rate', '0'],
      logFile: path.join(out, 'operator.log'),
    });
    const bare = createTransport(loadKubeConfig({ kubeconfig: plane.kubeconfigPath }), {
      clock: systemClock,
      version: 'bare',
    });
    const read = async (where: string): Promise<Readonly<Record<string, unknown>>> =>
      fieldsOf(JSON.parse((await bare.exchange(get(where))).body));
    try {
      await cluster.putSecret('default', apiKey);
      const apply = (name: string, powerState: string): Promise<void> =>
        cluster.apply({
          apiVersion: 'vps247.com/v1alpha1',
          kind: 'VirtualMachine',
          metadata: { name, namespace: 'default' },
          spec: { ...spec, powerState },
        });
      await Promise.all(names.map((name) => apply(name, 'Running')));
      await cluster.until(
        'all are Ready',
        async () => (await cluster.list('default')).every((object) => readiness(object) === 'True/Available'),
        300_000,
      );
      const withEvent = async (reason: string): Promise<number> => {
        const { items } = await read('/apis/events.k8s.io/v1/namespaces/default/events');
        const events = Array.isArray(items) ? items.map(fieldsOf) : [];
        const regarded = events.filter((event) => event['reason'] === reason).map(({ regarding }) => regarding);
        return new Set(regarded.map((regarding) => fieldsOf(regarding)['name'])).size;
      };
      for (const reason of ['Creating', 'Available'])
        await expect.poll(() => withEvent(reason), { timeout: 120_000 }).toBe(names.length);

      // Many are in transition when the API server fails.
      await Promise.all(names.slice(0, 60).map((name) => apply(name, 'Halted')));
      const lines = operator.output().length;
      await plane.stopApiServer();
      await delay(10_000); // longer than a broken connection
      const starting = plane.startApiServer();
      // How soon it is carried out is for the tests with a manual clock (resume, watch-backoff).
      await cluster.until('the API server accepts a change', () =>
        apply('web-199', 'Halted').then(
          () => true,
          () => false,
        ),
      );
      await starting;
      await cluster.until('all report their state', async () => {
        const states = (await cluster.list('default')).map(({ status }) => status?.state);
        return states.filter((state) => state === 'Halted').length === 61;
      });
      const warnings = operator
        .output()
        .slice(lines)
        .match(/"level":"(warn|error)"/g);
      // One for each kind of failure, and one a minute; not several for each object.
      expect(warnings?.length).toBeLessThan(names.length / 5);
      expect(await operator.stop()).toBe(0);
    } finally {
      await operator.kill();
      await bare.close();
      await provider.close();
      await cluster.close();
      await recorder.stop();
    }
  },
);
