import { apiVersion, kind } from '../api/v1alpha1/constants.ts';
import { printable } from '../domain/text.ts';
import type { Context } from './context.ts';
import { type ExitCode, Failure } from './failure.ts';
import { list } from './objects.ts';

interface ListedVm {
  readonly id: number;
  readonly name: string;
  readonly state: string;
}

/** Writes one manifest for each VM of the provider's list that no object manages. Applies nothing. */
export async function importVms(context: Context): Promise<ExitCode> {
  const { options, screen, names } = context;
  if (names.length > 0) throw new Failure('import takes no names: it reads the list of --from.', 2);
  const { from, directory = 'vms' } = options;
  if (from === undefined)
    throw new Failure("Pass the provider's list of VMs: --from FILE, or --from - for standard input.", 2);
  const vms = decodeList(await context.readInput(from));
  // Without -n: an object of any namespace manages its VM.
  const everywhere = options.namespace === undefined ? { ...options, 'all-namespaces': true } : options;
  const managed = new Set((await list({ ...context, options: everywhere })).map(({ status }) => status?.id));
  const unmanaged = vms.filter(({ id }) => !managed.has(id));
  const counts = { written: 0, unchanged: 0, kept: 0 };
  for (const vm of unmanaged) {
    const file = `${directory}/${manifestName(vm)}.yaml`;
    const text = manifest(vm);
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
    `${vms.length} VMs, ${vms.length - unmanaged.length} managed; files: ${counts.written} new, ${counts.unchanged} unchanged, ${counts.kept} kept${dryRun}`,
  );
  if (counts.written > 0 && options['dry-run'] !== true)
    screen.note(`Nothing was applied. Review the files, then run: kubectl apply -f ${directory}`);
  return 0;
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

function manifest(vm: ListedVm): string {
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
`;
}
