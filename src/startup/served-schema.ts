import { kind, version } from '../api/v1alpha1/constants.ts';
import { virtualMachineSchema } from '../api/v1alpha1/schema.ts';
import type { Schema } from '../api/v1alpha1/schema/openapi.ts';

/** A schema as the API server returns it: any field may be missing. */
interface Served {
  readonly properties?: Readonly<Record<string, Served>>;
  readonly items?: Served;
  readonly enum?: readonly unknown[];
}

/**
 * The fields that this operator works with and the installed CustomResourceDefinition lacks, such as `spec.powerOff.mode`, and values
 * that it does not take, such as `spec.powerState=Halted`; undefined when the API server's OpenAPI document says nothing of the resource. Of a field that is missing as a whole only the field is named.
 */
export function missingFields(openApi: unknown): readonly string[] | undefined {
  // Whatever the server answers; what is not there is missing.
  const { components } = (openApi ?? {}) as {
    readonly components?: { readonly schemas?: Readonly<Record<string, Served>> };
  };
  const found = Object.entries(components?.schemas ?? {}).find(([name]) => name.endsWith(`.${version}.${kind}`));
  return found && lacking(virtualMachineSchema, found[1], []);
}

function lacking(wanted: Schema, served: Served | undefined, path: readonly string[]): readonly string[] {
  if (served === undefined) return [path.join('.')];
  // The server keeps the description of built-in kinds beside a reference to them: metadata has no properties here.
  const properties = Object.entries(wanted.properties ?? {});
  return [
    ...properties.flatMap(([name, schema]) => lacking(schema, served.properties?.[name], [...path, name])),
    ...(wanted.enum ?? []).flatMap((value) =>
      served.enum?.includes(value) === false ? [`${path.join('.')}=${value}`] : [],
    ),
    ...(wanted.items === undefined ? [] : lacking(wanted.items, served.items, [...path, '[]'])),
  ];
}
