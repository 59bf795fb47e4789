import { machineIdAnnotation } from '../api/v1alpha1/constants.ts';
import { isPrintable } from '../domain/text.ts';
import type { Context } from './context.ts';
import { type ExitCode, Failure } from './failure.ts';
import { addressOf, commandFor, objectName, readOne, type Vm } from './objects.ts';

const defaultLogin = 'root';

/** The user to log in as. A name that begins with `-` would be an option of ssh. */
export function loginOf({ options }: Pick<Context, 'options'>): string {
  const { login = defaultLogin } = options;
  if (!/^[A-Za-z_][-\w.@\\]*$/.test(login)) throw new Failure(`${JSON.stringify(login)} is not the name of a user.`, 2);
  return login;
}

export async function ssh(context: Context): Promise<ExitCode> {
  const { names, rest, options, screen } = context;
  if (names.length !== 1)
    throw new Failure('Name one object: kubectl vps ssh NAME. A remote command follows after --.', 2);
  const vm = await readOne(context, objectName(names[0] ?? ''));
  const address = addressOf(vm);
  if (address === undefined)
    throw new Failure(`${vm.metadata.name} has no address yet. Show why with: ${commandFor(vm, 'status')}`);
  const args = ['-l', loginOf(context), '--', address, ...rest];
  if (options['dry-run'] === true) {
    screen.print(['ssh', ...args].map(shellWord).join(' '));
    return 0;
  }
  if (vm.status?.state !== 'Running')
    screen.note(`Note: the VM of ${vm.metadata.name} is ${vm.status?.state ?? 'Unknown'}.`);
  const code = await context.execute('ssh', args);
  if (code !== 0)
    throw new Failure(code === 255 ? 'ssh failed; its message is above.' : `The command ended with exit code ${code}.`);
  return 0;
}

function shellWord(text: string): string {
  return /^[\w%+,./:=@-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

interface PasswordSecret {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
  readonly data?: { readonly password?: string };
}

export async function password(context: Context): Promise<ExitCode> {
  const { names, kubectl, screen } = context;
  if (names.length !== 1) throw new Failure('Name one object: kubectl vps password NAME.', 2);
  const vm = await readOne(context, objectName(names[0] ?? ''));
  const { namespace, name } = vm.metadata;
  // Only the Secret that the operator recorded: that of the spec may be any Secret, such as one with an API key.
  const secret = vm.status?.initialPasswordSecret?.name;
  if (secret === undefined)
    throw new Failure(
      `The operator has written no password for ${name}. It writes none for an adopted VM, unless spec.initialPasswordSecret.name is set. Show the object with: ${commandFor(vm, 'status')}`,
    );
  const { metadata, data } = await kubectl.inNamespace(namespace).json<PasswordSecret>(['get', 'secret', secret]);
  if (data?.password === undefined) throw new Failure(`The Secret ${secret} has no entry "password".`);
  warnOfOtherVm(context, vm, metadata.annotations?.[machineIdAnnotation]);
  const text = Buffer.from(data.password, 'base64').toString();
  if (!isPrintable(text))
    throw new Failure(
      `The password has control characters, which a terminal would not show: read the Secret ${secret} with "kubectl get secret".`,
    );
  screen.print(text);
  return 0;
}

function warnOfOtherVm({ screen }: Context, { metadata, status }: Vm, id: string | undefined): void {
  if (id !== undefined && status?.id !== undefined && id !== String(status.id))
    screen.note(`Warning: this is the password of an earlier VM (${id}); ${metadata.name} has VM ${status.id} now.`);
}
