/** IPv6 on a machine whose kernel may have none, by Node's own binding: net.js calls it for every IPv6 address. */
import { constants } from 'node:os';
import { vi } from 'vitest';

interface Tcp {
  bind6(address: string, port: number, flags: number): number;
  connect(request: object, address: string, port: number): number;
  connect6(request: object, address: string, port: number): number;
}

// `as`: the binding has no types.
const { TCP } = (process as unknown as { binding(name: string): { TCP: { prototype: Tcp } } }).binding('tcp_wrap');

/** From now on the kernel has no IPv6 to listen on. The addresses that were asked for are in the mock. */
export function refuseIpv6() {
  return vi.spyOn(TCP.prototype, 'bind6').mockReturnValue(-constants.errno.EAFNOSUPPORT);
}

/** From now on connections to an IPv6 address go to 127.0.0.1. The addresses are in the mock. */
export function connectIpv6ToIpv4() {
  return vi.spyOn(TCP.prototype, 'connect6').mockImplementation(function (this: Tcp, request, _address, port) {
    return this.connect(request, '127.0.0.1', port);
  });
}

/** Which addresses are listened on, for both families where the flags are 0. The kernel may still refuse. */
export function watchIpv6() {
  return vi.spyOn(TCP.prototype, 'bind6');
}
