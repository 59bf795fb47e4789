import {
  accountKind,
  accountPlural,
  type AccountCondition,
  type AccountConditionType,
  type AccountSpec,
  type AccountStatus,
} from '../api/v1alpha1/account-types.ts';
import { apiVersion, group } from '../api/v1alpha1/constants.ts';
import type { Context } from './context.ts';
import { Failure } from './failure.ts';
import type { Kubectl } from './kubectl.ts';
import { checkVersion, isValidName } from './objects.ts';

/** An Account as kubectl prints it. As with VirtualMachines, a field may be missing, because the cluster's CRD may be older. */
export interface AccountObject {
  readonly apiVersion?: string;
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec?: Partial<AccountSpec>;
  readonly status?: Partial<AccountStatus>;
}

/** The full name: another CRD can have the short one. */
export const accountResource = `${accountPlural}.${group}`;

/** The Account of this name; without one, the only Account of the namespace. Throws a Failure if there is none, or a choice. */
export async function chooseAccount(
  { kubectl, options }: Pick<Context, 'kubectl' | 'options'>,
  typed: string | undefined,
  retry: string,
): Promise<AccountObject> {
  if (typed !== undefined) return readAccount(kubectl, typed);
  const [first, ...others] = await listAccounts(kubectl);
  if (first === undefined) {
    const place = options.namespace === undefined ? '' : `-n ${options.namespace} `;
    const manifest = JSON.stringify({ apiVersion, kind: accountKind, metadata: { name: 'main' } });
    throw new Failure(
      `No Account found in this namespace. Create one: echo '${manifest}' | kubectl apply ${place}-f -`,
    );
  }
  if (others.length === 0) return first;
  const names = [first, ...others].map(({ metadata }) => metadata.name);
  throw new Failure(`This namespace has several Accounts: ${names.join(', ')}. Name one: kubectl vps ${retry}.`, 2);
}

export async function readAccount(kubectl: Kubectl, typed: string): Promise<AccountObject> {
  return checkVersion(await kubectl.json<AccountObject>(['get', accountResource, accountName(typed)]), accountKind);
}

/** The Accounts of the namespace, by name. */
export async function listAccounts(kubectl: Kubectl): Promise<readonly AccountObject[]> {
  const { items } = await kubectl.json<{ readonly items: readonly AccountObject[] }>(['get', accountResource]);
  return items
    .map((account) => checkVersion(account, accountKind))
    .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

/** Users also type `vpsaccount/main`. */
function accountName(typed: string): string {
  const name = typed.replace(/^(?:vpsaccount|accounts?(?:\.vps247\.com)?)\//, '');
  if (isValidName(name)) return name;
  throw new Failure(
    `${JSON.stringify(typed)} is not the name of an Account. "kubectl get vpsaccount" lists the names.`,
    2,
  );
}

export function accountCondition(
  { status }: Pick<AccountObject, 'status'>,
  type: AccountConditionType,
): AccountCondition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

/** Why the status isn't that of the newest list; undefined if it is. */
export function staleness(account: AccountObject): string | undefined {
  const ready = accountCondition(account, 'Ready');
  if (ready === undefined)
    return `The operator hasn't reported on the Account ${account.metadata.name} yet. If that lasts, check whether it runs with --accounts.`;
  return ready.status === 'True' ? undefined : ready.message;
}
