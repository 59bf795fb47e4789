import { annotations, finalizer } from '../../../src/api/v1alpha1/constants.ts';
import type { Reason } from '../../../src/api/v1alpha1/reasons.ts';
import { spec } from '../operator/fixture.ts';
import { keyOf, type Place, store } from './fixture.ts';

/** What holds after a command was pasted. */
export interface After {
  /** `status/reason` of Ready, or `gone` for an object that is. */
  readonly ready: string;
  /** How many VMs the account has then. */
  readonly vms: number;
}

export interface Shown {
  /** Before the operator starts, under a CRD that allows any spec. */
  readonly prepare?: (place: Place) => Promise<void>;
  /** How `web` comes to show the reason. */
  readonly arrange: (place: Place) => Promise<unknown>;
  /** Whether its namespace uses the operator's default API key. */
  readonly isDefaultKey?: true;
  /** Whether the Secret with an API key is missing at first. */
  readonly hasNoKey?: true;
  /** For each command: first those of the message, then those of the page that the message doesn't have. */
  readonly after: readonly After[];
}

/** Nothing to paste, and why. */
interface Nothing {
  readonly none: string;
}

const passes = { none: 'it resolves by itself' } as const satisfies Nothing;
const atTheProvider = { none: 'what helps is done at the provider' } as const satisfies Nothing;
const byYourChoice = { none: 'what to change depends on what you want' } as const satisfies Nothing;
const available = (vms: number): After => ({ ready: 'True/Available', vms });
const gone = (vms: number): After => ({ ready: 'gone', vms });

async function createAndChange(place: Place, wanted: object, change: (id: number) => Promise<void>): Promise<void> {
  await place.create('web', { ...wanted });
  await change(await place.until('True/Available'));
}

/** Halts a VM at any time, except in the first minute of a year. */
const nearlyAlways = { timeZone: 'UTC', halted: [{ from: '* * * * *', to: '0 0 1 1 *' }] };

const suspended = { ...spec, powerState: 'Suspended' };

