import { spawn } from 'node:child_process';
import type { KubectlResult, RunKubectl } from './kubectl.ts';

/** After this time, what kubectl wrote to stderr is shown: it may ask the user to log in. */
const showAfter = 2_000;

/** Runs the program `kubectl` of PATH. `show` gets what it writes to stderr before it ends, such as a login prompt. */
export function processRunner(show: (text: string) => void): RunKubectl {
  return (args, input) =>
    new Promise((resolve) => {
      const child = spawn('kubectl', args, { stdio: [input === undefined ? 'inherit' : 'pipe', 'pipe', 'pipe'] });
      let stdout = '';
      let stderr = '';
      let shown: number | undefined;
      const timer = setTimeout(() => {
        show(stderr);
        shown = stderr.length;
      }, showAfter);
      child.stdout?.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
      child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
        stderr += chunk;
        if (shown === undefined) return;
        show(chunk);
        shown = stderr.length;
      });
      // It may end without having read its input.
      child.stdin?.on('error', () => {});
      child.stdin?.end(input);
      const end = (result: KubectlResult): void => {
        clearTimeout(timer);
        resolve(result);
      };
      child.once('error', (error) => end({ code: null, stdout, stderr: error.message, missing: true }));
      child.once('close', (code) => end({ code, stdout, stderr }));
    });
}
