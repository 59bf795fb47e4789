import { loginOf } from './access.ts';
import type { Context } from './context.ts';
import { type ExitCode, Failure } from './failure.ts';
import { addressOf, keyOf, list, type Vm } from './objects.ts';

interface Host {
  readonly name: string;
  readonly address: string;
  readonly vm: Vm;
}

/** Each format prints the hosts with the user to log in as. */
const formats: Readonly<Record<string, (hosts: readonly Host[], login: string) => string>> = {
  ansible,
  'ssh-config': sshConfig,
};

/** Prints the VMs that have an address for Ansible or ssh. */
export async function inventory(context: Context): Promise<ExitCode> {
  const { options, screen, names } = context;
  if (names.length > 0) throw new Failure('inventory takes no names: choose objects with -n, -A or -l.', 2);
  const { output = '' } = options;
  const format = Object.hasOwn(formats, output) ? formats[output] : undefined;
  if (format === undefined)
    throw new Failure(
      `${output === '' ? 'Choose a format' : `-o ${output} is not valid`}; valid: ${Object.keys(formats).join(', ')}.`,
      2,
    );
  const vms = await list(context);
  const hosts = vms.flatMap((vm) => {
    const address = addressOf(vm);
    if (address === undefined) {
      screen.note(`Note: ${keyOf(vm)} has no address and is left out.`);
      return [];
    }
    const { name, namespace } = vm.metadata;
    return [{ name: options['all-namespaces'] === true ? `${name}.${namespace}` : name, address, vm }];
  });
  screen.print(format(hosts, loginOf(context)));
  return 0;
}

/** YAML, with every value as a JSON string, which is valid YAML. */
function ansible(hosts: readonly Host[], login: string): string {
  if (hosts.length === 0) return 'all:\n  hosts: {}';
  const lines = hosts.flatMap(({ name, address, vm }) => {
    const { id, region, package: size, osTemplate } = vm.status ?? {};
    const values = {
      ansible_host: address,
      ansible_user: login,
      vps247_namespace: vm.metadata.namespace,
      vps247_id: id,
      vps247_region: region?.name,
      vps247_package: size?.name,
      vps247_os_template: osTemplate?.name,
    };
    const known = Object.entries(values).filter(([, value]) => value !== undefined);
    return [`    ${JSON.stringify(name)}:`, ...known.map(([key, value]) => `      ${key}: ${JSON.stringify(value)}`)];
  });
  return ['all:', '  hosts:', ...lines].join('\n');
}

function sshConfig(hosts: readonly Host[], login: string): string {
  return hosts.map(({ name, address }) => `Host ${name}\n  HostName ${address}\n  User ${login}`).join('\n');
}
