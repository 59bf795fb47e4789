import { expect, test } from 'vitest';
import { checkBaseUrl } from '../../../src/domain/base-url.ts';

const accepted: readonly [url: string, insecure: boolean, base: string][] = [
  ['https://api.vps247.com', false, 'https://api.vps247.com'],
  ['https://api.vps247.com/', false, 'https://api.vps247.com'],
  ['https://proxy.example/vps247/v1/', false, 'https://proxy.example/vps247/v1'],
  ['https://proxy.example/v1//', false, 'https://proxy.example/v1'],
  ['http://127.0.0.1:8080', false, 'http://127.0.0.1:8080'],
  ['http://127.9.9.9', false, 'http://127.9.9.9'],
  ['http://localhost:1', false, 'http://localhost:1'],
  ['http://[::1]:1', false, 'http://[::1]:1'],
  ['http://emulator.test:8080', true, 'http://emulator.test:8080'],
];

test.for(accepted)('%s (insecure: %s) is used', ([url, insecure, base]) => {
  expect(checkBaseUrl(url, insecure)).toBe(base);
});

const refused: readonly [reason: string, url: string, insecure: boolean][] = [
  ['no URL', 'api.vps247.com', false],
  ['plain http to another machine', 'http://api.vps247.com', false],
  ["a name that only begins like this machine's address", 'http://127.0.0.1.example.com', false],
  ["a name that only begins like this machine's name", 'http://localhost.example.com', false],
  ["a name that only ends like this machine's name", 'http://example.localhost', false],
  ['another protocol, also when insecure', 'ftp://localhost', true],
  ['a user and a password', 'https://me:planted-password@api.vps247.com', false],
  ['a user alone', 'https://me@api.vps247.com', false],
  ['a password alone', 'https://:planted-password@api.vps247.com', false],
  ['a query', 'https://api.vps247.com/?key=planted-password', false],
  ['a fragment', 'https://api.vps247.com/#x', false],
];

test.for(refused)('refused: %s; the message names the option and not its value', ([, url, insecure]) => {
  expect(() => checkBaseUrl(url, insecure)).toThrow(/^baseUrl (?!.*planted)/);
});
