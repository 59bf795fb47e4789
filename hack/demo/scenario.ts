import { readdirSync } from 'node:fs';
import { accountKind, type AccountStatus } from '../../src/api/v1alpha1/account-types.ts';
import { apiVersion } from '../../src/api/v1alpha1/constants.ts';
import type { VirtualMachine } from '../../src/api/v1alpha1/types.ts';
import type { Emulator } from '../../emulator/emulator.ts';
import type { Operation } from '../../emulator/operations.ts';
import { type Cluster, readiness } from '../../test/support/control-plane.ts';
import { kubectlCells, kubectlColumns } from './kubectl-columns.ts';
import { isRight, type SummaryLine, renderSummary } from './summary.ts';
import { type Column, createLiveTable, type Output } from './table.ts';

export interface DemoEnvironment {
  readonly cluster: Cluster;
  readonly emulator: Emulator;
  readonly apiKey: string;
  readonly out: Output;
}

/** Something asked of Kubernetes, and the provider call that has to follow. */
interface Asked {
  readonly what: 'apply' | 'patch';
  readonly name: string;
  readonly operation: Operation;
  /** Epoch milliseconds. */
  readonly at: number;
}

export const demoNamespace = 'vps247-demo';
const namespace = demoNamespace;

const columns: readonly Column[] = [
  ...kubectlColumns,
  { title: '│ VM', width: '│ 1001'.length },
  { title: 'POWER', width: 'starting'.length },
  { title: 'LAST TASK', width: 'VmRestart completed'.length, dispensable: 1 },
];
const legend = `Left of │: the VirtualMachine in Kubernetes, with the columns of kubectl get vps.
Right of │: the VM at the emulated provider.
Each line begins with the seconds since the start.`;

