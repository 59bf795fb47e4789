import { describe, expect, it } from 'vitest';
import type { VirtualMachineSpec } from '../../src/api/v1alpha1/types.ts';
import type { Price } from '../../src/domain/machine.ts';
import { plan } from '../../src/plan/plan.ts';
import { machineIn, type ObservedOptions, observedWith, secondsAgo } from './fixtures.ts';

const x = { id: 7, name: 'Web 1', region: { id: 3, name: 'London 1' }, package: { id: 1, name: 'Budget' } };
const adopt =
  'adopt VM 7 ("Web 1") in region "London 1" (3) with package "Budget" (1), which differs from spec.region "Amsterdam 1"';
const create =
  'create VM "web-0a1b2c3d" in region "Amsterdam 1" (1) with package "Budget" (2) and OS template "Debian 13 x64" (4) for';
const unpriced = 'a price that the catalog does not show';
const cut = "cut its power if it isn't halted after 300 s";
const vm = 'VM 90 ("web-0a1b2c3d")';
const gone = `delete ${vm} and all its data, which can't be undone`;

const name = '\u00e9'.repeat(127);

interface Row {
  readonly what: string;
  readonly given: ObservedOptions;
  /** Operation without `Machine`, and message. */
  readonly steps: readonly (readonly [operation: string, message: string])[];
}

const halted = { spec: { powerState: 'Halted' } } as const;
const adopting = { adoption: { policy: 'MustExist', id: 7 } } as const;
const deleting = { id: 90, deleting: true } as const;
const off = (mode: 'Soft' | 'Hard') => ({ powerOff: { mode, gracePeriodSeconds: 60 } }) as const;
const stopped = { type: 'Stop', startTime: secondsAgo(301), attempts: 1 } as const;

