import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { helpText, readOptions } from '../../emulator/options.ts';
import { behaviorTable } from '../../emulator/behavior.ts';

const program = join(import.meta.dirname, '../../emulator/main.ts');

/** Starts the program. `exit` is its code, `lines` what it prints. */
function start(...args: readonly string[]) {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const exit = new Promise<number | null>((resolve) => child.once('close', resolve));
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return { child, exit, lines: createInterface(child.stdout)[Symbol.asyncIterator](), stderr: () => stderr };
}

describe('npm run emulator', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('reports its address, serves, and ends with 0 on %s', async (signal) => {
    const { child, exit, lines } = start('--port', '0', '--key', '3:a-key', '--switch', 'listShape=data');
    const { value: first } = await lines.next();
    const url = /^The emulated provider listens at (http:\/\/127\.0\.0\.1:\d+)$/.exec(String(first))?.[1];
    const response = await fetch(`${url}/virtual_machines`, { headers: { 'X-Api-Key': 'a-key' } });
    expect(await response.text()).toBe('{"data":[]}');
    child.kill(signal);
    expect(await exit).toBe(0);
  });

  test('ends with 2 and a sentence for each invalid flag', async () => {
    const { exit, stderr } = start('--prot', '--port', 'x');
    expect(await exit).toBe(2);
    expect(stderr().trim().split('\n')).toEqual([
      'Unknown flag --prot; for all flags, see --help.',
      '--port takes a whole number up to 65535, not "x".',
    ]);
  });
});

describe('the command line', () => {
  test('by default: one key and no switches', () => {
    expect(readOptions([])).toEqual({
      kind: 'run',
      options: {
        port: 8_247,
        seed: 1,
        accounts: [{ ownerId: 1, keys: ['demo-key'] }],
        switches: {},
        latencies: {},
        manualClock: false,
      },
    });
  });

  test('all flags at once', () => {
    const args = ['--port=0', '--seed', '7', '--key', 'a', '--key', '2:b', '--key', 'c', '--manual-clock'];
    const more = ['--switch', 'killEffect=resets', '--latency', 'halt=5', '--latency', 'start=1-9'];
    expect(readOptions([...args, ...more])).toEqual({
      kind: 'run',
      options: {
        port: 0,
        seed: 7,
        accounts: [
          { ownerId: 1, keys: ['a', 'c'] },
          { ownerId: 2, keys: ['b'] },
        ],
        switches: { killEffect: 'resets' },
        latencies: { halt: 5, start: [1, 9] },
        manualClock: true,
      },
    });
  });

  test.each<[string[], string]>([
    [['--port'], '--port needs a value.'],
    [['--port', '65536'], '--port takes a whole number up to 65535, not "65536".'],
    [['serve'], '"serve" is not a flag; for all flags, see --help.'],
    [['--key', 'a b'], '--key takes printable characters without spaces.'],
    [['--switch', 'listLag'], '--switch takes NAME=VALUE, not "listLag".'],
    [['--switch', 'listLog=1'], 'Unknown switch "listLog".'],
    [['--latency', 'boot=1'], 'Unknown latency "boot"; for all latencies, see --help.'],
    [['--latency', 'halt=9-1'], 'The latency "halt" takes milliseconds or a range, not "9-1".'],
    [['--manual-clock=yes'], '--manual-clock takes no value.'],
  ])('%j is refused', (args, problem) => {
    expect(readOptions(args)).toEqual({ kind: 'bad', problems: [problem] });
  });

  test('help names every switch', () => {
    expect(readOptions(['--help'])).toEqual({ kind: 'help' });
    expect(Object.keys(behaviorTable).filter((name) => !helpText().includes(`    ${name}=`))).toEqual([]);
  });
});
