import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { secondSignal } from '../../src/config/exit-codes.ts';

test('a second signal ends the program with the exit code of a shell for that signal', () => {
  const { SIGINT, SIGTERM } = constants.signals;
  expect(secondSignal).toEqual({ SIGINT: 128 + SIGINT, SIGTERM: 128 + SIGTERM });
});
