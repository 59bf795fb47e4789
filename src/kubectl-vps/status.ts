import { annotations, defaultCredentials } from '../api/v1alpha1/constants.ts';
import { anyObject } from '../api/v1alpha1/commands.ts';
import { type Reason, reasons } from '../api/v1alpha1/reasons.ts';
import type { Condition } from '../api/v1alpha1/types.ts';
import { type AccountObject, accountCondition, listAccounts } from './accounts.ts';
import { cutToCharacters } from '../domain/text.ts';
import type { Context } from './context.ts';
import { type ExitCode, Failure } from './failure.ts';
import { addressOf, commandFor, conditionOf, keyOf, objectName, readOne, type Vm, vmText } from './objects.ts';
import { isCurrent } from './wait.ts';
import { age, paint, type Screen } from './screen.ts';

interface EventRow {
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly time: string | undefined;
}

interface KubernetesEvent {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly eventTime?: string | null;
  readonly firstTimestamp?: string | null;
  readonly lastTimestamp?: string | null;
  readonly series?: { readonly lastObservedTime?: string };
}

interface Found {
  readonly vm: Vm;
  readonly events: readonly EventRow[] | string;
  readonly accounts: readonly AccountObject[];
}

const mostEvents = 5;
/** The message of the newest one is usually that of Ready, which is shown in full. */
const longestEvent = 100;

export async function status(context: Context): Promise<ExitCode> {
  const { names, options, screen } = context;
  if (names.length !== 1) throw new Failure('Name one object: kubectl vps status NAME.', 2);
  if (options.output !== undefined && options.output !== 'json')
    throw new Failure(`-o ${options.output} is not valid; valid: json.`, 2);
  const vm = await readOne(context, objectName(names[0] ?? ''));
  const [events, accounts] = await Promise.all([eventsOf(context, vm), accountsOf(context, vm)]);
  const found: Found = { vm, events, accounts };
  screen.print(
    options.output === 'json' ? JSON.stringify(summary(found), undefined, 2) : report(screen, found, context.now()),
  );
  return 0;
}

/** The newest events first; a sentence if they can't be read. */
async function eventsOf({ kubectl }: Context, { metadata }: Vm): Promise<readonly EventRow[] | string> {
  const selector = `involvedObject.kind=VirtualMachine,involvedObject.name=${metadata.name},involvedObject.uid=${metadata.uid}`;
  try {
    const { items } = await kubectl
      .inNamespace(metadata.namespace)
      .json<{ readonly items: readonly KubernetesEvent[] }>(['get', 'events', `--field-selector=${selector}`]);
    return items
      .map(({ type = '', reason = '', message = '', eventTime, firstTimestamp, lastTimestamp, series }) => ({
        type,
        reason,
        message,
        time: series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? firstTimestamp ?? undefined,
      }))
      .toSorted((a, b) => ((a.time ?? '') < (b.time ?? '') ? 1 : -1))
      .slice(0, mostEvents);
  } catch (error) {
    if (error instanceof Failure) return error.message;
    throw error;
  }
}

/** The Accounts with the API key of the object; none if the user may not list them, or the optional CRD is missing. */
async function accountsOf({ kubectl }: Context, { metadata, spec }: Vm): Promise<readonly AccountObject[]> {
  const { name, key } = spec.credentialsSecretRef ?? defaultCredentials;
  try {
    const accounts = await listAccounts(kubectl.inNamespace(metadata.namespace));
    return accounts.filter(({ spec: { credentialsSecretRef = defaultCredentials } = {} }) => {
      return credentialsSecretRef.name === name && credentialsSecretRef.key === key;
    });
  } catch (error) {
    if (error instanceof Failure) return [];
    throw error;
  }
}

const colors = { True: 'green', False: 'red', Unknown: 'yellow' } as const;

/** The report on one screen: object, API key, Account, VM, operation, events, next step. */
function report(screen: Screen, { vm, events, accounts }: Found, now: number): string {
  const ready = conditionOf(vm, 'Ready');
  const since = (time: string | undefined): string => (time === undefined ? '' : age(now - Date.parse(time)));
  const rows: (readonly [string, ...(readonly string[])])[] = [
    ['Object', ...objectLines(vm, since(vm.metadata.creationTimestamp))],
    ['API key', ...keyLines(vm)],
    ['Account', ...accounts.map(accountLine)],
    ['VM', ...vmLines(vm)],
    ['Operation', operationText(vm, since)],
    ['Events', ...eventLines(events, since)],
    ['Next step', ...nextSteps(vm)],
  ];
  const head = `${paint(screen, 'bold', vm.metadata.name)}   ${vm.status?.state ?? 'no VM'}   ${
    ready === undefined
      ? 'no conditions'
      : paint(screen, colors[ready.status] ?? 'yellow', `Ready ${ready.status}: ${ready.reason}`)
  }`;
  const body = rows.flatMap(([label, ...texts]) =>
    texts.map((line, index) => `${(index === 0 ? label : '').padEnd(12)}${line}`.trimEnd()),
  );
  return [head, ...(ready === undefined ? [] : [ready.message]), '', ...body].join('\n');
}