/** More than one: ways to come to show the reason, with other commands. */
export const remedies: Readonly<Record<Reason, Shown | readonly Shown[] | Nothing>> = {
  Observing: passes,
  DiffersFromSpec: {
    arrange: (place) =>
      place.create('web', {
        package: { name: 'Standard' },
        adoption: { policy: 'MustExist', id: place.plant('legacy') },
      }),
    after: [available(1)],
  },
  Available: { none: 'all is well' },
  HaltedBySchedule: {
    arrange: async (place) => {
      await place.create('web', { powerSchedule: nearlyAlways });
      // An earlier use, which a later one replaces.
      await place.annotate({ [annotations.keepRunningUntil]: '2026-01-01T00:00:00Z' });
    },
    after: [available(1)],
  },
  InvalidSchedule: {
    arrange: (place) => place.create('web', { powerSchedule: { ...nearlyAlways, timeZone: 'Europe/Atlantis' } }),
    after: [available(1)],
  },
  Creating: passes,
  Adopting: passes,
  ProvisioningFailed: atTheProvider,
  CreateOutcomeUnknown: passes,
  CreateBackoff: atTheProvider,
  NameConflict: {
    arrange: async (place) => {
      await place.create('db', { providerName: 'shop' });
      await place.until('True/Available', 'db');
      await place.create('web', { providerName: 'shop' });
    },
    after: [gone(1)],
  },
  NameTaken: {
    arrange: (place) => {
      place.plant('shop');
      return place.create('web', { providerName: 'shop' });
    },
    after: [available(1), gone(1), available(1)],
  },
  HeldByOtherObject: {
    arrange: async (place) => {
      const adoption = { policy: 'MustExist', id: place.plant('legacy') };
      await place.create('db', { adoption });
      await place.until('True/Available', 'db');
      await place.create('web', { adoption });
    },
    after: [gone(1), gone(1)],
  },
  AdoptionMismatch: {
    arrange: (place) => {
      place.plant('shop');
      return place.create('web', {
        providerName: 'shop',
        adoption: { policy: 'MustExist', id: place.plant('legacy') },
      });
    },
    after: [available(2)],
  },
  IdentityMismatch: {
    arrange: async (place) => {
      await place.create('web', { managementPolicy: 'Plan' });
      await place.until('False/PlanOnly');
      const { uid = '' } = (await place.object())?.metadata ?? {};
      const record = {
        id: place.plant('theirs'),
        origin: 'Created',
        providerName: `web-${uid.slice(0, 8)}`,
        internal: { objectUID: uid },
      };
      await place.sh(
        `kubectl -n ${place.namespace} patch vps web --subresource=status --type merge -p '${JSON.stringify({ status: record })}'`,
      );
      await place.change({ managementPolicy: 'Manage' });
    },
    after: [available(2), gone(1)],
  },
  IdentityUnproven: {
    arrange: async (place) => {
      await place.create('web', {}, { annotations: { [annotations.paused]: 'true' } });
      const { uid } = (await place.object())?.metadata ?? {};
      const hint = JSON.stringify({ id: place.plant('legacy'), uid, name: 'legacy' });
      await place.annotate({ [annotations.machine]: hint, [annotations.paused]: null });
    },
    after: [available(1), available(2), gone(1)],
  },
  IdentityFromOtherObject: [
    {
      arrange: (place) => {
        const hint = JSON.stringify({ id: place.plant('legacy'), uid: 'of-another-object', name: 'legacy' });
        return place.create('web', {}, { annotations: { [annotations.machine]: hint } });
      },
      after: [available(1), available(2)],
    },
    {
      arrange: async (place) => {
        await place.create('web', {}, { annotations: { [annotations.paused]: 'true' } });
        await place.until('False/Paused');
        const record = {
          id: place.plant('legacy'),
          origin: 'Created',
          providerName: 'legacy',
          internal: { objectUID: 'of-another-object' },
        };
        await place.sh(
          `kubectl -n ${place.namespace} patch vps web --subresource=status --type merge -p '${JSON.stringify({ status: record })}'`,
        );
        await place.annotate({ [annotations.paused]: null });
      },
      after: [available(1), gone(1)],
    },
  ],
  OrphanCandidateFound: {
    arrange: (place) => {
      place.plant('web-deadbeef');
      return place.create('web');
    },
    after: [available(1), available(2)],
  },
  AdoptionTargetNotFound: {
    arrange: (place) => place.create('web', { adoption: { policy: 'MustExist', id: 4_711 } }),
    after: [available(1)],
  },
  AdoptionNotPermitted: {
    isDefaultKey: true,
    arrange: (place) => place.create('web', { adoption: { policy: 'MustExist', id: 4_711 } }),
    after: [available(1)],
  },
  InvalidSpec: {
    prepare: async ({ cluster, namespace }) => {
      await store(cluster, { name: 'web', namespace, finalizers: [finalizer] }, suspended);
      await cluster.delete(namespace, 'web');
    },
    arrange: () => Promise.resolve(),
    after: [gone(0), gone(0)],
  },
  UnknownCatalogName: byYourChoice,
  CombinationNotOffered: byYourChoice,
  CreateRefused: {
    arrange: (place) => {
      place.refuseCreate(422);
      return place.create('web');
    },
    after: [available(1)],
  },
  QuotaExceeded: {
    arrange: (place) => {
      place.refuseCreate(402);
      return place.create('web');
    },
    after: [available(1)],
  },
  NamespaceLimitReached: byYourChoice,
  AccountLimitReached: byYourChoice,
  AccountLimitsUnknown: byYourChoice,
  Starting: passes,
  Stopping: passes,
  Restarting: passes,
  ProviderBusy: passes,
  PowerTransitionStuck: {
    arrange: (place) => {
      const deaf = {
        osTemplate: { name: 'Appliance (ignores ACPI)' },
        powerOff: { mode: 'Soft', gracePeriodSeconds: 1 },
      };
      return createAndChange(place, deaf, () => place.change({ powerState: 'Halted' }));
    },
    after: [available(1)],
  },
  PowerChangeFailed: atTheProvider,
  StartBackoff: {
    arrange: (place) => place.create('web', { providerName: `loop-${place.ownerId}` }),
    after: [available(1)],
  },
  PowerDrift: {
    arrange: (place) =>
      createAndChange(place, { powerDriftPolicy: 'Report' }, async (id) => {
        place.emulator.panel.power(id, 'stop');
      }),
    after: [available(1), available(1)],
  },
  CredentialsMissing: { hasNoKey: true, arrange: (place) => place.create('web'), after: [available(1)] },
  CredentialsRejected: {
    arrange: async (place) => {
      await place.putKey(`${place.apiKey}-of-no-account`);
      await place.create('web');
    },
    after: [available(1)],
  },
  ApiKeyLimitReached: byYourChoice,
  AccountMismatch: {
    arrange: async (place) => {
      const other = place.ownerId + 1_000;
      place.emulator.panel.create({ ownerId: other, name: 'theirs' });
      await createAndChange(place, {}, () => place.putKey(keyOf(other)));
    },
    after: [available(1)],
  },
  RateLimited: passes,
  ProviderUnavailable: passes,
  ProtocolError: { none: 'it is reported to the maintainers' },
  ExternallyDeleted: {
    arrange: (place) =>
      createAndChange(place, { onExternalDelete: 'Report' }, async (id) => void place.emulator.panel.delete(id)),
    after: [available(1), gone(0)],
  },
  AbsenceUnconfirmed: passes,
  RecreationDelayed: {
    arrange: (place) => createAndChange(place, {}, async (id) => void place.emulator.panel.delete(id)),
    after: [{ ready: 'False/ExternallyDeleted', vms: 0 }],
  },
  DuplicateMachine: {
    arrange: (place) => createAndChange(place, {}, async () => void place.plant(place.vms()[0] ?? '')),
    after: [gone(2)],
  },
  InitialPasswordConflict: {
    arrange: async (place) => {
      await place.sh(`kubectl -n ${place.namespace} create secret generic web-initial-password`);
      await place.create('web');
    },
    after: [available(1)],
  },
  InitialPasswordNotStored: {
    arrange: async (place) => {
      await place.refuseSecrets();
      await place.create('web');
    },
    after: [available(1)],
  },
  InvalidAnnotation: {
    arrange: (place) => place.create('web', {}, { annotations: { [annotations.paused]: 'maybe' } }),
    after: [available(1)],
  },
  MachineAnnotationCorrected: passes,
  RestartSkipped: byYourChoice,
  WriteRefused: { none: 'the policy that refuses the write is not the operator’s' },
  OwnedByOtherInstallation: {
    arrange: (place) => place.create('web', {}, { annotations: { [annotations.managedBy]: 'other/installation' } }),
    after: [available(1)],
  },
  Deleting: passes,
  Retained: byYourChoice,
  DeletionProtected: {
    arrange: (place) => createAndChange(place, { deletionProtection: true }, () => place.remove()),
    after: [gone(0), gone(1)],
  },
  OrphanNotPermitted: {
    isDefaultKey: true,
    arrange: (place) => createAndChange(place, { deletionPolicy: 'Retain' }, () => place.remove()),
    after: [gone(0)],
  },
  Paused: {
    arrange: (place) => place.create('web', {}, { annotations: { [annotations.paused]: 'true' } }),
    after: [available(1)],
  },
  ObserveOnly: {
    arrange: (place) => {
      const adoption = { policy: 'MustExist', id: place.plant('legacy', 'halted') };
      return place.create('web', { managementPolicy: 'Observe', adoption });
    },
    after: [available(1)],
  },
  PlanOnly: { arrange: (place) => place.create('web', { managementPolicy: 'Plan' }), after: [available(1)] },
};
