import { apiVersion, defaultCredentials, kind } from '../api/v1alpha1/constants.ts';
import type { VirtualMachineSpec } from '../api/v1alpha1/types.ts';
import { printable } from '../domain/text.ts';
import { readAccount, staleness } from './accounts.ts';
import type { Context } from './context.ts';
import { type ExitCode, Failure } from './failure.ts';
import { list } from './objects.ts';

interface ListedVm {
  readonly id: number;
  readonly name: string;
  readonly state: string;
}

/** The VMs to write manifests for, and what all of their objects have in common. */
interface Import {
  readonly total: number;
  readonly managed: number;
  readonly unmanaged: readonly ListedVm[];
  /** Undefined: the default. */
  readonly secret?: VirtualMachineSpec['credentialsSecretRef'];
  readonly namespace?: string;
}

/** Writes one manifest for each VM that no object manages. Applies nothing. */
export async function importVms(context: Context): Promise<ExitCode> {
  const { options, screen, names } = context;
  if (names.length > 0) throw new Failure('import takes no names: it reads the list of --account or --from.', 2);
  const { from, account, directory = 'vms' } = options;
  if (from !== undefined && account !== undefined) throw new Failure('Use either --account or --from.', 2);
  if (from === undefined && account === undefined)
    throw new Failure(
      "Pass --account NAME, or the provider's list of VMs: --from FILE, or --from - for standard input.",
      2,
    );
  const found = account === undefined ? await fromList(context, from ?? '') : await fromAccount(context, account);
  const counts = { written: 0, unchanged: 0, kept: 0 };
  for (const vm of found.unmanaged) {
    const file = `${directory}/${manifestName(vm)}.yaml`;
    const text = manifest(vm, found.secret);
    const present = context.readFile(file);
    const result = present === undefined ? 'written' : present === text ? 'unchanged' : 'kept';
    counts[result] += 1;
    if (result === 'kept') screen.note(`${file} exists and has another content, so it was kept.`);
    if (result !== 'written') continue;
    if (options['dry-run'] !== true) context.writeFile(file, text);
    screen.print(file);
  }
  const dryRun = options['dry-run'] === true ? ' (dry run: no file was written)' : '';
  screen.note(
    `${found.total} VMs, ${found.managed} managed; files: ${counts.written} new, ${counts.unchanged} unchanged, ${counts.kept} kept${dryRun}`,
  );
  const place = found.namespace === undefined ? '' : `-n ${found.namespace} `;
  if (counts.written > 0 && options['dry-run'] !== true)
    screen.note(`Nothing was applied. Review the files, then run: kubectl apply ${place}-f ${directory}`);
  return 0;
}

async function fromList(context: Context, file: string): Promise<Import> {
  const { options } = context;
  const vms = decodeList(await context.readInput(file));
  // Without -n: an object of any namespace manages its VM.
  const everywhere = options.namespace === undefined ? { ...options, 'all-namespaces': true } : options;
  const managed = new Set((await list({ ...context, options: everywhere })).map(({ status }) => status?.id));
  const unmanaged = vms.filter(({ id }) => !managed.has(id));
  return { total: vms.length, managed: vms.length - unmanaged.length, unmanaged };
}

/** Needs neither the API key nor permission to list objects: the operator has compared the VMs with all of them. */
async function fromAccount({ kubectl, screen }: Context, name: string): Promise<Import> {
  const account = await readAccount(kubectl, name);
  const { metadata, spec, status } = account;
  const stale = staleness(account);
  if (status?.machines === undefined)
    throw new Failure(`The Account ${metadata.name} has no list of VMs yet.${stale === undefined ? '' : ` ${stale}`}`);
  if (stale !== undefined) screen.note(`Note: this is the last list that the operator read. ${stale}`);
  const { unmanaged = [], machines } = status;
  const left = machines.unmanaged - unmanaged.length;
  if (left > 0)
    screen.note(
      `Note: the Account lists ${unmanaged.length} unmanaged VMs, and ${left} more exist. Import these, then run the command again.`,
    );
  return {
    total: machines.total,
    managed: machines.managed,
    unmanaged: unmanaged.map((vm) => ({ id: vm.id, name: vm.name, state: vm.state.toLowerCase() })),
    ...(spec?.credentialsSecretRef === undefined ? {} : { secret: spec.credentialsSecretRef }),
    namespace: metadata.namespace,
  };
}

/** The VMs of the provider's answer: a list, or an object that contains one. Reads ids, names and states only, never passwords. */
function decodeList(text: string): readonly ListedVm[] {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new Failure("The list of VMs isn't JSON. Pass the answer of GET /virtual_machines unchanged.");
  }
  const lists = isRecord(answer) ? Object.values(answer).filter((value) => Array.isArray(value)) : [answer];
  const [entries] = lists;
  if (!Array.isArray(entries) || lists.length > 1)
    throw new Failure("The list of VMs isn't the answer of GET /virtual_machines.");
  const vms = entries.map(decodeVm);
  if (new Set(vms.map(({ id }) => id)).size < vms.length) throw new Failure('The list of VMs has the same id twice.');
  return vms;
}

function decodeVm(entry: unknown, index: number): ListedVm {
  const outer = isRecord(entry) ? entry : {};
  const vm = [outer['virtual_machine'], outer['vm'], outer].find(isRecord) ?? {};
  const id = Number(vm['id']);
  if (!/^[1-9]\d*$/.test(String(vm['id'])) || !Number.isSafeInteger(id))
    throw new Failure(`Entry ${index + 1} of the list of VMs has no usable id.`);
  return { id, name: String(vm['name'] ?? ''), state: String(vm['state'] ?? '').toLowerCase() };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Within the length of a label, so that the name can be used as one. */
const longestName = 63;

/** The name of the object and its file: unique by the id, and the same in each run. */
export function manifestName({ id, name }: Pick<ListedVm, 'id' | 'name'>): string {
  const suffix = `-${id}`;
  const words = name
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-');
  const start = words.slice(0, longestName - suffix.length).replaceAll(/^-+|-+$/g, '');
  return `${start === '' ? 'vm' : start}${suffix}`;
}

const halted: ReadonlySet<string> = new Set(['halted', 'halting', 'off', 'stopped', 'stopping', 'shutting down']);

function manifest(vm: ListedVm, secret: Import['secret'] = defaultCredentials): string {
  return `# VM ${JSON.stringify(printable(vm.name))}. The operator only observes it until you remove managementPolicy.
apiVersion: ${apiVersion}
kind: ${kind}
metadata:
  name: ${manifestName(vm)}
spec:
  managementPolicy: Observe
  powerState: ${halted.has(vm.state) ? 'Halted' : 'Running'}
  adoption:
    policy: MustExist
    id: ${vm.id}
${secretLines(secret)}`;
}

function secretLines({ name, key }: { readonly name: string; readonly key: string }): string {
  if (name === defaultCredentials.name && key === defaultCredentials.key) return '';
  return `  credentialsSecretRef:
    name: ${JSON.stringify(name)}
    key: ${JSON.stringify(key)}
`;
}
