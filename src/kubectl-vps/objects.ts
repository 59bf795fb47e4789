import { isIP } from 'node:net';
import { apiVersion, group, kind, plural } from '../api/v1alpha1/constants.ts';
import type { Condition, ConditionType, VirtualMachineSpec, VirtualMachineStatus } from '../api/v1alpha1/types.ts';
import type { Context } from './context.ts';
import { Failure } from './failure.ts';

interface ManagedFields {
  readonly manager?: string;
  readonly subresource?: string;
  readonly fieldsV1?: Readonly<Record<string, unknown>>;
}

/** An object as kubectl prints it. A field may be missing whatever this operator's CRD says: the cluster's CRD may be older. */
export interface Vm {
  readonly apiVersion?: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly generation?: number;
    readonly creationTimestamp?: string;
    readonly deletionTimestamp?: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly labels?: Readonly<Record<string, string>>;
    readonly managedFields?: readonly ManagedFields[];
  };
  readonly spec: Partial<VirtualMachineSpec>;
  readonly status?: Partial<VirtualMachineStatus>;
}

/** The full name: another CRD can have the short one. */
export const resource = `${plural}.${group}`;

const validName = /^[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?$/;

export const isValidName = (name: string): boolean => name.length <= 253 && validName.test(name);

/** The name of an object as users type it: also `vps/web`. Throws a Failure for one that no object can have. */
export function objectName(typed: string): string {
  const name = typed.replace(/^(?:vps|virtualmachines?(?:\.vps247\.com)?)\//, '');
  if (!isValidName(name))
    throw new Failure(`${JSON.stringify(typed)} is not the name of an object. "kubectl get vps" lists the names.`, 2);
  return name;
}

/** Reads one object by its name. */
export function readOne({ kubectl }: Pick<Context, 'kubectl'>, name: string, namespace?: string): Promise<Vm> {
  const place = namespace === undefined ? kubectl : kubectl.inNamespace(namespace);
  return place.json<Vm>(['get', resource, name, '--show-managed-fields']).then((vm) => checkVersion(vm, kind));
}

/** Objects by names, `-l` or `--all`; sorted by namespace and name. Throws a Failure if nothing is chosen. */
export async function select(context: Pick<Context, 'kubectl' | 'names' | 'options'>): Promise<readonly Vm[]> {
  const { names, options } = context;
  const isChosen = names.length > 0 || options.selector !== undefined || options.all === true;
  if (!isChosen) throw new Failure('Name at least one object, or choose objects with -l SELECTOR or --all.', 2);
  if (names.length > 0 && (options.selector !== undefined || options.all === true))
    throw new Failure('Use either names, or -l SELECTOR, or --all.', 2);
  if (names.length > 0 && options['all-namespaces'] === true)
    throw new Failure('Names need one namespace: use -n NAMESPACE instead of -A.', 2);
  const found = await list(context, [...new Set(names.map(objectName))]);
  if (found.length === 0) throw new Failure('No object matches.');
  return found;
}

/** Objects of the namespace or, with `-A`, of all; all of them if no names are given. */
export async function list(
  { kubectl, options }: Pick<Context, 'kubectl' | 'options'>,
  names: readonly string[] = [],
): Promise<readonly Vm[]> {
  const answer = await kubectl.json<Vm | { readonly items: readonly Vm[] }>([
    'get',
    resource,
    ...names,
    '--show-managed-fields',
    ...(options.selector === undefined ? [] : [`--selector=${options.selector}`]),
    ...(options['all-namespaces'] === true ? ['--all-namespaces'] : []),
  ]);
  const items = 'items' in answer ? answer.items : [answer];
  return items.map((vm) => checkVersion(vm, kind)).toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

/** Throws a Failure if the cluster serves the kind in another version. */
export function checkVersion<T extends { readonly apiVersion?: string }>(object: T, of: string): T {
  if (object.apiVersion !== apiVersion)
    throw new Failure(
      `The cluster serves ${of} as ${object.apiVersion}, and this plugin knows ${apiVersion}. Use the plugin of the operator's version.`,
    );
  return object;
}

export const keyOf = ({ metadata }: Pick<Vm, 'metadata'>): string => `${metadata.namespace}/${metadata.name}`;

export function conditionOf(vm: Vm, type: ConditionType): Condition | undefined {
  return vm.status?.conditions?.find((condition) => condition.type === type);
}

/** `web-0a1b2c3d (id 1001)`, or what is known of it. */
export function vmText({ status }: Vm): string {
  if (status?.id === undefined) return 'no VM on record';
  return status.providerName === undefined ? `VM ${status.id}` : `${status.providerName} (id ${status.id})`;
}

/** The address to connect to; undefined if the VM has none. */
export function addressOf({ status }: Vm): string | undefined {
  return status?.addresses?.map(({ address }) => address).find((address) => address !== undefined && isIP(address) > 0);
}

/** The options that name this object in another command. */
export function commandFor(vm: Vm, verb: string): string {
  return `kubectl vps ${verb} ${vm.metadata.name} -n ${vm.metadata.namespace}`;
}
