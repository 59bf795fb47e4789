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
 * The fields that this operator uses and the installed CRD lacks, such as `spec.powerOff.mode`, and missing enum
 * values, such as `spec.powerState=Halted`; undefined if the API server's OpenAPI document doesn't contain the
 * resource. For a completely missing field, only the field is listed.
 */
export function missingFields(openApi: unknown): readonly string[] | undefined {
  // Parses any response; whatever isn't there is missing.
  const { components } = (openApi ?? {}) as {
    readonly components?: { readonly schemas?: Readonly<Record<string, Served>> };
  };
  const found = Object.entries(components?.schemas ?? {}).find(([name]) => name.endsWith(`.${version}.${kind}`));
  return found && lacking(virtualMachineSchema, found[1], []);
}

function lacking(wanted: Schema, served: Served | undefined, path: readonly string[]): readonly string[] {
  if (served === undefined) return [path.join('.')];
  // The server describes built-in kinds beside a reference to them, so metadata has no properties here.
  const properties = Object.entries(wanted.properties ?? {});
  return [
    ...properties.flatMap(([name, schema]) => lacking(schema, served.properties?.[name], [...path, name])),
    ...(wanted.enum ?? []).flatMap((value) =>
      served.enum?.includes(value) === false ? [`${path.join('.')}=${value}`] : [],
    ),
    ...(wanted.items === undefined ? [] : lacking(wanted.items, served.items, [...path, '[]'])),
  ];
}