/** Runs the life of the sample VMs and prints it. Returns whether the ledger is as expected. */
export async function runScenario({ cluster, emulator, apiKey, out }: DemoEnvironment): Promise<boolean> {
  out.write(`${legend}\n${out.isTTY === true ? '' : 'An object is printed when it changes.\n'}\n`);
  const table = createLiveTable(columns, out);
  const asked: Asked[] = [];
  let objects: readonly VirtualMachine[] = [];

  const look = async (): Promise<void> => {
    objects = await cluster.list(namespace);
    table.show(rowsOf(objects, emulator));
  };
  const until = async (what: string, isTrue: () => boolean): Promise<void> => {
    await cluster.until(what, async () => {
      await look();
      return isTrue();
    });
  };
  const is = (name: string, expected: string) =>
    readiness(objects.find((object) => object.metadata.name === name)) === expected;
  const stateOf = (name: string) => objects.find((object) => object.metadata.name === name)?.status?.state;
  const handledOf = (name: string) =>
    objects.find((object) => object.metadata.name === name)?.status?.lastRestartRequest;

  await cluster.createNamespace(namespace);
  await cluster.putSecret(namespace, apiKey);
  const startedAt = performance.now();
  table.say('In the control panel of the provider, a user creates the VM "legacy-db".');
  const legacyId = emulator.panel.create({ name: 'legacy-db', packageId: 2 });

  const files = readdirSync(new URL('../../deploy/samples', import.meta.url))
    .filter((file) => file.endsWith('.yaml'))
    .toSorted();
  table.say(`kubectl apply -f deploy/samples   (${files.join(', ')})`);
  for (const file of files) {
    asked.push({ what: 'apply', name: file.replace('.yaml', ''), operation: 'CreateMachine', at: Date.now() });
    await cluster.applyFiles([`deploy/samples/${file}`], undefined, namespace);
  }
  await until('the samples are in sync', () => {
    const isRunning = ['web', 'appliance'].every((name) => is(name, 'True/Available') && stateOf(name) === 'Running');
    return (
      isRunning &&
      is('batch', 'True/Available') &&
      stateOf('batch') === 'Halted' &&
      is('typo', 'False/UnknownCatalogName')
    );
  });
  const typo = objects
    .find((object) => object.metadata.name === 'typo')
    ?.status?.conditions?.find(({ type }) => type === 'Ready');
  table.say(`typo says: ${typo?.message ?? ''}`);

  table.say('kubectl patch vps web --type merge -p \'{"spec":{"powerState":"Halted"}}\'');
  asked.push({ what: 'patch', name: 'web', operation: 'StopMachine', at: Date.now() });
  await cluster.patch(namespace, 'web', { spec: { powerState: 'Halted' } });
  await until('web is halted', () => is('web', 'True/Available') && stateOf('web') === 'Halted');

  table.say('kubectl patch vps web --type merge -p \'{"spec":{"powerState":"Running"}}\'');
  asked.push({ what: 'patch', name: 'web', operation: 'StartMachine', at: Date.now() });
  await cluster.patch(namespace, 'web', { spec: { powerState: 'Running' } });
  await until('web runs again', () => is('web', 'True/Available') && stateOf('web') === 'Running');

  table.say('kubectl patch vps web --type merge -p \'{"spec":{"restartRequest":"new kernel"}}\'');
  asked.push({ what: 'patch', name: 'web', operation: 'RestartMachine', at: Date.now() });
  await cluster.patch(namespace, 'web', { spec: { restartRequest: 'new kernel' } });
  await until('web was restarted', () => is('web', 'True/Available') && handledOf('web') === 'new kernel');

  table.say('kubectl patch vps appliance … Halted   (its guest ignores the shutdown signal: power is cut after 5 s)');
  await cluster.patch(namespace, 'appliance', { spec: { powerState: 'Halted' } });
  await until('appliance is halted', () => is('appliance', 'True/Available') && stateOf('appliance') === 'Halted');

  table.say('kubectl apply -f examples/account/account.yaml');
  await cluster.applyFiles(['examples/account/account.yaml'], undefined, namespace);
  let account: AccountStatus | undefined;
  await cluster.until('the Account shows all VMs', async () => {
    account = await accountStatus(cluster);
    return account?.machines?.total === 4 && account.estimate?.monthlyPrice !== undefined;
  });
  for (const line of accountLines(account)) table.say(line);

  table.say(
    `kubectl apply -f legacy-db.yaml   (adopts VM ${legacyId} by its id; kubectl vps import writes such manifests)`,
  );
  await cluster.create({
    name: 'legacy-db',
    namespace,
    spec: { powerState: 'Running', adoption: { policy: 'MustExist', id: legacyId } },
  });
  await until('legacy-db is adopted', () => is('legacy-db', 'True/Available'));

  table.say('kubectl patch vps legacy-db … powerSchedule   (halted in a window that has begun)');
  const powerSchedule = { timeZone: 'UTC', halted: [{ from: '* * * * *', to: '0 0 1 1 *' }] };
  await cluster.patch(namespace, 'legacy-db', { spec: { powerSchedule } });
  await until('legacy-db is halted', () => is('legacy-db', 'True/HaltedBySchedule'));

  table.say('kubectl delete -f deploy/samples -f legacy-db.yaml   (an adopted VM stays at the provider)');
  await cluster.delete(namespace, 'legacy-db');
  for (const file of files) await cluster.delete(namespace, file.replace('.yaml', ''));
  await until('the objects are gone', () => objects.length === 0);
  const duration = performance.now() - startedAt;

  const receipt = [
    ...outcome(emulator),
    ...writes(emulator),
    ...reads(emulator, duration),
    ...latencies(emulator, asked),
  ];
  out.write(`\n${renderSummary(receipt)}\n`);
  const isGood = receipt.every(isRight);
  out.write(isGood ? '\nAll counts are as expected.\n' : '\nThe lines marked ✗ differ from what is expected.\n');
  return isGood;
}

async function accountStatus(cluster: Cluster): Promise<AccountStatus | undefined> {
  const object = await cluster.read({ apiVersion, kind: accountKind, metadata: { name: 'main', namespace } });
  // `as`: what the CRD promises.
  return (object as { readonly status?: AccountStatus } | undefined)?.status;
}

