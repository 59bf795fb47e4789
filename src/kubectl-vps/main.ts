/** The program `kubectl-vps`: a kubectl plugin. As `kubectl_complete-vps`, it completes the words of a shell. */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline/promises';
import { text } from 'node:stream/consumers';
import { printable } from '../domain/text.ts';
import type { World } from './context.ts';
import { Failure } from './failure.ts';
import { Kubectl } from './kubectl.ts';
import { processRunner } from './kubectl-process.ts';
import { run } from './run.ts';
import type { Screen } from './screen.ts';

declare const OPERATOR_VERSION: string | undefined;

const { stdin, stdout, stderr, env, argv } = process;

/** The last progress that was printed, without the elapsed time. */
let lastProgress: string | undefined;

const screen: Screen = {
  hasColors: stdout.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb',
  print: (line) => void stdout.write(`${line}\n`),
  note: (line) => void stderr.write(`${line}\n`),
  progress(line) {
    if (stderr.isTTY === true && env['TERM'] !== 'dumb') {
      const width = Math.max(20, (stderr.columns ?? 80) - 1);
      if (line !== undefined || lastProgress !== undefined) stderr.write(`\r\u001b[K${line?.slice(0, width) ?? ''}`);
      lastProgress = line;
      return;
    }
    const news = line?.replace(/, \d+[smhd](?=:|$)/, '');
    if (line !== undefined && news !== lastProgress) stderr.write(`${line}\n`);
    lastProgress = news;
  },
  async ask(question) {
    if (stdin.isTTY !== true || stderr.isTTY !== true) return undefined;
    const reader = createInterface({ input: stdin, output: stderr });
    // Ctrl-C and Ctrl-D close it without an answer.
    const closed = new Promise<undefined>((resolve) => void reader.once('close', () => resolve(undefined)));
    try {
      const answer = await Promise.race([reader.question(question), closed]);
      if (answer === undefined) stderr.write('\n');
      return answer ?? '';
    } finally {
      reader.close();
    }
  },
};

const showOfKubectl = (words: string): void => void stderr.write(words.split('\n').map(printable).join('\n'));

const world: World = {
  screen,
  kubectl: (globals) => new Kubectl(processRunner(showOfKubectl), globals, screen.note),
  now: Date.now,
  sleep: (milliseconds) => new Promise((resolve) => void setTimeout(resolve, milliseconds)),
  execute: (program, args) =>
    new Promise((resolve, reject) => {
      const child = spawn(program, args, { stdio: 'inherit' });
      child.once('error', () =>
        reject(new Failure(`${program} was not found. Install it, or add its folder to PATH.`)),
      );
      child.once('close', (code) => resolve(code ?? 255));
    }),
  async readInput(file) {
    try {
      return file === '-' ? await text(stdin) : readFileSync(file, 'utf8');
    } catch (error) {
      throw new Failure(`${file} can't be read: ${error instanceof Error ? error.message : String(error)}`);
    }
  },
  readFile(file) {
    try {
      return readFileSync(file, 'utf8');
    } catch {
      return undefined;
    }
  },
  writeFile(file, content) {
    try {
      mkdirSync(path.dirname(file), { recursive: true });
      // Never overwrites.
      writeFileSync(file, content, { flag: 'wx' });
    } catch (error) {
      throw new Failure(`${file} can't be written: ${error instanceof Error ? error.message : String(error)}`);
    }
  },
};

// A reader such as `head` may close the pipe.
stdout.on('error', () => process.exit(1));

const [, program = '', ...args] = argv;
const isCompletion = path.basename(program).startsWith('kubectl_complete-');
const version = typeof OPERATOR_VERSION === 'undefined' ? 'development' : OPERATOR_VERSION;
process.exitCode = await run(isCompletion ? ['__complete', ...args] : args, world, version);