function objectLines(vm: Vm, existsFor: string): readonly string[] {
  const { spec, metadata, status: shown } = vm;
  const { managementPolicy = 'Manage', powerState = 'Running' } = spec;
  const deletion = shown?.deletionPolicy ?? spec.deletionPolicy;
  return [
    `${keyOf(vm)}, ${existsFor} old${metadata.deletionTimestamp === undefined ? '' : ', is being deleted'}`,
    `powerState ${powerState}, managementPolicy ${managementPolicy}${deletion === undefined ? '' : `, deletionPolicy ${deletion}`}${spec.deletionProtection === true ? ', deletion protection' : ''}`,
    ...scheduleLines(vm),
    ...(isCurrent(vm) ? [] : ["the operator hasn't reconciled the present spec yet"]),
  ];
}

function scheduleLines({ spec, metadata, status: shown }: Vm): readonly string[] {
  if (spec.powerSchedule === undefined) return [];
  const kept = metadata.annotations?.[annotations.keepRunningUntil];
  const times = [
    ...(shown?.haltedUntil === undefined ? [] : [`halted until ${shown.haltedUntil}`]),
    ...(shown?.nextHaltTime === undefined ? [] : [`next halt at ${shown.nextHaltTime}`]),
    ...(kept === undefined ? [] : [`${annotations.keepRunningUntil}=${kept}`]),
  ];
  return [`powerSchedule${times.length === 0 ? '' : `: ${times.join(', ')}`}`];
}

function keyLines(vm: Vm): readonly string[] {
  const { name, key } = vm.spec.credentialsSecretRef ?? defaultCredentials;
  const valid = conditionOf(vm, 'CredentialsValid');
  const account = vm.status?.ownerId === undefined ? '' : `, account ${vm.status.ownerId}`;
  return [
    `Secret ${name}, key ${key}: ${valid === undefined ? 'not checked yet' : valid.reason}${account}`,
    ...(valid === undefined || valid.status === 'True' ? [] : [valid.message]),
  ];
}

/** `main: key valid, 3 VMs, 2 unmanaged, 27.00 EUR a month`; for an inventory that may be old, the reason instead of `key valid`. */
function accountLine(account: AccountObject): string {
  const { machines, estimate } = account.status ?? {};
  const ready = accountCondition(account, 'Ready');
  const state = ready === undefined ? 'not reported yet' : ready.status === 'True' ? 'key valid' : ready.reason;
  return [
    `${account.metadata.name}: ${state}`,
    ...(machines === undefined
      ? []
      : [`${machines.total} ${machines.total === 1 ? 'VM' : 'VMs'}`, `${machines.unmanaged} unmanaged`]),
    ...(estimate?.monthlyPrice === undefined
      ? []
      : [`${estimate.monthlyPrice} ${estimate.currency ?? ''} a month${unpricedText(estimate.unpriced)}`]),
  ].join(', ');
}

const unpricedText = (count: number): string => (count > 0 ? ` without ${count} of unknown price` : '');

function vmLines(vm: Vm): readonly string[] {
  const { status: shown } = vm;
  if (shown?.id === undefined) return ['none on record'];
  const named = [shown.region, shown.package, shown.osTemplate].flatMap((one) =>
    one === undefined ? [] : [one.name ?? `id ${one.id}`],
  );
  const differs = conditionOf(vm, 'AsSpecified');
  return [
    `${vmText(vm)}${shown.origin === undefined ? '' : `, ${shown.origin}`}`,
    `${shown.state ?? 'Unknown'}${addressOf(vm) === undefined ? ', no address' : ` at ${addressOf(vm)}`}`,
    ...(named.length === 0 ? [] : [named.join(', ')]),
    ...(differs?.status === 'False' ? [differs.message] : []),
  ];
}

