import { setTimeout as sleep } from 'node:timers/promises';
import { crowded, keyOf, type MonitoringEnvironment } from './environment.ts';

/** A planted fault. */
export interface Fault {
  /** For the output. */
  readonly what: string;
  /** The alerts that must fire for it, and not before. */
  readonly alerts: readonly string[];
  readonly plant: (stage: MonitoringEnvironment) => Promise<void> | void;
  /** Runs when the alerts have fired, before the next fault. Without it, the fault stays. */
  readonly fix?: (stage: MonitoringEnvironment) => Promise<void>;
}

/** The number of objects to reconcile while Kubernetes is slow. */
const crowd = 24;

/** Normal operation: VMs are created, one is halted and started again. */
export async function liveGoodDay(stage: MonitoringEnvironment): Promise<void> {
  const { cluster } = stage;
  const soft = { powerOff: { mode: 'Soft', gracePeriodSeconds: 5 } };
  await stage.create('shop', 'web', soft);
  await stage.create('shop', 'db');
  await stage.create('lab', 'build');
  await stage.create('media', 'encoder');
  await stage.create('games', 'arena');
  await stage.untilReady();
  for (const powerState of ['Halted', 'Running']) {
    await cluster.patch('shop', 'db', { spec: { powerState } });
    await cluster.until(`db is ${powerState}`, async () => {
      return (await cluster.get('shop', 'db'))?.status?.state === powerState;
    });
  }
  await stage.untilReady();
}

/** In the order in which they are planted. */
export const faults: readonly Fault[] = [
  {
    what: 'the operator is killed and does not restart',
    alerts: ['Vps247OperatorDown'],
    plant: (stage) => stage.killOperator(),
    fix: (stage) => stage.startOperator(),
  },
  {
    what: 'the operator runs again, but a replica that no longer exists holds the Lease',
    alerts: ['Vps247OperatorNoLeader'],
    plant: (stage) => stage.giveLease('replica-that-no-longer-exists'),
    fix: async (stage) => {
      await stage.giveLease(undefined);
      await stage.untilActing();
    },
  },
  {
    what: 'the provider resets every connection for the account of `media`, where an object is being deleted',
    alerts: ['Vps247ProviderUnavailable', 'Vps247DeleteStuck'],
    plant: async ({ cluster, emulator }) => {
      emulator.addFault({ key: keyOf('media'), when: 'before', action: { kind: 'reset' }, times: 'always' });
      await cluster.delete('media', 'encoder');
    },
  },
  {
    what: 'a user creates two VMs of the same name by hand, in the account of `shop`',
    alerts: ['Vps247UnmanagedMachines', 'Vps247DuplicateNames'],
    plant: ({ emulator }) => {
      emulator.panel.create({ name: 'legacy', ownerId: 1 });
      emulator.panel.create({ name: 'legacy', ownerId: 1 });
    },
  },
  {
    what: "a user moves the VM of `shop/web` to another package in the provider's control panel",
    alerts: ['Vps247DiffersFromSpec'],
    plant: ({ emulator }) => {
      for (const { id, name, packageId } of emulator.machines())
        if (name.startsWith('web-')) emulator.panel.resize(id, packageId + 1);
    },
  },
  {
    what: 'the provider rejects the key of `lab`',
    alerts: ['Vps247CredentialsRejected'],
    plant: ({ emulator }) => emulator.accounts.revokeKey(keyOf('lab')),
  },
  {
    what: 'the provider answers 429 to each stop request for `games/arena`',
    alerts: ['Vps247RateLimited'],
    plant: async ({ cluster, emulator }) => {
      const action = { kind: 'rate-limit', retryAfter: '1' } as const;
      emulator.addFault({ key: keyOf('games'), operation: 'StopMachine', when: 'before', action, times: 'always' });
      await cluster.patch('games', 'arena', { spec: { powerState: 'Halted' } });
    },
  },
  {
    what: 'a second installation gets the same objects',
    alerts: ['Vps247TwoInstallations'],
    plant: (stage) => stage.startSecond(),
  },
  {
    what: 'the spec of `shop/web` becomes Halted, and its guest ignores the signal',
    alerts: ['Vps247TransitionStuck'],
    plant: async ({ cluster, emulator }) => {
      for (const { id, name } of emulator.machines())
        if (name.startsWith('web-')) emulator.setIgnoresShutdown(id, true);
      await cluster.patch('shop', 'web', { spec: { powerState: 'Halted' } });
    },
  },
  {
    what: '`shop/web` sends so much that its transfer for the month is nearly used up',
    alerts: ['Vps247TransferNearlyUsedUp'],
    plant: async ({ emulator }) => {
      for (const transferUsed of [30, 60, 80, 97]) {
        emulator.setSwitches({ transferUsedNames: '^web-', transferUsed });
        await sleep(1_000);
      }
    },
  },
  {
    what: `Kubernetes takes half a second to refuse each read of a Secret in \`${crowded}\`, where ${crowd} objects are new`,
    alerts: ['Vps247OperatorErrors', 'Vps247QueueWait'],
    plant: async (stage) => {
      stage.isRefusing = true;
      const names = Array.from({ length: crowd }, (_, index) => `job-${index + 1}`);
      await Promise.all(names.map((name) => stage.create(crowded, name, { credentialsSecretRef: { name } })));
    },
  },
];