function accountLines(status: AccountStatus | undefined): readonly string[] {
  const { machines, estimate, unmanaged = [] } = status ?? {};
  return [
    `Account main: ${machines?.total} VMs, ${machines?.unmanaged} unmanaged, ${estimate?.monthlyPrice} ${estimate?.currency} a month`,
    ...unmanaged.map(({ id, name, state }) => `Unmanaged: VM ${id} "${name}", ${state}`),
  ];
}

function rowsOf(objects: readonly VirtualMachine[], emulator: Emulator): string[][] {
  const machines = emulator.machines();
  return objects.map((object) => {
    const machine = machines.find(({ name }) => name === object.status?.providerName);
    return [
      ...kubectlCells(object),
      `│ ${machine === undefined ? '-' : `${machine.id}`}`,
      machine?.state ?? '',
      machine === undefined ? '' : `${machine.task.name} ${machine.task.status}`,
    ];
  });
}

function outcome(emulator: Emulator): SummaryLine[] {
  const { ledger } = emulator;
  return [
    { what: 'VMs created', counted: ledger.machinesEverCreated().length, least: 4, note: 'legacy-db by hand' },
    {
      what: 'VMs deleted',
      counted: ledger.effects.filter((effect) => effect.kind === 'deleted').length,
      least: 3,
    },
    { what: 'VMs left', counted: ledger.liveMachines().length, least: 1, note: 'legacy-db, which was adopted' },
    { what: 'names of two VMs', counted: ledger.duplicates().length, least: 0 },
    { what: 'requests in a wrong state', counted: ledger.forbiddenTransitions().length, least: 0 },
  ];
}

/** What the story above needs and nothing more: each count follows from a line of it. */
function writes(emulator: Emulator): SummaryLine[] {
  const calls = emulator.ledger.callsByOperation();
  const line = (operation: Operation, least: number, note: string): SummaryLine => ({
    what: operation,
    counted: calls[operation] ?? 0,
    least,
    note,
  });
  return [
    line('CreateMachine', 3, 'web, batch, appliance; none for typo'),
    line('StopMachine', 5, 'halt batch, web and appliance; legacy-db by its schedule; delete web'),
    line('StartMachine', 1, 'web'),
    line('KillMachine', 1, 'appliance, after its grace period'),
    line('RestartMachine', 1, 'web'),
    line('DeleteMachine', 3, ''),
  ];
}

function reads(emulator: Emulator, duration: number): SummaryLine[] {
  const calls = emulator.ledger.callsByOperation();
  const pollsPossible = Math.ceil(duration / 1000) + 1;
  return [
    {
      what: 'ListMachines',
      counted: calls['ListMachines'] ?? 0,
      least: undefined,
      most: pollsPossible,
      note: `at most one a second in ${(duration / 1000).toFixed(0)} s, for any number of objects`,
    },
    {
      what: 'GetMachine',
      counted: calls['GetMachine'] ?? 0,
      least: 3,
      note: 'one for each deletion: its 404 confirms it',
    },
    {
      what: 'catalog',
      counted: (calls['ListRegions'] ?? 0) + (calls['ListPackages'] ?? 0) + (calls['ListOsTemplates'] ?? 0),
      least: 3,
      note: 'regions, packages, templates: once each',
    },
  ];
}

/** From before the request to the API server is sent until the provider receives what follows from it. */
function latencies(emulator: Emulator, asked: readonly Asked[]): SummaryLine[] {
  return asked.flatMap(({ what, name, operation, at }) => {
    const call = emulator.ledger
      .writes()
      .find((entry) => entry.operation === operation && entry.machineName?.startsWith(`${name}-`) && entry.at >= at);
    const line = {
      what: `${what} ${name} → ${operation}`,
      least: undefined,
      note: 'ms, including the request to the API server',
    };
    return call === undefined ? [] : [{ ...line, counted: call.at - at }];
  });
}