function operationText({ status: shown }: Vm, since: (time: string | undefined) => string): string {
  if (shown?.operation !== undefined) {
    const { type, startTime, lastResult, attempts } = shown.operation;
    const tries = attempts === undefined || attempts < 2 ? '' : `, ${attempts} attempts`;
    return `${type} since ${since(startTime)}${tries}${lastResult === undefined ? '' : `, ${lastResult}`}`;
  }
  if (shown?.lastTask === undefined) return 'none in progress';
  const { name = 'task', status: state, progress } = shown.lastTask;
  return `provider task ${name}: ${state}${progress === undefined ? '' : `, ${progress}`}`;
}

function eventLines(
  events: readonly EventRow[] | string,
  since: (time: string | undefined) => string,
): readonly string[] {
  if (typeof events === 'string') return [events];
  if (events.length === 0) return ['none'];
  return events.map(
    ({ reason, message, time }) => `${since(time).padEnd(5)}${reason}: ${cutToCharacters(message, longestEvent)}`,
  );
}

/** The conditions that don't show what they should, by reason; Ready first. */
function problems(vm: Vm): readonly Condition[] {
  const bad = (vm.status?.conditions ?? []).filter(
    ({ type, status: state }) =>
      (type === 'Ready' || type === 'AsSpecified' || type === 'Synced' || type === 'CredentialsValid') &&
      state === 'False',
  );
  const ready = conditionOf(vm, 'Ready');
  const ordered = [...(ready === undefined ? [] : [ready]), ...bad];
  return ordered.filter(({ reason }, index) => ordered.findIndex((one) => one.reason === reason) === index);
}

/** What to do, in lines: for each reason its remedy, with the object's names in the commands. */
function nextSteps(vm: Vm): readonly string[] {
  const found = problems(vm);
  const isReported = found.length > 0 && isCurrent(vm);
  const wait = [
    `The operator hasn't reported on this ${found.length === 0 ? 'object' : 'spec'} yet. If that lasts, check whether it runs:`,
    '  kubectl -n vps247-system get pods',
  ];
  const useful = found.filter(({ reason }) => reason !== 'Available' || (isReported && found.length === 1));
  const steps = useful.flatMap(({ reason }) =>
    reason === 'PlanOnly'
      ? planSteps(vm)
      : Object.hasOwn(reasons, reason)
        ? // `as`: checked in the line above.
          lines(forObject(reasons[reason as Reason].remedy, vm))
        : [
            `See the message. This plugin doesn't know the reason ${reason}: ${commandFor(vm, 'status')} of the operator's version does.`,
          ],
  );
  return isReported ? steps : [...wait, ...steps];
}

/** Approving by the plugin shows the steps again, and asks. */
function planSteps(vm: Vm): readonly string[] {
  const approval = ['To approve the steps:', `  ${commandFor(vm, 'plan')} --approve`];
  if (vm.metadata.deletionTimestamp === undefined) return approval;
  return [...approval, 'To keep the VM:', `  ${commandFor(vm, 'release')} --deleting`];
}

function forObject(remedy: string, { metadata }: Vm): string {
  return remedy
    .replaceAll(new RegExp(`\\b${anyObject.namespace}\\b`, 'g'), metadata.namespace)
    .replaceAll(new RegExp(`\\b${anyObject.name}\\b`, 'g'), metadata.name);
}

/** Text with commands in back quotes: each command on a separate line, so that it can be pasted. */
function lines(text: string): readonly string[] {
  return text
    .split(/`(kubectl [^`]*)`/)
    .map((part, index) =>
      index % 2 === 1
        ? `  ${part}`
        : part
            .replaceAll('`', '')
            .replace(/^[.,;]\s*/, '')
            .trim(),
    )
    .filter((part) => part !== '');
}

/** For scripts. */
function summary({ vm, events, accounts }: Found): unknown {
  const { metadata, status: shown } = vm;
  const { status: ready, reason, message } = conditionOf(vm, 'Ready') ?? {};
  return {
    namespace: metadata.namespace,
    name: metadata.name,
    ready: ready ?? 'Unknown',
    reason: reason ?? null,
    message: message ?? null,
    isCurrent: isCurrent(vm),
    vm:
      shown?.id === undefined
        ? null
        : {
            id: shown.id,
            name: shown.providerName ?? null,
            state: shown.state ?? null,
            address: addressOf(vm) ?? null,
            ownerId: shown.ownerId ?? null,
          },
    accounts: accounts.map((account) => ({
      name: account.metadata.name,
      ready: accountCondition(account, 'Ready')?.status ?? 'Unknown',
      reason: accountCondition(account, 'Ready')?.reason ?? null,
      machines: account.status?.machines ?? null,
      estimate: account.status?.estimate ?? null,
    })),
    operation: shown?.operation ?? null,
    events: typeof events === 'string' ? [] : events,
    nextSteps: nextSteps(vm),
  };
}
