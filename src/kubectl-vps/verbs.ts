import { password, ssh } from './access.ts';
import { adoptBack } from './adopt-back.ts';
import { catalog } from './catalog.ts';
import type { Context } from './context.ts';
import type { ExitCode } from './failure.ts';
import { importVms } from './import.ts';
import { inventory } from './inventory.ts';
import type { OptionName } from './options.ts';
import { plan } from './plan.ts';
import { keepRunning, pause, restart, resume, start, stop } from './power.ts';
import { release } from './release.ts';
import { status } from './status.ts';

interface Verb {
  readonly run: (context: Context) => Promise<ExitCode>;
  readonly summary: string;
  readonly usage: string;
  readonly description: string;
  readonly options: readonly OptionName[];
  readonly examples: readonly string[];
}

const choice: readonly OptionName[] = ['selector', 'all', 'all-namespaces'];
const many = 'NAME... | -l SELECTOR | --all';

/** Every verb, in the order of the help. Generates the help and the completion. */
export const verbs = {
  status: {
    run: status,
    summary: 'show the object, its VM, its events, and the next step',
    usage: 'NAME',
    description: 'Shows on one screen what the operator knows of an object, and what you can do. Changes nothing.',
    options: ['output'],
    examples: ['status web', 'status web -o json'],
  },
  start: {
    run: start,
    summary: 'start VMs',
    usage: many,
    description: 'Sets spec.powerState to Running.',
    options: [...choice, 'wait', 'timeout', 'dry-run'],
    examples: ['start web --wait', 'start -l app=shop'],
  },
  stop: {
    run: stop,
    summary: 'halt VMs',
    usage: many,
    description:
      'Sets spec.powerState to Halted. The operator sends the shutdown signal, and cuts the power after the grace period, as spec.powerOff says.',
    options: [...choice, 'wait', 'timeout', 'dry-run'],
    examples: ['stop web --wait', 'stop --all -n trainees'],
  },
  restart: {
    run: restart,
    summary: 'restart VMs',
    usage: many,
    description: 'Sets spec.restartRequest to the present time. A halted VM is left halted.',
    options: [...choice, 'wait', 'timeout', 'dry-run'],
    examples: ['restart web --wait', 'restart -l app=shop --dry-run'],
  },
  pause: {
    run: pause,
    summary: 'pause reconciliation',
    usage: many,
    description:
      'Sets the annotation vps247.com/paused. The operator sends no request for the VMs, and deletions wait.',
    options: [...choice, 'dry-run'],
    examples: ['pause web', 'pause --all -A'],
  },
  resume: {
    run: resume,
    summary: 'resume reconciliation',
    usage: many,
    description: 'Removes the annotation vps247.com/paused.',
    options: [...choice, 'dry-run'],
    examples: ['resume web', 'resume --all -A'],
  },
  'keep-running': {
    run: keepRunning,
    summary: 'keep VMs running that a schedule halts',
    usage: `${many} --for DURATION | --until TIME | --off`,
    description:
      'Sets the annotation vps247.com/keep-running-until, so that spec.powerSchedule halts the VMs only after that time. --off removes it.',
    options: [...choice, 'for', 'until', 'off', 'dry-run'],
    examples: ['keep-running web --for 4h', 'keep-running web --until 2026-01-02T18:00:00Z', 'keep-running web --off'],
  },
  ssh: {
    run: ssh,
    summary: 'log in to a VM',
    usage: 'NAME [-- COMMAND]',
    description: "Runs ssh with the VM's address. The command after -- runs on the VM.",
    options: ['login', 'dry-run'],
    examples: ['ssh web', 'ssh web --login admin -- uptime'],
  },
  password: {
    run: password,
    summary: 'print the initial root password',
    usage: 'NAME',
    description: 'Prints the password in the Secret that the operator wrote for this VM. It reads no other Secret.',
    options: [],
    examples: ['password web'],
  },
  plan: {
    run: plan,
    summary: 'show and approve the steps of managementPolicy Plan',
    usage: 'NAME [--set | --approve]',
    description:
      'Shows the steps that managementPolicy Plan holds back. --set sets that policy first. --approve sets it to Manage if the object is still the one that was shown.',
    options: ['set', 'approve', 'confirm', 'wait', 'timeout', 'dry-run'],
    examples: ['plan web --set', 'plan web', 'plan web --approve'],
  },
  release: {
    run: release,
    summary: 'delete objects and keep their VMs',
    usage: many,
    description:
      'Sets deletionPolicy to Retain and deletes the object, if no other client has set the policy back in between. The VM stays at the provider and incurs charges. With --deleting, it changes only objects that are being deleted already.',
    options: [...choice, 'deleting', 'confirm', 'dry-run'],
    examples: ['release web', 'release --all -A --deleting', 'release --all -n shop --confirm 12'],
  },
  'adopt-back': {
    run: adoptBack,
    summary: 'adopt the VMs of restored or newly applied objects',
    usage: '[-A] [-l SELECTOR]',
    description:
      'Lists the objects that wait for their VMs after a restore, and sets spec.adoption where only one VM and one object match. You confirm the number.',
    options: ['selector', 'all-namespaces', 'confirm', 'dry-run'],
    examples: ['adopt-back -A --dry-run', 'adopt-back -A', 'adopt-back -n shop --confirm 3'],
  },
  catalog: {
    run: catalog,
    summary: 'list regions, packages with prices, and OS templates',
    usage: '[ACCOUNT]',
    description:
      "Prints the catalog in the status of an Account, with the prices in the Account's currency if it has one. ACCOUNT is required if the namespace has several. Changes nothing.",
    options: ['output'],
    examples: ['catalog', 'catalog main -n shop', 'catalog -o json'],
  },
  import: {
    run: importVms,
    summary: 'write manifests for unmanaged VMs',
    usage: '--account NAME | --from FILE [--directory FOLDER]',
    description:
      "Writes one manifest for each VM that no object manages. It applies nothing, and overwrites no file. The VMs are those that the Account lists as unmanaged, or those of the provider's list, the answer of GET /virtual_machines. The plugin doesn't read the API key. The names consist of the VM's name and id.",
    options: ['account', 'from', 'directory', 'dry-run'],
    examples: ['import --account main', 'import --from vms.json', 'import --from - --directory vms < vms.json'],
  },
  inventory: {
    run: inventory,
    summary: 'print the VMs for Ansible or ssh',
    usage: '-o ansible|ssh-config [-A] [-l SELECTOR]',
    description: 'Prints the VMs that have an address. Changes nothing.',
    options: ['output', 'selector', 'all-namespaces', 'login'],
    examples: ['inventory -o ansible > vms.yaml', 'inventory -o ssh-config -A > ~/.ssh/vps'],
  },
} as const satisfies Readonly<Record<string, Verb>>;

export type VerbName = keyof typeof verbs;

/** By a name that a user typed. */
export function verbOf(name: string): Verb | undefined {
  // `as`: checked in the same expression.
  return Object.hasOwn(verbs, name) ? verbs[name as VerbName] : undefined;
}
