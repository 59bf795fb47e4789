import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createEmulator } from '../../../emulator/emulator.ts';
import { serve } from '../../../emulator/server.ts';
import { startControlPlane } from '../../../hack/control-plane/start.ts';
import { Cluster, readiness } from '../../support/control-plane.ts';
import { startOperator } from '../../support/operator-process.ts';
import { recordObjects } from '../../support/record-objects.ts';
import { apiKey, spec } from './fixture.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'vps247-outage-'));
const out = path.join(import.meta.dirname, '../../../.out/operator/outage');
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('an API server that is unavailable for a minute', () => {
  it('neither ends the operator nor loses a change', { timeout: 180_000 }, async () => {
    await using plane = await startControlPlane({ isAudited: true, logDir: path.join(out, 'control-plane') });
    const recorder = recordObjects(plane.kubeconfigPath, path.join(out, 'objects'));
    const cluster = new Cluster(plane.kubeconfigPath);
    await cluster.applyCrd();
    const emulator = createEmulator({
      accounts: [{ ownerId: 1, keys: [apiKey] }],
      latencies: { pickup: 20, provision: 100, start: 100, halt: 100 },
    });
    const provider = await serve(emulator, { port: 0 });
    const operator = startOperator({
      kubeconfig: plane.kubeconfigPath,
      apiUrl: provider.url,
      flags: ['--poll-interval', '2s', '--urgent-poll-interval', '200ms'],
      logFile: path.join(out, 'operator.log'),
    });
    try {
      await cluster.putSecret('default', apiKey);
      for (const name of ['changed', 'drifted', 'deleted']) await cluster.create({ name, namespace: 'default', spec });
      const are = (expected: string) => async () =>
        (await cluster.list('default')).every((object) => readiness(object) === expected);
      await cluster.until('all are Ready', are('True/Available'));

      // Asked for at the last moment: whether its watch event still came through is left to chance.
      await cluster.patch('default', 'changed', { spec: { powerState: 'Halted' } });
      await cluster.delete('default', 'deleted');
      await plane.stopApiServer();
      const drifted = emulator.machines().find(({ name }) => name.startsWith('drifted-'));
      emulator.panel.power(drifted?.id ?? 0, 'stop');
      await new Promise((resolve) => setTimeout(resolve, 60_000)); // the minute itself is what is tested
      await plane.startApiServer();

      await cluster.until('everything is in sync', async () => {
        const objects = await cluster.list('default').catch(() => []);
        const states = objects.map(({ metadata, status }) => `${metadata.name} ${status?.state}`).toSorted();
        return (
          states.join() === 'changed Halted,drifted Running' &&
          objects.every((object) => readiness(object) === 'True/Available')
        );
      });
      expect(emulator.ledger.machinesEverCreated()).toHaveLength(3);
      expect(emulator.ledger.liveMachines()).toHaveLength(2);
      expect(await operator.stop()).toBe(0);
    } finally {
      await operator.kill();
      await provider.close();
      await cluster.close();
      await recorder.stop();
    }
  });
});
