/** The provider's API calls by method and path. */
export type Operation =
  | 'ListMachines'
  | 'GetMachine'
  | 'CreateMachine'
  | 'DeleteMachine'
  | 'StartMachine'
  | 'StopMachine'
  | 'RestartMachine'
  | 'KillMachine'
  | 'ListRegions'
  | 'GetRegion'
  | 'ListPackages'
  | 'GetPackage'
  | 'ListOsTemplates'
  | 'GetOsTemplate'
  | 'Unknown';

export const endpoints: readonly (readonly [Operation, method: string, path: string])[] = [
  ['ListMachines', 'GET', '/virtual_machines'],
  ['CreateMachine', 'POST', '/virtual_machines'],
  ['GetMachine', 'GET', '/virtual_machines/{id}'],
  ['DeleteMachine', 'DELETE', '/virtual_machines/{id}'],
  ['StartMachine', 'POST', '/virtual_machines/{id}/start'],
  ['StopMachine', 'POST', '/virtual_machines/{id}/stop'],
  ['RestartMachine', 'POST', '/virtual_machines/{id}/restart'],
  ['KillMachine', 'POST', '/virtual_machines/{id}/kill'],
  ['ListRegions', 'GET', '/regions'],
  ['GetRegion', 'GET', '/regions/{id}'],
  ['ListPackages', 'GET', '/packages'],
  ['GetPackage', 'GET', '/packages/{id}'],
  ['ListOsTemplates', 'GET', '/os_templates'],
  ['GetOsTemplate', 'GET', '/os_templates/{id}'],
];

const routes = endpoints.map(([operation, method, path]) => ({ operation, method, pattern: pathPattern(path) }));

const writes: ReadonlySet<Operation> = new Set<Operation>([
  'CreateMachine',
  'DeleteMachine',
  'StartMachine',
  'StopMachine',
  'RestartMachine',
  'KillMachine',
]);

/** `/virtual_machines/{id}/start` as a regular expression for the whole path; `{id}` is any number. */
export function pathPattern(path: string): RegExp {
  const pieces = path.split('{id}').map((piece) => piece.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
  return new RegExp(`^${pieces.join(String.raw`(\d{1,16})`)}/?$`);
}

/** The call that a request makes, and the id in its path. */
export function route(method: string, path: string): { readonly operation: Operation; readonly id?: number } {
  for (const { operation, method: expected, pattern } of routes) {
    const match = method === expected ? pattern.exec(path) : null;
    if (match !== null) return { operation, ...(match[1] === undefined ? {} : { id: Number(match[1]) }) };
  }
  return { operation: 'Unknown' };
}

/** Whether a call incurs charges, changes power or deletes a VM. */
export function isWrite(operation: Operation): boolean {
  return writes.has(operation);
}
