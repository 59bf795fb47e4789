/** The object for which a VM was created, by its default name: `web-1a2b3c4d` → `web`. */
export function objectOf(machineName: string): string {
  return machineName.replace(/-[0-9a-f]{8}$/, '');
}
