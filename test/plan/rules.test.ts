import { describe, expect, it } from 'vitest';
import type { Reason } from '../../src/api/v1alpha1/reasons.ts';
import { Secret } from '../../src/domain/secret.ts';
import { type Action, isProviderCall } from '../../src/plan/action.ts';
import { plan, rules } from '../../src/plan/plan.ts';
import { failure, machineIn, now, secondsAgo, type ObservedOptions, observedWith } from './fixtures.ts';

type RuleName = keyof typeof rules;

// The names of the table's fields.
const ruleNames = Object.keys(rules) as readonly RuleName[];

interface Case {
  readonly given: ObservedOptions;
  readonly action: Action['type'];
  readonly reason?: Reason;
}

interface RuleRow {
  /** The rule decides. */
  readonly applies: Case;
  /** The next rule that would have decided otherwise, so that the order matters; undefined: no later one can apply as well. */
  readonly overrules: RuleName | undefined;
  /** One thing is different, and another rule decides. */
  readonly not: { readonly given: ObservedOptions; readonly decides: RuleName | 'none' };
}

const accountFull = { kind: 'TooMany', limit: 'TotalReached' } as const;
const chosen = { providerName: 'site' } as const;
const named = (name: string) => machineIn('Running', { name });
const withPassword = machineIn('Halted', { initialPassword: new Secret('emulated-password-1') });
const deleting = { deleting: true, finalizer: true } as const;

const table: Readonly<Record<RuleName, RuleRow>> = {
  nothingToDelete: {
    applies: { given: { deleting: true, annotations: { 'vps247.com/paused': 'true' } }, action: 'None' },
    overrules: 'paused',
    not: { given: { ...deleting, annotations: { 'vps247.com/paused': 'true' } }, decides: 'paused' },
  },
  paused: {
    applies: {
      given: { ...deleting, flaws: ['spec.powerState …'], annotations: { 'vps247.com/paused': 'true' } },
      action: 'None',
      reason: 'Paused',
    },
    overrules: 'specUnreadable',
    not: {
      given: { ...deleting, flaws: ['spec.powerState …'], annotations: { 'vps247.com/paused': 'false' } },
      decides: 'specUnreadable',
    },
  },
  specUnreadable: {
    applies: {
      given: { ...deleting, id: 90, spec: { managementPolicy: 'Observe' }, flaws: ['spec.powerState …'] },
      action: 'None',
      reason: 'InvalidSpec',
    },
    overrules: 'releaseWithoutDelete',
    not: {
      given: { ...deleting, id: 90, spec: { deletionPolicy: 'Retain' }, flaws: ['spec.powerState …'] },
      decides: 'releaseWithoutDelete',
    },
  },
  releaseWithoutDelete: {
    applies: {
      given: { ...deleting, id: 90, machine: 'Running', spec: { deletionPolicy: 'Retain', deletionProtection: true } },
      action: 'ReleaseFinalizer',
    },
    overrules: 'deletionProtected',
    not: {
      given: { ...deleting, id: 90, machine: 'Running', spec: { deletionPolicy: 'Delete', deletionProtection: true } },
      decides: 'deletionProtected',
    },
  },
  deletionProtected: {
    applies: {
      given: { ...deleting, id: 90, machine: 'Running', spec: { deletionProtection: true } },
      action: 'None',
      reason: 'DeletionProtected',
    },
    overrules: 'deletion',
    not: { given: { ...deleting, id: 90, machine: 'Running' }, decides: 'deletion' },
  },
  identityUnusable: {
    applies: {
      given: {
        id: 90,
        recordedFor: 'another-uid',
        observed: { credentials: { kind: 'Missing', message: 'no Secret' } },
      },
      action: 'None',
      reason: 'IdentityFromOtherObject',
    },
    overrules: 'credentialsUnusable',
    not: {
      given: { id: 90, observed: { credentials: { kind: 'Missing', message: 'no Secret' } } },
      decides: 'credentialsUnusable',
    },
  },
  credentialsUnusable: {
    applies: {
      given: {
        spec: chosen,
        machine: { kind: 'NotYetSeen' },
        observed: { credentials: accountFull, nameConflict: 'a/b' },
      },
      action: 'None',
      reason: 'ApiKeyLimitReached',
    },
    overrules: 'nameHeldByOther',
    not: {
      given: { spec: chosen, machine: { kind: 'NotYetSeen' }, observed: { nameConflict: 'a/b' } },
      decides: 'nameHeldByOther',
    },
  },
  nameHeldByOther: {
    applies: {
      given: { spec: chosen, machine: { kind: 'OutcomeUnknown' }, intent: true, observed: { nameConflict: 'a/b' } },
      action: 'None',
      reason: 'NameConflict',
    },
    overrules: 'machineUnknown',
    not: { given: { spec: chosen, machine: { kind: 'OutcomeUnknown' }, intent: true }, decides: 'machineUnknown' },
  },
  machineUnknown: {
    applies: {
      given: { id: 90, machine: { kind: 'ReadFailed', failure: failure() }, observed: { machineConflict: 'a/b' } },
      action: 'None',
      reason: 'ProviderUnavailable',
    },
    overrules: 'machineHeldByOther',
    not: { given: { id: 90, machine: 'Running', observed: { machineConflict: 'a/b' } }, decides: 'machineHeldByOther' },
  },
  machineHeldByOther: {
    applies: {
      given: { ...deleting, id: 90, machine: named('other'), observed: { machineConflict: 'a/b' } },
      action: 'None',
      reason: 'HeldByOtherObject',
    },
    overrules: 'identityMismatch',
    not: { given: { ...deleting, id: 90, machine: named('other') }, decides: 'identityMismatch' },
  },
  identityMismatch: {
    applies: {
      given: { ...deleting, id: 90, machine: named('other'), observed: { duplicates: [91] } },
      action: 'None',
      reason: 'IdentityMismatch',
    },
    overrules: 'duplicatedDeletion',
    not: {
      given: { ...deleting, id: 90, machine: 'Running', observed: { duplicates: [91] } },
      decides: 'duplicatedDeletion',
    },
  },
  duplicatedDeletion: {
    applies: {
      given: { ...deleting, id: 90, machine: 'Running', observed: { duplicates: [91] } },
      action: 'None',
      reason: 'DuplicateMachine',
    },
    overrules: 'deletion',
    not: { given: { ...deleting, id: 90, machine: 'Running' }, decides: 'deletion' },
  },
  deletion: {
    applies: { given: { ...deleting, machine: 'Absent' }, action: 'ReleaseFinalizer' },
    overrules: 'creation',
    not: { given: { finalizer: true, machine: 'Absent' }, decides: 'creation' },
  },
  unrecordedMachine: {
    applies: { given: { finalizer: true, machine: 'Halted' }, action: 'RecordIdentity', reason: 'Creating' },
    overrules: 'powerState',
    not: { given: { id: 90, machine: 'Halted' }, decides: 'powerState' },
  },
  creation: {
    applies: { given: { machine: 'Absent' }, action: 'Create', reason: 'Creating' },
    overrules: undefined,
    not: { given: { id: 90, machine: 'Absent' }, decides: 'externallyDeleted' },
  },
  externallyDeleted: {
    applies: {
      given: { id: 90, finalizer: false, machine: 'Absent', spec: { onExternalDelete: 'Report' } },
      action: 'None',
      reason: 'ExternallyDeleted',
    },
    overrules: 'identityIncomplete',
    not: { given: { id: 90, finalizer: false, machine: 'Running' }, decides: 'identityIncomplete' },
  },
  identityIncomplete: {
    applies: {
      given: { id: 90, finalizer: false, machine: withPassword },
      action: 'CompleteIdentity',
    },
    overrules: 'initialPassword',
    not: { given: { id: 90, machine: 'Halted' }, decides: 'powerState' },
  },
  initialPassword: {
    applies: { given: { id: 90, machine: withPassword }, action: 'WritePassword' },
    overrules: 'powerState',
    not: { given: { id: 90, machine: 'Halted' }, decides: 'powerState' },
  },
  powerState: {
    applies: { given: { id: 90, machine: 'Halted' }, action: 'Start', reason: 'Starting' },
    overrules: undefined,
    not: { given: { finalizer: true, machine: 'Halted' }, decides: 'unrecordedMachine' },
  },
};

