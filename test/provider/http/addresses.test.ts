import { describe, expect, it } from 'vitest';
import { readAddresses } from '../../../src/provider/http/addresses.ts';

const allocation = (first: unknown, last?: unknown, prefixlen?: unknown) => ({ first, last, prefixlen });
const decoded = (...entries: readonly unknown[]) => readAddresses({ ip_allocations: entries });

describe('a subnet allocation', () => {
  const subnet = { first: '2001:db8:0:7::', last: '2001:db8:0:7:ffff:ffff:ffff:ffff' };

  it.each([
    { because: 'one address', given: allocation('192.0.2.7', '192.0.2.7'), address: '192.0.2.7' },
    { because: 'an end is not reported', given: allocation('192.0.2.7'), address: '192.0.2.7' },
    {
      because: "one IPv4 address is the VM's, whatever its network",
      given: allocation('192.0.2.0', '192.0.2.0', 24),
      address: '192.0.2.0',
    },
    {
      because: 'IPv4 addresses',
      given: allocation('192.0.2.7', '192.0.2.9', 24),
      address: '192.0.2.7',
      first: '192.0.2.7',
      last: '192.0.2.9',
    },
    {
      because: 'IPv4 addresses that begin with a round one',
      given: allocation('192.0.2.4', '192.0.2.7', 24),
      address: '192.0.2.4',
      first: '192.0.2.4',
      last: '192.0.2.7',
    },
    {
      because: 'a link of two',
      given: allocation('192.0.2.0', '192.0.2.1', 31),
      address: '192.0.2.0',
      first: '192.0.2.0',
      last: '192.0.2.1',
    },
    {
      because: 'an IPv4 subnet',
      given: allocation('192.0.2.0', '192.0.2.255', 24),
      first: '192.0.2.0',
      last: '192.0.2.255',
    },
    {
      because: 'the smallest IPv4 subnet',
      given: allocation('192.0.2.4', '192.0.2.7', 30),
      first: '192.0.2.4',
      last: '192.0.2.7',
    },
    {
      because: 'the same without its prefix may be any four addresses',
      given: allocation('192.0.2.4', '192.0.2.7'),
      address: '192.0.2.4',
      first: '192.0.2.4',
      last: '192.0.2.7',
    },
    { because: 'an IPv6 address', given: allocation('2001:db8::1:0:0:2', undefined, 64), address: '2001:db8::1:0:0:2' },
    {
      because: 'an IPv6 address that ends in zeros',
      given: allocation('2001:db8::1:0', '2001:db8::1:0', 64),
      address: '2001:db8::1:0',
    },
    {
      because: 'IPv6 addresses',
      given: allocation('2001:db8::2', '2001:db8::9', 64),
      address: '2001:db8::2',
      first: '2001:db8::2',
      last: '2001:db8::9',
    },
    { because: 'an IPv6 subnet', given: allocation(subnet.first, subnet.last, 64), ...subnet },
    { because: 'an IPv6 subnet without its prefix', given: allocation(subnet.first, subnet.last), ...subnet },
    {
      because: 'an IPv6 subnet, named by its first address',
      given: allocation(subnet.first, subnet.first, 64),
      first: subnet.first,
      last: subnet.first,
    },
    { because: 'an IPv6 subnet without an end', given: allocation(subnet.first, undefined, 64), first: subnet.first },
    {
      because: 'the same in all its digits',
      given: allocation('2001:DB8:0000:0007:0000:0000:0000:0000', undefined, 64),
      first: '2001:db8:0000:0007:0000:0000:0000:0000',
    },
    {
      because: 'with an IPv4 tail',
      given: allocation('2001:db8:0:7::0.0.0.0', undefined, 64),
      first: '2001:db8:0:7::0.0.0.0',
    },
    {
      because: 'an IPv4 tail that is not all zeros',
      given: allocation('2001:db8:0:7::0.1.0.0', undefined, 64),
      address: '2001:db8:0:7::0.1.0.0',
    },
    {
      because: 'an IPv6 link of two',
      given: allocation('2001:db8::', '2001:db8::1', 127),
      address: '2001:db8::',
      first: '2001:db8::',
      last: '2001:db8::1',
    },
    {
      because: 'a whole IPv6 address without a network',
      given: allocation('2001:db8::', undefined, 128),
      address: '2001:db8::',
    },
    {
      because: 'everything',
      given: allocation('::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 0),
      first: '::',
      last: 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
    },
    {
      because: 'the ends are exchanged',
      given: allocation('192.0.2.10', '192.0.2.9'),
      address: '192.0.2.9',
      first: '192.0.2.9',
      last: '192.0.2.10',
    },
    { because: 'the ends of a subnet are exchanged', given: allocation(subnet.last, subnet.first, 64), ...subnet },
    { because: 'the end is of the other family', given: allocation('192.0.2.7', '2001:db8::'), address: '192.0.2.7' },
    {
      because: 'a subnet whose end is of the other family',
      given: allocation('2001:db8::', '192.0.2.7', 64),
      first: '2001:db8::',
    },
    { because: 'the end is garbage', given: allocation('192.0.2.7', { last: '192.0.2.9' }), address: '192.0.2.7' },
  ])('$because', ({ given: { prefixlen, ...ends }, because, ...range }) => {
    const version = String(ends.first).includes(':') ? 6 : 4;
    const prefixLength = typeof prefixlen === 'number' ? { prefixLength: prefixlen } : {};
    expect(decoded({ ...ends, prefixlen }), because).toStrictEqual([{ version, ...range, ...prefixLength }]);
  });

  it.each([
    [undefined],
    ['soon'],
    [''],
    ['::1%eth0'],
    ['1.2.3'],
    [['192.0.2.7']],
    ['192.0.2.7/24'],
    [`${'0'.repeat(50)}::`],
  ])('is left out if it does not begin with an address: %j', (first) => {
    expect(decoded(allocation(first, '192.0.2.9', 24), 'garbage', null)).toEqual([]);
  });
});

it('of several, the one to connect to comes first: IPv4, then public ones, and last those without a known address', () => {
  const firsts = [
    '2001:db8::/64',
    'fd00::5',
    '2001:db8::5',
    '10.0.0.5',
    '100.64.0.1',
    '100.127.255.254',
    '203.0.113.9',
    '172.31.0.1',
    '203.0.113.10',
  ];
  const entries = firsts.map((text) => allocation(text.split('/')[0], undefined, text.includes('/') ? 64 : undefined));
  expect(decoded(...entries).map(({ address, first }) => address ?? first)).toEqual([
    '203.0.113.9',
    '203.0.113.10',
    '10.0.0.5',
    '100.64.0.1',
    '100.127.255.254',
    '172.31.0.1',
    '2001:db8::5',
    'fd00::5',
    '2001:db8::',
  ]);
});

it('an assigned address is shown beside its subnet', () => {
  const subnet = allocation('2001:db8::', '2001:db8::ffff:ffff:ffff:ffff', 64);
  const assignments = [{ ip_address: '2001:db8::5' }, { ip_address: '2001:db8::' }];
  expect(readAddresses({ ip_allocations: [subnet], ip_assignments: assignments })).toEqual([
    { version: 6, address: '2001:db8::5' },
    { version: 6, first: '2001:db8::', last: '2001:db8::ffff:ffff:ffff:ffff', prefixLength: 64 },
  ]);
});
