import { annotations } from '../api/v1alpha1/constants.ts';
import { change, warnOfGitOps } from './changes.ts';
import { confirm } from './confirm.ts';
import type { Context } from './context.ts';
import { type ExitCode, Failure } from './failure.ts';
import { conditionOf, list, type Vm } from './objects.ts';
import { table } from './screen.ts';

/** What `adopt-back` does with an object. */
interface Proposal {
  readonly vm: Vm;
  /** The VM, for people. */
  readonly machine: string;
  /** `undefined`: a user has to decide. */
  readonly adoption: { readonly policy: 'MustExist'; readonly id?: number } | undefined;
  readonly why: string;
}

/** Adopts the VMs of objects that were restored from a backup, or applied again from Git, after the user confirmed their number. */
export async function adoptBack(context: Context): Promise<ExitCode> {
  const { screen, names, options } = context;
  if (names.length > 0) throw new Failure('adopt-back takes no names: choose objects with -n, -A or -l.', 2);
  const found = proposals(await list(context), await listAll(context));
  if (found.length === 0) {
    screen.print('No object waits for its VM.');
    return 0;
  }
  screen.print(
    table([
      ['NAMESPACE', 'NAME', 'VM', 'ACTION'],
      ...found.map(({ vm, machine, adoption, why }) => [
        vm.metadata.namespace,
        vm.metadata.name,
        machine,
        adoption === undefined ? `decide: ${why}` : `adopt: ${why}`,
      ]),
    ]),
  );
  const sure = found.filter(({ adoption }) => adoption !== undefined);
  const open = found.length - sure.length;
  screen.print(
    `${count(sure.length, 'object')} can adopt; ${open} to decide by hand: kubectl vps status NAME shows how.`,
  );
  if (sure.length === 0) return 0;
  if (options['dry-run'] === true) return 0;
  screen.note('Make sure that no other cluster manages these VMs: its operator would control them too.');
  if (!(await confirm(context, String(sure.length), 'Type the number of objects to adopt'))) return 4;
  let failures = 0;
  for (const { vm, adoption } of sure) {
    const { namespace, name, resourceVersion } = vm.metadata;
    const patch = { spec: { adoption }, metadata: { resourceVersion } };
    try {
      await change(context, vm, patch);
      screen.print(`${namespace}/${name}: spec.adoption set`);
      warnOfGitOps(context, vm, patch);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      failures += 1;
      screen.note(`${namespace}/${name}: ${error.message}`);
    }
  }
  return failures === 0 ? 0 : 1;
}

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;

/** The objects of all namespaces, because one that wasn't chosen may mean the same VM; of the namespace where only it may be read. */
async function listAll(context: Context): Promise<readonly Vm[]> {
  const { selector: _, ...options } = context.options;
  try {
    return await list({ ...context, options: { ...options, 'all-namespaces': true } });
  } catch (error) {
    if (!(error instanceof Failure) || options['all-namespaces'] === true) throw error;
    context.screen.note(`Objects of other namespaces, which may mean the same VMs, were not checked: ${error.message}`);
    return list({ ...context, options });
  }
}

/** The objects that wait for a VM of theirs, and what to do with each; `all` may mean the same VMs. Pure. */
function proposals(vms: readonly Vm[], all: readonly Vm[]): readonly Proposal[] {
  const wanted = new Map<number, number>();
  for (const { status } of all)
    for (const { id } of status?.orphanCandidates ?? []) wanted.set(id, (wanted.get(id) ?? 0) + 1);
  return vms.flatMap((vm) => {
    if (vm.metadata.deletionTimestamp !== undefined) return [];
    const candidates = vm.status?.orphanCandidates ?? [];
    if (candidates.length > 0) return [unlessNamed(ofCandidates(vm, candidates, wanted), candidates[0]?.id)];
    const reason = conditionOf(vm, 'Ready')?.reason;
    if (reason === 'IdentityFromOtherObject' || reason === 'IdentityUnproven') {
      const { id, text } = recorded(vm);
      return [unlessNamed({ vm, machine: text, adoption: { policy: 'MustExist' }, why: reason }, id)];
    }
    if (reason === 'NameTaken') return [{ vm, machine: vm.spec.providerName ?? '', adoption: undefined, why: reason }];
    return [];
  });
}

/** The VM that `spec.adoption` names would be adopted instead of the one with this id. */
function unlessNamed(proposal: Proposal, id: number | undefined): Proposal {
  const { id: named, name } = proposal.vm.spec.adoption ?? {};
  if (name === undefined && (named === undefined || named === id)) return proposal;
  return { ...proposal, adoption: undefined, why: `spec.adoption names VM ${name ?? named}` };
}

function ofCandidates(
  vm: Vm,
  candidates: readonly { readonly id: number; readonly name: string }[],
  wanted: ReadonlyMap<number, number>,
): Proposal {
  const machine = candidates.map(({ id, name }) => `${name} (id ${id})`).join(' or ');
  const [only, ...others] = candidates;
  if (only === undefined || others.length > 0)
    return { vm, machine, adoption: undefined, why: `${candidates.length} VMs may be meant` };
  const sharing = wanted.get(only.id) ?? 1;
  if (sharing > 1) return { vm, machine, adoption: undefined, why: `${sharing} objects may mean this VM` };
  return { vm, machine, adoption: { policy: 'MustExist', id: only.id }, why: 'OrphanCandidateFound' };
}

/** The VM that the operator looks for: the one on record, or else the one of the hint, which backups keep. */
function recorded({ metadata, status }: Vm): { readonly id?: number; readonly text: string } {
  const { id, providerName } = status ?? {};
  if (id !== undefined) return { id, text: textOf(id, providerName) };
  try {
    const hint = JSON.parse(metadata.annotations?.[annotations.machine] ?? '');
    if (typeof hint.id === 'number') return { id: hint.id, text: textOf(hint.id, hint.name) };
  } catch {
    // Users can edit the annotation.
  }
  return { text: 'as the message says' };
}

const textOf = (id: number, name: unknown): string => (typeof name === 'string' ? `${name} (id ${id})` : `id ${id}`);
