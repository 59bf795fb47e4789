import { liveness } from './checker.ts';
import type { Configuration } from './configurations.ts';
import type { Edit } from './subject.ts';

/** A mistake that somebody could make in one line, and what the model has to say of it. */
export interface Mutation extends Edit {
  readonly mistake: string;
  /** The invariant that it breaks first. */
  readonly breaks: string;
  /** A world in which it does: small, so that it is found soon. */
  readonly configuration: Omit<Configuration, 'name'>;
}

const oneMachine = 'one object has at most one machine';
const nothingForeign = 'nothing foreign is changed';
const nothingForeignOnRecord = 'nothing foreign is on record';
const onlyHalted = 'only a machine seen halted is deleted, or one in a transition that has taken too long';
const onlyWithObject = 'a machine is deleted with its object only, and not while it is protected';
const noDoubt = 'nothing is created while an outcome is unknown';
const announced = 'a create call is announced first, with the finalizer';
const staysWithMachine = 'the object stays as long as its machine, unless it is to leave it';
const onlyManaged = 'nothing is changed that is paused or only observed';
const restartsOnce = 'a request restarts once';
const cutByRule = 'power is cut with an announcement, after the grace period, and never by Soft';

export const mutations: readonly Mutation[] = [
  {
    mistake: 'an object without an id has no machine',
    file: 'reconcile/observe-machine.ts',
    line: "if (target.id === undefined && identity.kind === 'None' && isUntouched(subject)) {",
    replacement: "if (target.id === undefined && identity.kind === 'None') {",
    breaks: oneMachine,
    configuration: { from: 'Applied', left: { kubeFault: 1 } },
  },
  {
    mistake: 'one list is believed',
    file: 'reconcile/evidence.ts',
    line: 'const second = e.firstLacking + e.visibilityWindow;',
    replacement: 'const second = e.firstLacking;',
    breaks: noDoubt,
    configuration: { from: 'Applied', left: { lostAnswer: 1 } },
  },
  {
    mistake: 'a lost call is taken for ended at once',
    file: 'reconcile/observe-machine.ts',
    line: 'const earliest = Math.max(deps.actingSince(key), memory.intentSentAt ?? 0) + deps.limits.callDeadline;',
    replacement: 'const earliest = Math.max(deps.actingSince(key), memory.intentSentAt ?? 0);',
    breaks: noDoubt,
    configuration: { from: 'Applied', left: { crash: 1 } },
  },
  {
    mistake: 'what lists said before a call counts after it',
    file: 'reconcile/execute.ts',
    line: 'memory.forgetLack();',
    replacement: '',
    breaks: noDoubt,
    configuration: { from: 'Applied', left: { lostAnswer: 2 } },
  },
  {
    mistake: 'a lost answer says that nothing was created',
    file: 'reconcile/execute.ts',
    line: "case 'UnknownOutcome':",
    replacement: "case 'UnknownOutcome': memory.settle(intent, intent);",
    breaks: noDoubt,
    configuration: { from: 'Applied', left: { lostAnswer: 1 } },
  },
  {
    mistake: 'a login page says that nothing was created',
    file: 'reconcile/execute.ts',
    line: "if (failure.code !== 'Unauthorized' && failure.code !== 'Forbidden') return;",
    replacement: '',
    breaks: noDoubt,
    configuration: { from: 'Applied', left: { lostAnswer: 1 } },
  },
  {
    mistake: 'a create that is refused is believed to have had no effect',
    file: 'reconcile/execute.ts',
    line: 'memory.refusedIntent = intent;',
    replacement: 'memory.settle(intent, intent);',
    breaks: staysWithMachine,
    configuration: { from: 'Applied', spec: { providerName: 'plain' }, left: { refusedEffect: 1, deletion: 1 } },
  },
  {
    mistake: 'a write that a policy altered counts',
    file: 'reconcile/metadata-patch.ts',
    line: 'if (altered.length === 0) return answer;',
    replacement: 'if (altered.length >= 0) return answer;',
    breaks: announced,
    configuration: { from: 'Applied', left: { policy: 1 } },
  },
  {
    mistake: 'a status that a policy altered counts',
    file: 'status/patch.ts',
    line: 'if (altered.length === 0) return stored;',
    replacement: 'if (altered.length >= 0) return stored;',
    breaks: cutByRule,
    configuration: {
      from: 'Settled',
      spec: { powerOff: { mode: 'Hard', gracePeriod: '1s' } },
      left: { policy: 1, powerState: 1 },
    },
  },
  {
    mistake: 'an announcement is made in memory only',
    file: 'reconcile/execute.ts',
    line: '[annotations.createPending]: intent,',
    replacement: '',
    breaks: announced,
    configuration: { from: 'Applied', left: {} },
  },
  {
    mistake: 'the finalizer comes after the create call',
    file: 'reconcile/execute.ts',
    line: 'finalizers: withFinalizer(object),',
    replacement: 'finalizers: object.metadata.finalizers ?? [],',
    breaks: announced,
    configuration: { from: 'Applied', left: {} },
  },
  {
    mistake: 'any machine of the name is taken over',
    file: 'plan/create.ts',
    line: "if (isNamed && (isNameOwn(o.object) || isFromIntent(o, machine))) return record(o, machine, 'Created');",
    replacement: "if (isNamed) return record(o, machine, 'Created');",
    breaks: nothingForeignOnRecord,
    configuration: { from: 'Applied', spec: { providerName: 'plain' }, left: { namesake: 1 } },
  },
  {
    mistake: 'an identity that was written for another object counts',
    file: 'api/v1alpha1/identity.ts',
    line: 'if (uid !== object.metadata.uid)',
    replacement: "if (uid === '')",
    breaks: nothingForeign,
    configuration: { from: 'Restored', left: { powerState: 1 } },
  },
  {
    mistake: 'a recorded machine is deleted, whatever its name',
    file: 'plan/plan.ts',
    line: 'if (machine.name === name) return undefined;',
    replacement: "if (machine.name !== '') return undefined;",
    breaks: nothingForeign,
    configuration: { from: 'Settled', left: { tampering: 1, deletion: 1 } },
  },
  {
    mistake: 'a running machine is deleted',
    file: 'plan/remove.ts',
    line: "if (machine.state !== 'Halted') return comingBackIn(left, asDeleting(o, power(o, machine, 'Halted'), machine));",
    replacement: "if (machine.state === 'Halting') return asDeleting(o, power(o, machine, 'Halted'), machine);",
    breaks: onlyHalted,
    configuration: { from: 'Settled', left: { deletion: 1 } },
  },
  {
    mistake: 'machines are deleted without being asked to',
    file: 'plan/plan.ts',
    line: 'return o.object.metadata.deletionTimestamp !== undefined;',
    replacement: 'return true;',
    breaks: onlyWithObject,
    configuration: { from: 'Settled', left: { powerState: 1 } },
  },
  {
    mistake: 'the finalizer goes while the machine is there',
    file: 'plan/plan.ts',
    line: "if (o.machine.kind === 'Absent') return act({ type: 'ReleaseFinalizer' }, undefined);",
    replacement: "if (o.history.deletes > 0) return act({ type: 'ReleaseFinalizer' }, undefined);",
    breaks: staysWithMachine,
    configuration: { from: 'Settled', left: { deletion: 1 } },
  },
  {
    mistake: 'a machine that was just created is gone when no list shows it',
    file: 'reconcile/evidence.ts',
    line: 'if (!evidence.wasSeen && evidence.lackingFor < evidence.visibilityWindow) return unconfirmed;',
    replacement: '',
    breaks: staysWithMachine,
    configuration: { from: 'Applied', left: { lag: 1, deletion: 1 } },
  },
  {
    mistake: 'a list alone shows that a machine is gone',
    file: 'reconcile/observe-machine.ts',
    line: 'if (read.outcome.value !== undefined) {',
    replacement: 'if (read.outcome.value === null) {',
    breaks: staysWithMachine,
    configuration: { from: 'Settled', left: { gap: 1, deletion: 1 } },
  },
  {
    mistake: 'the list of any account counts',
    file: 'reconcile/evidence.ts',
    line: 'if (ownerId === undefined || firstOwner === undefined || listedOwners.includes(ownerId)) return undefined;',
    replacement: 'if (ownerId !== firstOwner || ownerId === firstOwner) return undefined;',
    breaks: staysWithMachine,
    configuration: { from: 'Settled', left: { otherKey: 1, deletion: 1 } },
  },
  {
    mistake: 'a shutdown gets no time',
    file: 'plan/power.ts',
    line: "if (waited >= grace) return send(o, machine, { type: 'Kill', verdict: cut, before: undefined, base: window });",
    replacement:
      "if (waited >= 0) return send(o, machine, { type: 'Kill', verdict: cut, before: undefined, base: window });",
    breaks: cutByRule,
    configuration: { from: 'Settled', left: { powerState: 1 } },
  },
  {
    mistake: 'Soft cuts the power',
    file: 'plan/power.ts',
    line: "if (mode === 'TrySoft') {",
    replacement: "if (mode !== 'Hard') {",
    breaks: cutByRule,
    configuration: {
      from: 'Settled',
      spec: { powerOff: { mode: 'Soft', gracePeriod: '1s' } },
      left: { powerState: 1, guest: 1 },
    },
  },
  {
    mistake: 'power is cut before that is on record',
    file: 'reconcile/execute.ts',
    line: 'return await power(deps, target, action, call, deps.announce);',
    replacement: 'return await power(deps, target, action, call);',
    breaks: cutByRule,
    configuration: { from: 'Settled', left: { powerState: 1, guest: 1 } },
  },
  {
    mistake: 'nobody asks for the list that ends the doubt',
    file: 'reconcile/observe-machine.ts',
    line: 'account.want(key, verdict.wantListAfter);',
    replacement: '',
    breaks: liveness,
    configuration: { from: 'Applied', left: { lostAnswer: 1 } },
  },
  {
    mistake: 'the announcement outlives the record',
    file: 'reconcile/execute.ts',
    line: '[annotations.createPending]: null,',
    replacement: '',
    breaks: liveness,
    configuration: { from: 'Applied', left: {} },
  },
  {
    mistake: 'a start that failed is never tried again',
    file: 'plan/power.ts',
    line: 'const isBackingOff = before?.retryAfter !== undefined && Date.parse(before.retryAfter) > o.now;',
    replacement: 'const isBackingOff = before?.retryAfter !== undefined;',
    breaks: liveness,
    configuration: { from: 'Settled', left: { guest: 1 } },
  },
  {
    mistake: 'nobody comes back when the grace period is over',
    file: 'plan/power.ts',
    line: "return transit(o, { reason: 'Stopping', message: shutdownMessage(machine) }, { operation: stop, after: left });",
    replacement: "return transit(o, { reason: 'Stopping', message: shutdownMessage(machine) }, { operation: stop });",
    breaks: liveness,
    configuration: { from: 'Settled', left: { powerState: 1, guest: 1 } },
  },
  {
    mistake: 'a pause pauses nothing',
    file: 'plan/plan.ts',
    line: 'if (!o.requests.isPaused) return undefined;',
    replacement: 'if (o.object !== undefined) return undefined;',
    breaks: onlyManaged,
    configuration: { from: 'Settled', left: { pause: 1, powerState: 1 } },
  },
  {
    mistake: 'a restart is made before that is on record',
    file: 'reconcile/execute.ts',
    line: 'return await power(deps, target, action, call, deps.announce);',
    replacement: 'return await power(deps, target, action, call);',
    breaks: restartsOnce,
    configuration: { from: 'Settled', left: { restart: 1, crash: 1 } },
  },
  {
    mistake: 'who only observes acts',
    file: 'plan/policy.ts',
    line: "if (policy === 'Manage' || action.type === 'None' || action.type === 'ReleaseFinalizer') return decision;",
    replacement: "if (policy !== 'Plan') return decision;",
    breaks: onlyManaged,
    configuration: { from: 'Settled', left: { observe: 1, powerState: 1 } },
  },
  {
    mistake: 'what restarted is not noted',
    file: 'plan/power.ts',
    line: "const handledRestart = restarted === 'Done' ? o.object.status?.operation?.request : undefined;",
    replacement: 'const handledRestart = undefined;',
    breaks: restartsOnce,
    configuration: { from: 'Settled', left: { restart: 1 } },
  },
  {
    mistake: 'a protected machine is deleted',
    file: 'plan/plan.ts',
    line: 'if (!isDeleting(o) || !o.object.spec.deletionProtection) return undefined;',
    replacement: 'if (o.object !== undefined) return undefined;',
    breaks: onlyWithObject,
    configuration: { from: 'Settled', left: { protection: 1, deletion: 1 } },
  },
  {
    mistake: 'a machine is taken over from others without being asked to',
    file: 'plan/create.ts',
    line: "if (adoption.policy === 'Never') {",
    replacement: 'if (adoption === undefined) {',
    breaks: nothingForeignOnRecord,
    configuration: { from: 'Applied', spec: { providerName: 'plain' }, left: { namesake: 1 } },
  },
  {
    mistake: 'the machine before stays on record while its successor is made',
    file: 'reconcile/execute.ts',
    line: '[annotations.machine]: null,',
    replacement: '',
    breaks: noDoubt,
    configuration: { from: 'Settled', left: { person: 1, lostAnswer: 1 } },
  },
  {
    mistake: 'a create call is looked for with whatever key there is',
    file: 'reconcile/observe-machine.ts',
    line: 'if (memory.intentAccount === account || intent?.credentials === undefined) return true;',
    replacement: 'if (account !== undefined) return true;',
    breaks: oneMachine,
    configuration: { from: 'Applied', hasNeighbour: false, left: { otherKey: 1, lostAnswer: 1 } },
  },
  {
    mistake: 'empty lists of any key agree',
    file: 'reconcile/evidence.ts',
    line: 'const mayAgree = !evidence.isEmpty || !evidence.isRecorded;',
    replacement: 'const mayAgree = evidence.lists > 0;',
    breaks: staysWithMachine,
    configuration: { from: 'Settled', hasNeighbour: false, left: { otherKey: 1, deletion: 1 } },
  },
  {
    mistake: 'a VM is recreated as soon as it is gone by the evidence that releases a finalizer',
    file: 'reconcile/observe-machine.ts',
    line: "if (verdict.isDue) return { kind: 'Absent' };",
    replacement: "if (gone.absence !== undefined) return { kind: 'Absent' };",
    breaks: oneMachine,
    configuration: { from: 'Settled', left: { denial: 1 } },
  },
  {
    mistake: 'what a VM takes to be listed at first counts towards recreating it',
    file: 'reconcile/observe-machine.ts',
    line: 'const recreateAfter = deps.limits.recreateAfter + (gone.wasSeen ? 0 : deps.limits.visibilityWindow);',
    replacement: 'const recreateAfter = deps.limits.recreateAfter;',
    breaks: oneMachine,
    configuration: { from: 'Settled', left: { denial: 1, person: 1, lag: 1 } },
  },
  {
    mistake: 'a list that shows the VM again does not reset its absence',
    file: 'provider/account/absence.ts',
    line: 'if (isListed) return undefined;',
    replacement: 'if (isListed) return before;',
    breaks: oneMachine,
    configuration: { from: 'Settled', left: { denial: 2 } },
  },
];
