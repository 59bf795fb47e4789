import { annotations, type AnnotationName } from './names.ts';
import type { VirtualMachineSpec } from './types.ts';

/** The object that a command is for. */
export interface CommandTarget {
  readonly namespace: string;
  readonly name: string;
}

/** Stands for any object, on pages that print commands. */
export const anyObject: CommandTarget = { namespace: 'NS', name: 'NAME' };

/** The command that sets fields of the spec, to be pasted into a shell as it is. */
export function patchSpec({ namespace, name }: CommandTarget, spec: Partial<VirtualMachineSpec>): string {
  const patch = JSON.stringify({ spec }).replaceAll("'", String.raw`'\''`);
  return `kubectl -n ${namespace} patch vps ${name} --type merge -p '${patch}'`;
}

/** The command that lets the object go and leaves its VM running. */
export function retainVm(target: CommandTarget): string {
  return patchSpec(target, { deletionPolicy: 'Retain' });
}

/** The command that sets annotations, or removes those whose value is undefined. */
export function annotate(
  { namespace, name }: CommandTarget,
  values: Partial<Readonly<Record<AnnotationName, string | undefined>>>,
): string {
  // `as`: the keys are those of the type.
  const words = (Object.keys(values) as AnnotationName[]).map((key) => {
    const value = values[key];
    return value === undefined ? `${annotations[key]}-` : `${annotations[key]}=${value}`;
  });
  return `kubectl -n ${namespace} annotate vps ${name} ${words.join(' ')}`;
}
