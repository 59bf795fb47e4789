/** The object that a machine was made for, by the name it has when nobody chose one: `web-1a2b3c4d` → `web`. */
export function objectOf(machineName: string): string {
  return machineName.replace(/-[0-9a-f]{8}$/, '');
}
