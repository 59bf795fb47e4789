/** One thing that `npm run verify` shows. */
export interface Step {
  /** For the command line, and of its log file. */
  readonly name: string;
  /** What is so if it passes. */
  readonly shows: string;
  /** Run in the root of the checkout, with node_modules/.bin before PATH. Lines of its output that begin with `✓ ` are shown. */
  readonly command: readonly [program: string, ...args: string[]];
}

/** In the order in which they run: what fails soonest first. */
export const steps: readonly Step[] = [
  { name: 'check', shows: 'types, lint, format, generated files, nothing unused', command: ['node', 'hack/check.ts'] },
  {
    name: 'hadolint',
    shows: 'the Dockerfile keeps the rules of hadolint',
    command: ['node', 'hack/verify/hadolint.ts'],
  },
];
