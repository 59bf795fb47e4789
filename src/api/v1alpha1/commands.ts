import { printableJson } from '../../domain/text.ts';
import { annotations } from './constants.ts';

/** The object that a command is for. */
export interface CommandTarget {
  readonly namespace: string;
  readonly name: string;
}

/** A command in Markdown code. */
export const code = (command: string): string => `\`${command}\``;

/** Stands for any object, on pages that print commands. */
export const anyObject: CommandTarget = { namespace: 'NAMESPACE', name: 'NAME' };

/** Quotes a word for the shell, whatever it contains. Every variable part of a command goes through here. */
function word(text: string): string {
  return /^[\w%+,./:=@-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

function kubectl(namespace: string, ...words: readonly string[]): string {
  return ['kubectl', '-n', namespace, ...words].map(word).join(' ');
}

/** The command that merges fields into the spec; null removes a field. */
export function patchSpec({ namespace, name }: CommandTarget, spec: Readonly<Record<string, unknown>>): string {
  return kubectl(namespace, 'patch', 'vps', name, '--type', 'merge', '-p', printableJson({ spec }));
}

/** The command that makes the object orphan its VM when it is deleted. */
export function retainVm(target: CommandTarget): string {
  return patchSpec(target, { deletionPolicy: 'Retain' });
}

/** The command with which the object adopts this VM, or the one that it records or names. */
export function adoptVm(target: CommandTarget, id?: number): string {
  return patchSpec(target, { adoption: { policy: 'MustExist', ...(id === undefined ? {} : { id }) } });
}

/** The command that deletes the object and keeps its VM; also works while it is being deleted. */
export function deleteKeepingVm(target: CommandTarget, isProtected = false): string {
  const spec = { deletionPolicy: 'Retain', ...(isProtected ? unprotected : {}) };
  return `${patchSpec(target, spec)} && ${deleteObject(target)} --ignore-not-found`;
}

/** The command that deletes the object. `isProtected`: the API server refuses that before the protection is lifted. */
export function deleteObject(target: CommandTarget, isProtected = false): string {
  const command = kubectl(target.namespace, 'delete', 'vps', target.name);
  return isProtected ? `${patchSpec(target, unprotected)} && ${command}` : command;
}

const unprotected = { deletionProtection: false };

/**
 * The command that sets annotations by their full names, whatever their present values, or removes those whose value is
 * undefined.
 */
export function annotate(
  { namespace, name }: CommandTarget,
  values: Readonly<Record<string, string | undefined>>,
): string {
  const words = Object.entries(values).map(([key, value]) => (value === undefined ? `${key}-` : `${key}=${value}`));
  const isSet = Object.values(values).some((value) => value !== undefined);
  return kubectl(namespace, 'annotate', 'vps', name, ...words, ...(isSet ? ['--overwrite'] : []));
}

/** The command that clears the record of the VM; for cluster administrators. */
export function resetStatus({ namespace, name }: CommandTarget): string {
  return kubectl(
    namespace,
    'patch',
    'vps',
    name,
    '--subresource=status',
    '--type',
    'merge',
    '-p',
    printableJson({ status: null }),
  );
}

/** The command that triggers an immediate reconciliation, and retries what is in backoff. */
export function reconcileNow({ namespace, name }: CommandTarget): string {
  return `${kubectl(namespace, 'annotate', 'vps', name, '--overwrite')} ${annotations.reconcileRequestedAt}="$(date)"`;
}

/** The command that puts another API key into a Secret: YOUR-KEY stands for it. */
export function replaceApiKey(
  namespace: string,
  { name, key }: { readonly name: string; readonly key: string },
): string {
  const patch = printableJson({ stringData: { [key]: 'YOUR-KEY' } });
  return kubectl(namespace, 'patch', 'secret', name, '--type', 'merge', '-p', patch);
}

/** The command that creates a Secret with an API key: YOUR-KEY stands for it. */
export function createApiKey(
  namespace: string,
  { name, key }: { readonly name: string; readonly key: string },
): string {
  return kubectl(namespace, 'create', 'secret', 'generic', name, `--from-literal=${key}=YOUR-KEY`);
}

/** The command that labels a Secret, so that the operator uses it as an API key. */
export function labelSecret(namespace: string, name: string, label: string): string {
  return kubectl(namespace, 'label', 'secret', name, label, '--overwrite');
}

/** The command that deletes the Secret of an initial password and has the object reconciled: the operator doesn't watch these Secrets. */
export function replaceSecret(target: CommandTarget, secretName: string): string {
  return `${kubectl(target.namespace, 'delete', 'secret', secretName)} && ${reconcileNow(target)}`;
}
