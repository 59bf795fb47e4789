/** The objects of a golden set: each shows something that the operator reports of an object, at rest or in progress. */
import type { Emulator } from '../../emulator/emulator.ts';
import type { Cluster } from '../../test/support/control-plane.ts';

export interface Room {
  readonly cluster: Cluster;
  readonly emulator: Emulator;
  readonly namespace: string;
}

export interface Case {
  readonly name: string;
  /** `at-rest`: nothing changes without an external change. */
  readonly group: 'at-rest' | 'under-way';
  /** Spec fields beyond the three that every object has. */
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Runs before the object is created; its result is merged into the spec. */
  readonly before?: (room: Room) => Readonly<Record<string, unknown>> | Promise<Readonly<Record<string, unknown>>>;
  /** Whether lists lack all VMs from then on, so that every other object is stored before. */
  readonly hidesVms?: true;
  /** The first state of Ready, as `status/reason`. */
  readonly first: string;
  /** A later action, and the final state of Ready. */
  readonly afterwards?: { readonly act: (room: Room, id: number) => Promise<unknown>; readonly last: string };
}

export const basis = {
  region: { name: 'Amsterdam 1' },
  package: { name: 'Budget' },
  osTemplate: { name: 'Debian 13 x64' },
} as const;

const ready = 'True/Available';
const deaf = { osTemplate: { name: 'Appliance (ignores ACPI)' } };
const change =
  (name: string, spec: object) =>
  ({ cluster, namespace }: Room) =>
    cluster.patch(namespace, name, { spec });

/** A create whose response is lost, and whose VM isn't listed for a while. */
const lost: Case = {
  name: 'create-lost',
  group: 'under-way',
  hidesVms: true,
  before: ({ emulator }) => {
    emulator.setSwitches({ listLag: 600_000 });
    emulator.addFault({ operation: 'CreateMachine', when: 'after', action: { kind: 'reset' } });
    return {};
  },
  first: 'False/CreateOutcomeUnknown',
};

export const cases: readonly Case[] = [
  { name: 'running', group: 'at-rest', first: ready },
  {
    name: 'by-id',
    group: 'at-rest',
    spec: { region: { id: 2 }, package: { id: 2 }, osTemplate: { id: 2 } },
    first: ready,
  },
  {
    name: 'every-field',
    group: 'at-rest',
    labels: { 'app.kubernetes.io/part-of': 'shop' },
    annotations: { 'example.com/owner': 'team-a', 'vps247.com/reconcile-requested-at': '2026-01-02T03:04:05Z' },
    spec: {
      ipv6: true,
      privateNetworking: true,
      sshKeyIds: [7, 8],
      providerName: 'every-field-of-it',
      powerState: 'Running',
      powerOff: { mode: 'Hard', gracePeriodSeconds: 90 },
      restartRequest: 'created with the object',
      powerDriftPolicy: 'Report',
      managementPolicy: 'Manage',
      adoption: { policy: 'IfExists' },
      onExternalDelete: 'Report',
      deletionPolicy: 'Retain',
      deletionProtection: true,
      credentialsSecretRef: { name: 'vps247-credentials', key: 'api-key' },
      initialPasswordSecret: { name: 'root-of-it' },
    },
    first: ready,
  },
  { name: 'halted', group: 'at-rest', spec: { powerState: 'Halted' }, first: ready },
  {
    name: 'restarted',
    group: 'at-rest',
    first: ready,
    afterwards: { act: change('restarted', { restartRequest: 'monday' }), last: ready },
  },
  {
    name: 'adopted',
    group: 'at-rest',
    before: ({ emulator }) => ({
      adoption: { policy: 'MustExist', id: emulator.panel.create({ name: 'older-than-the-object' }) },
    }),
    first: ready,
  },
  {
    name: 'paused',
    group: 'at-rest',
    first: ready,
    afterwards: {
      act: ({ cluster, namespace }) =>
        cluster.patch(namespace, 'paused', {
          metadata: { name: 'paused', namespace, annotations: { 'vps247.com/paused': 'true' } },
          spec: { powerState: 'Halted' },
        }),
      last: 'Unknown/Paused',
    },
  },
  { name: 'planned', group: 'at-rest', spec: { managementPolicy: 'Plan' }, first: 'False/PlanOnly' },
  {
    name: 'observed',
    group: 'at-rest',
    before: ({ emulator }) => ({
      managementPolicy: 'Observe',
      adoption: { policy: 'MustExist', id: emulator.panel.create({ name: 'only-looked-at' }) },
    }),
    first: ready,
  },
  {
    name: 'unknown-package',
    group: 'at-rest',
    spec: { package: { name: 'Budgett' } },
    first: 'False/UnknownCatalogName',
  },
  {
    name: 'without-key',
    group: 'at-rest',
    spec: { credentialsSecretRef: { name: 'not-there' } },
    first: 'Unknown/CredentialsMissing',
  },
  {
    name: 'protected',
    group: 'at-rest',
    spec: { deletionProtection: true },
    first: ready,
    afterwards: {
      act: ({ cluster, namespace }) => cluster.delete(namespace, 'protected'),
      last: 'False/DeletionProtected',
    },
  },
  {
    name: 'drifted',
    group: 'at-rest',
    spec: { powerDriftPolicy: 'Report' },
    first: ready,
    afterwards: { act: async ({ emulator }, id) => emulator.panel.power(id, 'kill'), last: 'False/PowerDrift' },
  },
  {
    name: 'deleted-by-others',
    group: 'at-rest',
    spec: { onExternalDelete: 'Report' },
    first: ready,
    afterwards: { act: async ({ emulator }, id) => emulator.panel.delete(id), last: 'False/ExternallyDeleted' },
  },
  {
    name: 'orphan-candidate',
    group: 'at-rest',
    before: async ({ cluster, emulator }) => {
      emulator.panel.create({ name: 'orphan-candidate-0a1b2c3d' });
      // The VM is known once it was listed.
      const lists = () => emulator.ledger.callsByOperation().ListMachines ?? 0;
      const listsBefore = lists();
      await cluster.until('two lists', async () => lists() >= listsBefore + 2);
      return {};
    },
    first: 'False/OrphanCandidateFound',
  },
  {
    name: 'name-taken',
    group: 'at-rest',
    before: ({ emulator }) => {
      emulator.panel.create({ name: 'taken' });
      return { providerName: 'taken' };
    },
    first: 'False/NameTaken',
  },
  {
    name: 'nothing-to-adopt',
    group: 'at-rest',
    spec: { adoption: { policy: 'MustExist', id: 999_999 } },
    first: 'False/AdoptionTargetNotFound',
  },
  {
    name: 'stopping',
    group: 'under-way',
    spec: { ...deaf, powerOff: { gracePeriodSeconds: 3600 } },
    first: ready,
    afterwards: { act: change('stopping', { powerState: 'Halted' }), last: 'False/Stopping' },
  },
  { name: 'falling-back', group: 'under-way', first: 'False/StartBackoff' },
  {
    name: 'deleting',
    group: 'under-way',
    spec: { ...deaf, powerOff: { gracePeriodSeconds: 3600 } },
    first: ready,
    afterwards: { act: ({ cluster, namespace }) => cluster.delete(namespace, 'deleting'), last: 'False/Deleting' },
  },
  lost,
];
