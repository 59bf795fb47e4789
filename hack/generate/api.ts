import { apiVersion, kind } from '../../src/api/v1alpha1/names.ts';
import { printerColumns, virtualMachineSchema } from '../../src/api/v1alpha1/schema.ts';
import type { Schema } from '../../src/api/v1alpha1/schema/openapi.ts';
import { generatedFrom, markdownTable } from './table.ts';

/** docs/api.md: every field of the custom resource with its default, its rules and its description. */
export function renderApi(): string {
  const { spec, status } = virtualMachineSchema.properties ?? {};
  if (spec === undefined || status === undefined) throw new Error('the schema has lost its spec or status');
  const columns = printerColumns.map(({ name, description, priority }) => [
    name.toUpperCase(),
    description,
    priority === undefined ? '' : 'with `-o wide`',
  ]);
  return `# The custom resource

${generatedFrom('src/api/v1alpha1/schema')}

\`${kind}\` of \`${apiVersion}\`, short name \`vps\`. ${virtualMachineSchema.description ?? ''}
\`kubectl explain vps.spec\` says the same in a terminal.

## spec

${renderFields(spec)}

## status

${status.description ?? ''}

${renderFields(status)}

## Columns of kubectl get

${markdownTable(['column', 'meaning', 'shown'], [['NAME', 'Name of the object', ''], ...columns])}
`;
}

function renderFields(schema: Schema): string {
  return markdownTable(['field', 'type', 'default', 'rules', 'meaning'], rowsOf(schema, ''));
}

function rowsOf(schema: Schema, path: string): string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const isRequired = schema.required?.includes(name) ?? false;
    const isList = field.items !== undefined;
    const row = [
      `\`${path}${name}\``,
      isList ? `list of ${typeOf(field.items)}` : typeOf(field),
      field.default === undefined ? '' : `\`${JSON.stringify(field.default).replaceAll('"', '')}\``,
      [...(isRequired ? ['required'] : []), ...rulesOf(field)].join('; '),
      field.description ?? '',
    ];
    return [row].concat(rowsOf(field.items ?? field, `${path}${name}${isList ? '[]' : ''}.`));
  });
}

function typeOf({ type, format }: Schema): string {
  return format === 'date-time' ? 'time' : type;
}

function rulesOf(schema: Schema): string[] {
  const rules: string[] = [];
  if (schema['x-kubernetes-validations']?.some(({ rule }) => rule === 'self == oldSelf') === true)
    rules.push('immutable');
  if (schema.enum !== undefined) rules.push(`one of ${schema.enum.map((value) => `\`${value}\``).join(', ')}`);
  if (schema.minimum !== undefined) rules.push(`at least ${schema.minimum}`);
  if (schema.maximum !== undefined) rules.push(`at most ${schema.maximum}`);
  if (schema.maxLength !== undefined) rules.push(`at most ${schema.maxLength} characters`);
  if (schema.pattern !== undefined) rules.push(`matches \`${schema.pattern}\``);
  if (schema.maxItems !== undefined) rules.push(`at most ${schema.maxItems} items`);
  if (schema['x-kubernetes-list-type'] === 'set') rules.push('no item twice');
  return rules;
}
