import { annotations, annotationTable, apiVersion, kind } from '../../src/api/v1alpha1/names.ts';
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

## Annotations

${markdownTable(['annotation', 'value', 'written by', 'meaning'], annotationRows)}

Another value of one that takes "true" means nothing: it counts as if it were not there, and an event says so.

## Restart a VM

\`kubectl rollout restart\` works with Kubernetes' own workloads only. To restart a running VM, set \`spec.restartRequest\` to a new text:

<!-- test: restart -->
\`\`\`sh
kubectl patch vps NAME --type merge --patch '{"spec":{"restartRequest":"'"$(date -u +%FT%TZ)"'"}}'
\`\`\`

The operator restarts the VM once for each new text, and then shows the text in \`status.lastRestartRequest\`.

## Combinations that look contradictory

${markdownTable(['given', 'what happens'], combinations)}

## Columns of kubectl get

${markdownTable(['column', 'meaning', 'shown'], [['NAME', 'Name of the object', ''], ...columns])}
`;
}

// `Object.entries` forgets the type of the keys.
const annotationRows = (Object.keys(annotationTable) as (keyof typeof annotationTable)[]).map((name) => {
  const { by, value, meaning } = annotationTable[name];
  return [`\`${annotations[name]}\``, value, by, meaning];
});

const combinations = [
  ['both `id` and `name` of a region, package or template', 'refused'],
  ['`adoption.id` with `adoption.policy: Never`', 'refused'],
  ['`initialPasswordSecret.name` with `disabled: true`', 'refused'],
  [
    '`powerState: Halted` with a `restartRequest`',
    'no restart: the request counts as handled once the machine is halted',
  ],
  ['a `restartRequest` that is there when the machine is created', 'no restart: a new machine has just booted'],
  [
    '`adoption.id` with a `providerName`',
    'the machine must have both; another name is `AdoptionMismatch`. With `IfExists` and no such machine, one is created under that name',
  ],
  [
    '`adoption.policy: MustExist` without an id, and without a `providerName`',
    'an object that was restored takes over the machine it was recorded with; any other finds nothing (`AdoptionTargetNotFound`)',
  ],
  [
    '`deletionPolicy: Retain` with `deletionProtection: true`',
    'the deletion is refused. Where no admission policy does that, the object goes and its machine stays',
  ],
  ['`managementPolicy: Observe`, and the object is deleted', 'the machine stays'],
  ['`managementPolicy: Plan`, and the object is deleted', 'both stay, and `status.plannedActions` shows the next step'],
];

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