const rows: readonly Row[] = [
  { what: 'a create', given: {}, steps: [['Create', `${create} ${unpriced}`]] },
  {
    what: 'a create of a VM that is to be halted',
    given: halted,
    steps: [
      ['Create', `${create} ${unpriced}`],
      ['Stop', 'send VM "web-0a1b2c3d" the shutdown signal'],
      ['Kill', cut],
    ],
  },
  {
    what: 'a recreation',
    given: { id: 90, spec: { onExternalDelete: 'Recreate' } },
    steps: [
      [
        'Create',
        `${create.replace('VM', 'a new, empty VM').replace(' in region', ' in place of VM 90 in region')} ${unpriced}`,
      ],
    ],
  },
  { what: 'an adoption', given: { machine: machineIn('Running', x), spec: adopting }, steps: [['Adopt', adopt]] },
  {
    what: 'an adoption of a VM that differs from the spec in all that can be compared',
    given: {
      machine: machineIn('Running', { ...x, package: { id: 1 }, osTemplate: { id: 5, name: 'Windows' } }),
      spec: { ...adopting, package: { id: 2 } },
    },
    steps: [
      [
        'Adopt',
        'adopt VM 7 ("Web 1") in region "London 1" (3) with package 1 and OS template "Windows" (5), which differs from spec.region "Amsterdam 1", spec.package 2, spec.osTemplate "Debian 13 x64"',
      ],
    ],
  },
  {
    what: 'an adoption of a VM that is as the spec says',
    given: {
      machine: machineIn('Running', { ...x, region: { id: 1, name: 'Amsterdam 1' } }),
      spec: adopting,
    },
    steps: [['Adopt', 'adopt VM 7 ("Web 1") in region "Amsterdam 1" (1) with package "Budget" (1)']],
  },
  {
    what: 'an adoption of a halted VM',
    given: { machine: machineIn('Halted', x), spec: adopting },
    steps: [
      ['Adopt', adopt],
      ['Start', 'start VM 7 ("Web 1")'],
    ],
  },
  {
    what: 'an adoption of a running VM that is to be halted',
    given: { machine: machineIn('Running', x), spec: { ...adopting, powerState: 'Halted' } },
    steps: [
      ['Adopt', adopt],
      ['Stop', 'send VM 7 ("Web 1") the shutdown signal'],
      ['Kill', cut],
    ],
  },
  {
    what: 'an adoption of a VM of which less is known',
    given: { machine: machineIn('Starting', { id: 7, name: 'Web 1' }), spec: adopting },
    steps: [['Adopt', 'adopt VM 7 ("Web 1")']],
  },
  {
    what: 'an adoption of a halted VM that is to stay so',
    given: { machine: machineIn('Halted', x), spec: { ...adopting, powerState: 'Halted' } },
    steps: [['Adopt', adopt]],
  },
  {
    what: 'an adoption of a VM that halts and is to run',
    given: { machine: machineIn('Halting', x), spec: adopting },
    steps: [
      ['Adopt', adopt],
      ['Start', 'start VM 7 ("Web 1")'],
    ],
  },
  {
    what: 'an adoption of a VM that halts and is to be halted',
    given: { machine: machineIn('Halting', x), spec: { ...adopting, powerState: 'Halted' } },
    steps: [
      ['Adopt', adopt],
      ['Kill', cut],
    ],
  },
  {
    what: 'an adoption for a deletion',
    given: {
      id: 7,
      isHint: true,
      adoptedAs: 'Web 1',
      finalizer: true,
      deleting: true,
      machine: machineIn('Running', x),
      spec: { ...adopting, deletionPolicy: 'Delete' },
    },
    steps: [
      ['Adopt', adopt],
      ['Stop', 'send VM 7 ("Web 1") the shutdown signal'],
      ['Kill', cut],
      ['Delete', 'delete VM 7 ("Web 1") and all its data, which can\'t be undone'],
    ],
  },
  { what: 'a start', given: { id: 90, machine: 'Halted' }, steps: [['Start', `start ${vm}`]] },
  {
    what: 'a restart',
    given: { id: 90, machine: 'Running', spec: { restartRequest: '1' }, status: { origin: 'Created' } },
    steps: [['Restart', `restart ${vm}`]],
  },
  {
    what: 'a power off',
    given: { id: 90, machine: 'Running', ...halted },
    steps: [
      ['Stop', `send ${vm} the shutdown signal`],
      ['Kill', cut],
    ],
  },
  {
    what: 'a power off that may never cut the power',
    given: { id: 90, machine: 'Running', spec: { powerState: 'Halted', ...off('Soft') } },
    steps: [['Stop', `send ${vm} the shutdown signal`]],
  },
  {
    what: 'a power off that cuts the power at once',
    given: { id: 90, machine: 'Running', spec: { powerState: 'Halted', ...off('Hard') } },
    steps: [['Kill', `cut the power of ${vm}`]],
  },
  {
    what: 'the way back from a power off that hangs',
    given: { id: 90, machine: 'Halting', status: { operation: stopped } },
    steps: [
      ['Kill', `cut the power of ${vm}`],
      ['Start', `start ${vm}`],
    ],
  },
  {
    what: 'a deletion',
    given: { ...deleting, machine: 'Running' },
    steps: [
      ['Stop', `send ${vm} the shutdown signal`],
      ['Kill', cut],
      ['Delete', gone],
    ],
  },
  {
    what: 'a deletion whose shutdown takes too long',
    given: { ...deleting, machine: 'Halting', status: { operation: stopped } },
    steps: [
      ['Kill', `cut the power of ${vm}`],
      ['Delete', gone],
    ],
  },
  { what: 'a deletion of a halted VM', given: { ...deleting, machine: 'Halted' }, steps: [['Delete', gone]] },
  {
    what: 'a deletion that the limit of deletes a minute holds up',
    given: { ...deleting, machine: 'Halted', observed: { deletesHeldFor: 5_000 } },
    steps: [['Delete', gone]],
  },
  {
    what: 'a deletion that is protected: the power alone',
    given: { ...deleting, machine: 'Running', spec: { deletionProtection: true, powerState: 'Halted' } },
    steps: [
      ['Stop', `send ${vm} the shutdown signal`],
      ['Kill', cut],
    ],
  },
];