function decidersOf(given: ObservedOptions): readonly RuleName[] {
  const observed = observedWith(given);
  return ruleNames.filter((name) => rules[name](observed) !== undefined);
}

describe.each(ruleNames)('the rule %s', (name) => {
  const { applies, overrules, not } = table[name];

  it('decides before all later ones', () => {
    const { action, statusReason } = plan(observedWith(applies.given));
    expect(decidersOf(applies.given).slice(0, 2)).toEqual([name, overrules].filter(Boolean));
    expect([action.type, statusReason?.reason]).toEqual([applies.action, applies.reason]);
  });

  it('leaves another case to another rule', () => {
    expect(decidersOf(not.given)[0] ?? 'none').toBe(not.decides);
  });
});

const hard = { powerState: 'Halted', powerOff: { mode: 'Hard', gracePeriodSeconds: 300 } } as const;
const refusal = failure({ operation: 'CreateMachine', class: 'Terminal', code: 'BadRequest', status: 400 });

interface ActionRow {
  readonly given: ObservedOptions;
  /** Whether it changes something at the provider. */
  readonly isCall: boolean;
  /** What `managementPolicy: Plan` shows instead of doing it; undefined: it is done. */
  readonly planned?: string;
}

const actions: Readonly<Record<Action['type'], ActionRow>> = {
  None: { given: { id: 90, machine: 'Running' }, isCall: false },
  Create: { given: {}, isCall: true, planned: 'CreateMachine' },
  RecordIdentity: { given: { finalizer: true, machine: 'Running' }, isCall: false },
  CompleteIdentity: { given: { id: 90, finalizer: false, machine: 'Running' }, isCall: false },
  WritePassword: { given: { id: 90, machine: withPassword }, isCall: false },
  Start: { given: { id: 90, machine: 'Halted' }, isCall: true, planned: 'StartMachine' },
  Stop: { given: { id: 90, machine: 'Running', spec: { powerState: 'Halted' } }, isCall: true, planned: 'StopMachine' },
  Restart: {
    given: {
      id: 90,
      machine: machineIn('Running', { updatedAt: secondsAgo(600) }),
      spec: { restartRequest: 'once' },
    },
    isCall: true,
    planned: 'RestartMachine',
  },
  Kill: { given: { id: 90, machine: 'Running', spec: hard }, isCall: true, planned: 'KillMachine' },
  Delete: { given: { ...deleting, id: 90, machine: 'Halted' }, isCall: true, planned: 'DeleteMachine' },
  WithdrawIntent: { given: { intent: true, machine: 'Absent', history: { refusal } }, isCall: false },
  ReleaseFinalizer: { given: { ...deleting, machine: 'Absent' }, isCall: false },
};

