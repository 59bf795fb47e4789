import type {
  AccountCondition,
  AccountConditionType,
  AccountSpec,
  AccountStatus,
} from '../../../src/api/v1alpha1/account-types.ts';
import type { OperatorSettings } from '../../../src/config/settings.ts';
import { type Failure, failed, succeeded } from '../../../src/domain/failure.ts';
import type { ListedMachine, OsTemplate, Package, Region } from '../../../src/domain/machine.ts';
import { createWorld, type World } from '../world/world.ts';

export const minute = 60_000;

/** A package with the same price in each of these currencies. */
export function priced(id: number, name: string, month: Readonly<Record<string, string>>): Package {
  const prices = Object.entries(month).map(([currency, amount]) => {
    // `as`: the tests name these three only.
    return { amount, currency: currency as 'EUR' | 'GBP' | 'USD', per: 'month' } as const;
  });
  return { id, name, prices };
}

/** The whole operator with Accounts, in memory. */
export interface AccountWorld extends World {
  /** What the provider offers. */
  offer: { regions: readonly Region[]; packages: readonly Package[]; osTemplates: readonly OsTemplate[] };
  /** Why reading the catalog fails, if it does. */
  catalogFailure: Omit<Failure, 'operation'> | undefined;
  /** How often the packages were read. */
  readonly catalogReads: () => number;
  /** What a list has besides the VMs. */
  extra: readonly ListedMachine[];
  applyAccount(name: string, spec?: Partial<AccountSpec>, namespace?: string): void;
  /** A user's change of the spec. */
  changeAccount(name: string, spec: Partial<AccountSpec>): void;
  status(name: string, namespace?: string): AccountStatus | undefined;
  accountCondition(name: string, type: AccountConditionType, namespace?: string): AccountCondition | undefined;
  /** `True Accepted` for each condition. */
  conditions(name: string, namespace?: string): Readonly<Record<string, string>>;
  /** How often the status was written. */
  readonly writes: (name: string) => number;
}

export async function createAccountWorld(
  settings: Partial<OperatorSettings> = {},
  options: Parameters<typeof createWorld>[1] = {},
): Promise<AccountWorld> {
  let reads = 0;
  const catalog =
    <T>(read: () => T) =>
    () => {
      const value = read();
      const failure = world.catalogFailure;
      return Promise.resolve(
        failure === undefined ? succeeded(value) : failed({ operation: 'ListRegions', ...failure }),
      );
    };
  const base = await createWorld(
    { accounts: true, ...settings },
    {
      withoutBystanders: 'their VMs would be unmanaged',
      ...options,
      through: (direct, ...rest) => {
        const provider = options.through?.(direct, ...rest) ?? direct;
        return {
          ...provider,
          async listMachines(signal) {
            const outcome = await provider.listMachines(signal);
            return outcome.ok ? succeeded([...outcome.value, ...world.extra]) : outcome;
          },
          listRegions: catalog(() => world.offer.regions),
          listPackages: catalog(() => {
            reads += 1;
            return world.offer.packages;
          }),
          listOsTemplates: catalog(() => world.offer.osTemplates),
        };
      },
    },
  );
  // `as`: only what tests put there and the operator wrote.
  const statusOf = (name: string, namespace = 'default'): AccountStatus | undefined =>
    base.cluster.stored('accounts', (one) => one === namespace).find(({ metadata }) => metadata.name === name)?.[
      'status'
    ] as AccountStatus | undefined;
  const world: AccountWorld = Object.assign(base, {
    offer: {
      regions: [{ id: 1, name: 'Amsterdam 1' }],
      packages: [priced(1, 'Budget', { EUR: '4.00' }), priced(2, 'Basic', { EUR: '9.90' })],
      osTemplates: [{ id: 3, name: 'Debian 13' }],
    },
    catalogFailure: undefined,
    extra: [],
    catalogReads: () => reads,
    applyAccount: (name: string, spec: Partial<AccountSpec> = {}, namespace = 'default') =>
      base.cluster.put('accounts', {
        metadata: { name, namespace },
        spec: { credentialsSecretRef: { name: 'vps247-credentials', key: 'api-key' }, ...spec },
        status: { observedGeneration: -1 },
      }),
    changeAccount: (name: string, spec: Partial<AccountSpec>) =>
      void base.cluster.patch(
        { group: 'vps247.com', version: 'v1alpha1', plural: 'accounts' },
        { namespace: 'default', name },
        { type: 'merge', body: { spec } },
      ),
    status: statusOf,
    accountCondition: (name: string, type: AccountConditionType, namespace?: string) =>
      statusOf(name, namespace)?.conditions?.find((one) => one.type === type),
    conditions: (name: string, namespace?: string) =>
      Object.fromEntries(
        (statusOf(name, namespace)?.conditions ?? []).map(({ type, status, reason }) => [type, `${status} ${reason}`]),
      ),
    writes: (name: string) => base.cluster.writes.filter((write) => write === `status ${name}`).length,
  });
  return world;
}