describe('the plan', () => {
  it.each(rows)('of $what has every step', ({ given, steps }) => {
    const decision = plan(observedWith({ ...given, spec: { ...given.spec, managementPolicy: 'Plan' } }));
    expect([decision.action.type, decision.awaitsDelete]).toEqual(['None', false]);
    expect(decision.plannedActions).toEqual(
      steps.map(([operation, message]) => ({ operation: `${operation}Machine`, message })),
    );
  });

  it('of a deletion that keeps the VM has none', () => {
    const spec = { managementPolicy: 'Plan', deletionPolicy: 'Retain' } as const;
    const { action, plannedActions } = plan(observedWith({ ...deleting, machine: 'Running', spec }));
    expect([action.type, plannedActions]).toEqual(['ReleaseFinalizer', undefined]);
  });

  it('is summarized in the condition, with the command that approves it', () => {
    const { statusReason } = plan(observedWith({ ...deleting, machine: 'Halted', spec: { managementPolicy: 'Plan' } }));
    const approve = `kubectl -n default patch vps web --type merge -p '{"spec":{"managementPolicy":"Manage"}}'`;
    expect(statusReason?.message).toBe(`planned: ${gone}. To approve: ${approve}`);
  });

  it.each<{ what: string; given: ObservedOptions; named?: Partial<VirtualMachineSpec>; ends: RegExp }>([
    { what: 'a create', given: { spec: { powerState: 'Halted' } }, ends: /9\.999999 USD a month$/ },
    { what: 'a recreation', given: { id: 2 ** 53 - 1, spec: { onExternalDelete: 'Recreate' } }, ends: /USD a month$/ },
    { what: 'a deletion', given: { ...deleting, machine: machineIn('Running', { name }) }, ends: /signal$/ },
    {
      what: 'an adoption',
      given: {
        machine: machineIn('Running', {
          id: 7,
          name,
          region: { id: 1, name },
          package: { id: 1, name },
          osTemplate: { id: 1, name },
        }),
        spec: { ...adopting, powerState: 'Halted' },
      },
      named: { region: { name: `${name}-` }, package: { name: `${name}-` }, osTemplate: { name: `${name}-` } },
      ends: /, spec\.osTemplate "é+…"$/,
    },
  ])('of $what fits into the status, with the command, with names of any length', ({ given, named, ends }) => {
    const [region, pack, template] = [{ id: 1 }, { id: 2 }, { id: 4 }];
    const choice = { region, package: pack, osTemplate: template, managementPolicy: 'Plan' } as const;
    const base = observedWith({ ...given, spec: { ...given.spec, ...choice, ...named } });
    const longest = { name: 'o'.repeat(253), namespace: 'n'.repeat(63) };
    const object = { ...base.object, metadata: { ...base.object.metadata, ...longest } };
    const prices = (['EUR', 'GBP', 'USD'] as const).map((currency) => {
      return { amount: '9999999.999999', currency, per: 'month' } as const;
    });
    const catalog = {
      kind: 'Read',
      regions: [{ ...region, name }],
      packages: [{ ...pack, name, prices }],
      osTemplates: [{ ...template, name }],
    } as const;
    const providerName = base.identity.kind === 'Known' ? name : base.providerName;
    const { plannedActions, statusReason } = plan({ ...base, object, catalog, providerName });
    expect(plannedActions?.[0]?.message).toMatch(ends);
    expect(statusReason?.message).toMatch(/"Manage"\}\}'$/);
    expect(Buffer.byteLength(statusReason?.message ?? '')).toBeLessThan(1_024);
  });
});

const eur = { amount: '4.90', currency: 'EUR', per: 'month' } as const;
const usd = { amount: '5.00', currency: 'USD', per: 'month' } as const;
const hourly = { amount: '0.0070', currency: 'EUR', per: 'hour' } as const;

it.each<{ prices: readonly Price[]; shown: string }>([
  { prices: [hourly, eur], shown: '4.90 EUR a month' },
  { prices: [eur, usd], shown: '4.90 EUR or 5.00 USD a month' },
  { prices: [hourly], shown: '0.0070 EUR an hour' },
])('shows the price of a create as the provider spells it: $shown', ({ prices, shown }) => {
  const { catalog, ...rest } = observedWith({ spec: { managementPolicy: 'Plan' } });
  const packages = [{ id: 2, name: 'Budget', prices }];
  const { plannedActions } = plan({ ...rest, catalog: { ...catalog, packages } as typeof catalog });
  expect(plannedActions?.[0]?.message).toBe(`${create} ${shown}`);
});
