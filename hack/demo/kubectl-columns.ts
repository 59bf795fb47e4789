import { printerColumns } from '../../src/api/v1alpha1/schema.ts';
import type { VirtualMachine } from '../../src/api/v1alpha1/types.ts';
import type { Column } from './table.ts';

/** The widest usual cell of a column, and whether a narrow terminal omits it. */
const looks: Readonly<Record<string, Omit<Column, 'title'>>> = {
  Desired: { width: 'Running'.length },
  State: { width: 'Starting'.length, dispensable: 2 },
  Ready: { width: 'Unknown'.length },
  Reason: { width: 'UnknownCatalogName'.length },
  Address: { width: '198.18.255.255'.length, dispensable: 3 },
  Region: { width: 'Amsterdam 1'.length, dispensable: 5 },
  Package: { width: 'Standard'.length, dispensable: 4 },
};

/** Each line of the demo starts with its time. */
const shown = printerColumns.filter(({ name, priority }) => priority === undefined && name !== 'Age');

/** The columns of `kubectl get vps` without `-o wide`, except the age. */
export const kubectlColumns: readonly Column[] = [
  { title: 'NAME', width: 'appliance'.length },
  ...shown.map(({ name }) => ({ title: name.toUpperCase(), ...(looks[name] ?? { width: 0 }) })),
];

/** The cells of these columns, read as kubectl reads them. */
export function kubectlCells(object: VirtualMachine): readonly string[] {
  return [object.metadata.name, ...shown.map(({ jsonPath }) => valueAt(object, jsonPath))];
}

/** The part of JSONPath that the columns use: `.field`, `[0]` and `[?(@.field=="value")]`. */
function valueAt(object: VirtualMachine, path: string): string {
  const steps = Array.from(path.matchAll(/\.(\w+)|\[(\d+)\]|\[\?\(@\.(\w+)=="(\w+)"\)\]/g));
  const found = steps.reduce<unknown>(
    (value, [, field, index, key = '', wanted]) =>
      wanted === undefined ? partOf(value, field ?? index ?? '') : firstWith(value, key, wanted),
    object,
  );
  return typeof found === 'string' || typeof found === 'number' ? `${found}` : '';
}

function partOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined;
}

function firstWith(value: unknown, key: string, wanted: string): unknown {
  return Array.isArray(value) ? value.find((item) => partOf(item, key) === wanted) : undefined;
}
