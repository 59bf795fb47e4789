import { BlockList, isIP } from 'node:net';
import type { Address } from '../../domain/machine.ts';
import type { WireObject } from './json-fields.ts';
import { isRecord } from '../../domain/json.ts';

const order = new Intl.Collator('en', { numeric: true });

/** The limit of the status. */
const maxAddresses = 256;
/** More entries are ignored. */
const maxEntries = 1_024;
/** The length of an address with all zeros and an IPv4 suffix. A longer text can't be an address. */
const longestAddress = 45;

interface Ip {
  readonly version: 4 | 6;
  readonly text: string;
}

/**
 * A machine's addresses, from both formats of the provider: `ip_allocations` (first, last, gateway, prefixlen) and
 * `ip_assignments` (ip_address). The one to connect to comes first: IPv4 before IPv6, public before private, ranges
 * without a known address last. Duplicates and anything else are omitted. Worked table for an allocation:
 *
 * | first       | last              | prefixlen | address          | range                             |
 * | ----------- | ----------------- | --------- | ---------------- | --------------------------------- |
 * | 192.0.2.7   | the same, or none | any       | 192.0.2.7        |                                   |
 * | 192.0.2.7   | 192.0.2.9         | 24        | 192.0.2.7        | both                              |
 * | 192.0.2.0   | 192.0.2.255       | 24        | none: the subnet | both                              |
 * | 2001:db8::2 | 2001:db8::9       | 64        | 2001:db8::2      | both                              |
 * | 2001:db8::  | 2001:db8::ffff    | any       | none: the subnet | both                              |
 * | 2001:db8::  | the same, or none | 64        | none: the subnet | 2001:db8::, to itself if it is so |
 * | 192.0.2.9   | 192.0.2.7         | any       | 192.0.2.7        | both, exchanged                   |
 * | an address  | of another family | any       | as without last  |                                   |
 *
 * The lowest address of an IPv6 subnet belongs to its routers (RFC 4291, 2.6.1). Which address of such a range the VM
 * has is unknown.
 */
export function readAddresses(machine: WireObject): readonly Address[] {
  const found = new Map<string, Address>();
  // Allocations first, because they have more information about the same address.
  for (const entry of objectsOf(machine['ip_allocations'])) add(found, entry['first'], entry);
  for (const entry of objectsOf(machine['ip_assignments'])) add(found, entry['ip_address'], entry);
  const addresses = [...found.values()];
  return (addresses.length > 1 ? addresses.toSorted(compare) : addresses).slice(0, maxAddresses);
}

function add(found: Map<string, Address>, value: unknown, entry: WireObject): void {
  const lower = readIp(value);
  if (lower === undefined) return;
  const gateway = readIp(entry['gateway']);
  const end = readIp(entry['last']);
  const prefixLength = readPrefixLength(entry['prefixlen'], lower.version);
  const range = rangeOf(lower, end?.version === lower.version ? end : undefined, prefixLength);
  const key = range.address ?? range.first ?? lower.text;
  if (found.has(key)) return;
  found.set(key, {
    version: lower.version,
    ...range,
    ...(gateway?.version === lower.version ? { gateway: gateway.text } : {}),
    ...(prefixLength === undefined ? {} : { prefixLength }),
  });
}

function rangeOf(start: Ip, end: Ip | undefined, prefixLength: number | undefined): Omit<Address, 'version'> {
  const isRange = end !== undefined && end.text !== start.text;
  // A single IPv4 address is the VM's, whatever its network, and hardly any IPv6 address ends in zeros.
  if (!isRange && (start.version === 4 || !endsInZeros.test(start.text))) return { address: start.text };
  const [a, b] = [numberOf(start), numberOf(end ?? start)];
  const [first, last] = a <= b ? [start, end] : [end ?? start, start];
  if (isSubnet(start.version, a < b ? a : b, a ^ b, prefixLength))
    return { first: first.text, ...(last === undefined ? {} : { last: last.text }) };
  return a === b || last === undefined
    ? { address: first.text }
    : { address: first.text, first: first.text, last: last.text };
}

const endsInZeros = /(?:^|[:.])0{0,4}$/;

/**
 * Whether the lowest address of a range stands for the whole subnet. Without a prefix length, the bits that vary are
 * the host part.
 */
