import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEmulator, type Emulator } from '../../../emulator/emulator.ts';
import { serve } from '../../../emulator/server.ts';
import { type ControlPlane, startControlPlane } from '../../../hack/control-plane/start.ts';
import { Cluster, readiness } from '../../support/control-plane.ts';
import { type OperatorProcess, startOperator } from '../../support/operator-process.ts';
import { recordObjects } from '../../support/record-objects.ts';
import { kubectl } from '../../support/shared-cluster.ts';
import { apiKey, spec } from './fixture.ts';

const out = path.join(import.meta.dirname, '../../../.out/operator/restored-api-server');
const crd = 'crd/virtualmachines.vps247.com';

let plane: ControlPlane;
let cluster: Cluster;
let emulator: Emulator;
let provider: Awaited<ReturnType<typeof serve>>;
let recorder: ReturnType<typeof recordObjects>;
let operator: OperatorProcess;

beforeAll(async () => {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  plane = await startControlPlane({ isAudited: true, logDir: path.join(out, 'control-plane') });
  recorder = recordObjects(plane.kubeconfigPath, path.join(out, 'objects'));
  cluster = new Cluster(plane.kubeconfigPath);
  await cluster.applyCrd();
  await cluster.putSecret('default', apiKey);
  emulator = createEmulator({
    accounts: [{ ownerId: 1, keys: [apiKey] }],
    latencies: { pickup: 20, provision: 100, start: 100, halt: 100 },
  });
  provider = await serve(emulator, { port: 0 });
  operator = startOperator({
    kubeconfig: plane.kubeconfigPath,
    apiUrl: provider.url,
    flags: ['--poll-interval', '2s', '--urgent-poll-interval', '200ms'],
    logFile: path.join(out, 'operator.log'),
  });
}, 180_000);

afterAll(async () => {
  await operator.kill();
  await provider.close();
  await cluster.close();
  await recorder.stop();
  await plane.stop();
});

async function untilReady(...names: readonly string[]): Promise<void> {
  await cluster.until(`${names.join()} are Ready`, async () => {
    const objects = await cluster.list('default').catch(() => []);
    const ready = objects.filter((object) => readiness(object) === 'True/Available');
    return names.every((name) => ready.some(({ metadata }) => metadata.name === name));
  });
}

/** What `/readyz` says. */
const readyz = async (): Promise<string> => (await fetch(`${(await operator.addresses).health}/readyz`)).text();

async function serveCrd(served: boolean): Promise<void> {
  const change = [{ op: 'replace', path: '/spec/versions/0/served', value: served }];
  const patch = ['patch', crd, '--type=json', '-p', JSON.stringify(change)];
  expect(await kubectl(['--kubeconfig', plane.kubeconfigPath, ...patch])).toMatchObject({ code: 0 });
}

async function untilHalted(name: string): Promise<void> {
  await cluster.patch('default', name, { spec: { powerState: 'Halted' } });
  await cluster.until(`${name} is halted`, async () => {
    const objects = await cluster.list('default');
    return objects.find(({ metadata }) => metadata.name === name)?.status?.state === 'Halted';
  });
}

describe('the same operator', () => {
  it('continues when the CRD is not served for a while, and reports it meanwhile', { timeout: 180_000 }, async () => {
    for (const name of ['web', 'db']) await cluster.create({ name, namespace: 'default', spec });
    await untilReady('web', 'db');
    await serveCrd(false);
    await cluster.until('it reports the missing CRD', async () => (await readyz()).includes('is not installed'));
    const writes = emulator.ledger.writes().length;
    await serveCrd(true);
    await cluster.until('it is ready', async () => (await readyz()) === 'ok\n');
    await untilHalted('web');
    expect(
      emulator.ledger
        .writes()
        .slice(writes)
        .map(({ operation }) => operation),
    ).toEqual(['StopMachine']);
    expect(emulator.ledger.machinesEverCreated()).toHaveLength(2);
  });

  it('detects an API server that was restored from a backup', { timeout: 300_000 }, async () => {
    await plane.backUp();
    // More changes than are made after the restore, so that no event of those is later than the last one seen.
    for (let round = 0; round < 30; round += 1)
      await cluster.patch('default', 'db', {
        metadata: { name: 'db', namespace: 'default', annotations: { round: String(round) } },
      });
    await cluster.create({ name: 'lost', namespace: 'default', spec });
    await untilReady('lost');
    await plane.restore();
    await untilHalted('db');
    expect(operator.output()).toContain('API server returned an earlier resourceVersion than before');
    // Its object disappeared with the history; its VM is unmanaged.
    expect(emulator.ledger.machinesEverCreated()).toHaveLength(3);
    expect(emulator.ledger.liveMachines()).toHaveLength(3);
    await untilReady('db');
    expect(await operator.stop()).toBe(0);
  });
});
