import { isIP } from 'node:net';
import type { Address } from '../../model/machine.ts';
import type { WireObject } from './wire.ts';
import { isWireObject } from './wire.ts';

const order = new Intl.Collator('en', { numeric: true });

/** As many as an object's status can hold. */
const mostAddresses = 256;
/** Of more entries nobody needs to know: the rest is not even looked at. */
const mostEntries = 1_024;
/** Written with all zeros and an IPv4 tail; a longer text is no address. */
const longestAddress = 45;

/**
 * A machine's addresses from both shapes in which the provider is known to tell them: `ip_allocations` (first, gateway,
 * prefixlen) and `ip_assignments` (ip_address). IPv4 first, sorted, each once; what is no address is left out.
 */
export function readAddresses(machine: WireObject): readonly Address[] {
  const found = new Map<string, Address>();
  // Allocations first: they know more of the same address.
  for (const entry of objectsOf(machine['ip_allocations'])) add(found, entry['first'], entry);
  for (const entry of objectsOf(machine['ip_assignments'])) add(found, entry['ip_address'], entry);
  return [...found.values()]
    .toSorted((a, b) => a.version - b.version || order.compare(a.address, b.address))
    .slice(0, mostAddresses);
}

function add(found: Map<string, Address>, value: unknown, entry: WireObject): void {
  const address = readIp(value);
  if (address === undefined || found.has(address.text)) return;
  const gateway = readIp(entry['gateway']);
  const prefixLength = entry['prefixlen'];
  const longest = address.version === 4 ? 32 : 128;
  found.set(address.text, {
    version: address.version,
    address: address.text,
    ...(gateway?.version === address.version ? { gateway: gateway.text } : {}),
    ...(typeof prefixLength === 'number' &&
    Number.isInteger(prefixLength) &&
    prefixLength >= 0 &&
    prefixLength <= longest
      ? { prefixLength }
      : {}),
  });
}

/** The version is read off the address itself: the provider's own `version` could only contradict it. */
function readIp(value: unknown): { version: 4 | 6; text: string } | undefined {
  if (typeof value !== 'string' || value.length > longestAddress) return undefined;
  const text = value.trim().toLowerCase();
  // A zone (`fe80::1%eth0`) means something on the provider's machine only.
  const version = text.includes('%') ? 0 : isIP(text);
  return version === 4 || version === 6 ? { version, text } : undefined;
}

function objectsOf(value: unknown): readonly WireObject[] {
  return Array.isArray(value) ? value.slice(0, mostEntries).filter(isWireObject) : [];
}