function isSubnet(version: 4 | 6, lowest: bigint, varying: bigint, prefixLength: number | undefined): boolean {
  const bits = version === 4 ? 32 : 128;
  const hostBits = prefixLength === undefined ? (version === 4 ? 0 : bitsOf(varying)) : bits - prefixLength;
  // Both addresses of a link between two routers are usable (RFC 3021, RFC 6164).
  return hostBits > 1 && BigInt.asUintN(hostBits, lowest) === 0n;
}

function bitsOf(value: bigint): number {
  return value === 0n ? 0 : value.toString(2).length;
}

function numberOf({ version, text }: Ip): bigint {
  return version === 4 ? numberOfV4(text) : numberOfV6(text);
}

function numberOfV4(text: string): bigint {
  return text.split('.').reduce((number, octet) => (number << 8n) | BigInt(octet), 0n);
}

function numberOfV6(text: string): bigint {
  const end = text.slice(text.lastIndexOf(':') + 1);
  const low = end.includes('.') ? numberOfV4(end) : undefined;
  const hexadecimal =
    low === undefined
      ? text
      : `${text.slice(0, -end.length)}${(low >> 16n).toString(16)}:${(low & 0xffffn).toString(16)}`;
  const [head = [], rest = []] = hexadecimal.split('::').map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = Array.from({ length: 8 - head.length - rest.length }, () => '0');
  return [...head, ...zeros, ...rest].reduce((number, group) => (number << 16n) | BigInt(`0x${group}`), 0n);
}

/**
 * Networks whose addresses mean something else elsewhere: private, loopback, link-local, multicast and reserved ones.
 * A list for each family, because Node also looks for an IPv4 address among the IPv6 networks.
 */
const notPublic = { 4: new BlockList(), 6: new BlockList() } as const;
notPublic[4].addSubnet('0.0.0.0', 8);
notPublic[4].addSubnet('10.0.0.0', 8);
notPublic[4].addSubnet('100.64.0.0', 10);
notPublic[4].addSubnet('127.0.0.0', 8);
notPublic[4].addSubnet('169.254.0.0', 16);
notPublic[4].addSubnet('172.16.0.0', 12);
notPublic[4].addSubnet('192.168.0.0', 16);
notPublic[4].addSubnet('224.0.0.0', 3);
// Unspecified, loopback, and with an IPv4 address in them.
notPublic[6].addSubnet('::', 80, 'ipv6');
// NAT64 and 6to4: with an IPv4 address in them.
notPublic[6].addSubnet('64:ff9b::', 32, 'ipv6');
notPublic[6].addSubnet('2002::', 16, 'ipv6');
notPublic[6].addSubnet('fc00::', 7, 'ipv6');
notPublic[6].addSubnet('fe80::', 9, 'ipv6');
notPublic[6].addSubnet('ff00::', 8, 'ipv6');

/** Whether the address is known, and is the same in every network. */
export function isPublic<T extends Address>(entry: T): entry is T & { readonly address: string } {
  const { address, version } = entry;
  return (
    address !== undefined &&
    isIP(address) === version &&
    !notPublic[version].check(address, version === 4 ? 'ipv4' : 'ipv6')
  );
}

function compare(a: Address, b: Address): number {
  return rankOf(a) - rankOf(b) || order.compare(textOf(a), textOf(b));
}

function rankOf(entry: Address): number {
  if (entry.address === undefined) return 4 + entry.version;
  return entry.version + (isPublic(entry) ? 0 : 1);
}

function textOf({ address, first = '' }: Address): string {
  return address ?? first;
}

function readPrefixLength(value: unknown, version: 4 | 6): number | undefined {
  const longest = version === 4 ? 32 : 128;
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= longest ? value : undefined;
}

/** The version is determined from the address; the provider's own `version` could only contradict it. */
function readIp(value: unknown): Ip | undefined {
  if (typeof value !== 'string' || value.length > longestAddress) return undefined;
  const text = value.trim().toLowerCase();
  // A zone (`fe80::1%eth0`) has a meaning on the provider's machine only.
  const version = text.includes('%') ? 0 : isIP(text);
  return version === 4 || version === 6 ? { version, text } : undefined;
}

function objectsOf(value: unknown): readonly WireObject[] {
  return Array.isArray(value) ? value.slice(0, maxEntries).filter(isRecord) : [];
}
