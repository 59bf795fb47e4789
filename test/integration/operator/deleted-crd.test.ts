import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { startControlPlane } from '../../../hack/control-plane/start.ts';
import { Cluster, readiness } from '../../support/control-plane.ts';
import { fastSettings, fastLatencies } from '../../support/fast-settings.ts';
import { startOperator } from '../../support/operator-process.ts';
import { recordObjects } from '../../support/record-objects.ts';
import { createEmulator } from '../../../emulator/emulator.ts';
import { serve } from '../../../emulator/server.ts';
import { apiKey, spec } from './fixture.ts';

const out = path.join(import.meta.dirname, '../../../.out/operator/deleted-crd');
const namespace = 'team';

it(
  'a CRD that was deleted while no operator ran: a later operator keeps the VMs of protected objects alone, and powers them',
  { timeout: 180_000 },
  async () => {
    rmSync(out, { recursive: true, force: true });
    mkdirSync(out, { recursive: true });
    await using plane = await startControlPlane({ isAudited: true, logDir: path.join(out, 'control-plane') });
    const cluster = new Cluster(plane.kubeconfigPath);
    await cluster.applyCrd();
    await cluster.applyRights();
    await cluster.createNamespace(namespace);
    await cluster.putSecret(namespace, apiKey);
    const emulator = createEmulator({ accounts: [{ ownerId: 1, keys: [apiKey] }], latencies: fastLatencies });
    const provider = await serve(emulator, { port: 0 });
    const kubeconfig = await cluster.kubeconfigOfServiceAccount('vps247-system', 'vps247-operator', out);
    const start = (logFile: string) =>
      startOperator({ kubeconfig, apiUrl: provider.url, flags: fastSettings(), logFile: path.join(out, logFile) });
    const untilReady = (name: string, expected: string) =>
      cluster.until(`${name} is ${expected}`, async () => readiness(await cluster.get(namespace, name)) === expected);
    const writes = () => emulator.ledger.writes().map(({ operation }) => operation);
    const recorder = recordObjects(plane.kubeconfigPath, path.join(out, 'objects'));
    const first = start('first.log');
    let second: ReturnType<typeof start> | undefined;
    try {
      await cluster.create({ name: 'plain', namespace, spec });
      await cluster.create({ name: 'kept', namespace, spec: { ...spec, deletionProtection: true } });
      for (const name of ['plain', 'kept']) await untilReady(name, 'True/Available');
      expect(await first.stop()).toBe(0);
      const metadata = { name: 'virtualmachines.vps247.com' };
      await cluster.remove({ apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata });
      const isGoing = async (name: string) =>
        (await cluster.get(namespace, name))?.metadata.deletionTimestamp !== undefined;
      await cluster.until('both are Terminating', async () => (await isGoing('plain')) && (await isGoing('kept')));

      second = start('second.log');
      await cluster.until('plain is gone', async () => (await cluster.get(namespace, 'plain')) === undefined);
      await untilReady('kept', 'False/DeletionProtected');
      const seen = writes().length;
      await cluster.patch(namespace, 'kept', { spec: { powerState: 'Halted' } });
      await cluster.until(
        'kept is halted',
        async () => (await cluster.get(namespace, 'kept'))?.status?.internal?.lastSyncedPowerState === 'Halted',
      );
      expect(writes().slice(seen)).toEqual(['StopMachine']);
      expect(emulator.ledger.liveMachines()).toHaveLength(1);
      await cluster.patch(namespace, 'kept', { spec: { deletionProtection: false } });
      await cluster.until('its VM is deleted', async () => emulator.ledger.liveMachines().length === 0);
    } finally {
      await first.kill();
      await second?.kill();
      await recorder.stop();
      await provider.close();
      await cluster.close();
    }
  },
);