function decide(type: Action['type'], more: ObservedOptions = {}) {
  const { given } = actions[type];
  return plan(
    observedWith({
      ...given,
      spec: { ...given.spec, ...more.spec },
      observed: { ...given.observed, ...more.observed },
      history: { ...given.history, ...more.history },
    }),
  );
}

// The names of the table's fields.
const types = Object.keys(actions) as readonly Action['type'][];

/** What holds back every call, whatever it is, and nothing else. */
const holds: readonly { readonly what: string; readonly more: ObservedOptions; readonly reason?: Reason }[] = [
  { what: 'a rate-limit pause', more: { observed: { rateLimitedFor: 5_000 } }, reason: 'RateLimited' },
  {
    what: 'a provider that is unavailable',
    more: { observed: { isProviderUnavailable: true } },
    reason: 'ProviderUnavailable',
  },
  { what: 'a key that is being replaced', more: { observed: { isKeyChanging: true } } },
  { what: 'the pause after a failure', more: { history: { notBefore: now + 5_000 } } },
];

describe.each(types)('the action %s', (type) => {
  const { isCall, planned } = actions[type];

  it('is decided by a rule, and is a call to the provider or not', () => {
    const { action } = decide(type);
    expect([action.type, isProviderCall(action)]).toEqual([type, isCall]);
  });

  it.each(holds)(isCall ? 'waits for the end of $what' : 'does not wait for the end of $what', ({ more, reason }) => {
    const { action, statusReason } = decide(type, more);
    if (isCall) expect([action.type, statusReason?.reason]).toEqual(['None', reason]);
    else expect(action.type).toBe(type);
  });

  it.each(isCall ? holds : [])('has the VM polled as fast during $what as without it', ({ more }) => {
    expect(decide(type, more).fastPolling).toBe(decide(type).fastPolling);
  });

  it(isCall ? 'is reported while it waits for its slot, before it queues again' : 'waits for no slot', () => {
    const usual = decide(type);
    const { action, statusReason, after, operation } = decide(type, { history: { isQueued: true } });
    if (!isCall) return expect(action.type).toBe(type);
    expect([action.type, statusReason?.reason, after]).toEqual(['None', usual.statusReason?.reason, 0]);
    expect(statusReason?.message).toMatch(/^waiting for a slot in the request queue of the account, to \w+ .*VM /);
    // Nothing was sent.
    return expect(operation).toBeUndefined();
  });

  it('is deferred while its own write is refused, and not by the refusal of another one', () => {
    const refused = (action: Action['type']) =>
      decide(type, { history: { writeRefusal: { action, message: 'denied', until: now + 5_000 } } });
    const { action, statusReason, after } = refused(type);
    expect([action.type, statusReason?.reason, after]).toEqual(['None', 'WriteRefused', 5_000]);
    for (const other of types) if (other !== type) expect([other, refused(other).action.type]).toEqual([other, type]);
  });

  it(planned === undefined ? 'is done with policy Plan' : 'is only shown with policy Plan', () => {
    const { action, statusReason, plannedActions } = decide(type, { spec: { managementPolicy: 'Plan' } });
    if (planned === undefined) expect([action.type, plannedActions]).toEqual([type, undefined]);
    else {
      expect([action.type, statusReason?.reason]).toEqual(['None', 'PlanOnly']);
      expect(plannedActions?.[0]?.operation).toBe(planned);
    }
  });

  it('is not performed with policy Observe, unless it releases the object', () => {
    const { action } = decide(type, { spec: { managementPolicy: 'Observe' } });
    const isReleased = type === 'ReleaseFinalizer' || type === 'Delete';
    expect(action.type).toBe(isReleased ? 'ReleaseFinalizer' : 'None');
  });
});
