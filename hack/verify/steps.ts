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
  {
    name: 'helm-lint',
    shows: 'the chart keeps the rules of helm, whatever is switched on',
    command: ['node', 'hack/verify/helm-lint.ts'],
  },
  {
    name: 'kubernetes-validate',
    shows: 'all that is installed is valid in three versions of Kubernetes',
    command: ['node', 'hack/verify/kubernetes-validate.ts'],
  },
  {
    name: 'kustomize',
    shows: 'base and overlays are built, and are what the chart is',
    command: ['node', 'hack/verify/kustomize.ts'],
  },
  {
    name: 'actionlint',
    shows: 'the workflows keep the rules of actionlint',
    command: ['node', 'hack/verify/actionlint.ts'],
  },
  {
    name: 'zizmor',
    shows: 'the workflows keep the rules of zizmor, the pedantic ones too',
    command: ['node', 'hack/verify/zizmor.ts'],
  },
  {
    name: 'bundle',
    shows:
      'bundle, chart and SBOM are the same twice, licences are allowed, the SBOM keeps its schema and names all of it',
    command: ['node', 'hack/verify/bundle.ts'],
  },
  {
    name: 'promtool',
    shows: 'alerts are valid, and each fires when it should and not when it should not',
    command: ['node', 'hack/verify/promtool.ts'],
  },
  {
    name: 'monitors',
    shows: 'the Prometheus Operator takes monitors and alerts as they are written, and finds the Pods by them',
    command: ['node', 'hack/verify/monitors.ts'],
  },
  {
    name: 'markdown',
    shows: 'every page keeps the rules of markdownlint, and every link between files leads somewhere',
    command: ['node', 'hack/verify/markdown.ts'],
  },
  {
    name: 'site',
    shows:
      'docs/ and examples/ are built into a site without a dead link or anchor, and every page is in its navigation',
    command: ['node', 'hack/verify/site.ts'],
  },
  {
    name: 'pages',
    shows: 'the commands of the pages about installing, upgrading and removing do what they say',
    command: ['node', 'hack/verify/pages.ts'],
  },
  {
    name: 'image',
    shows: 'the Dockerfile is built, and its image holds and does what it should',
    command: ['node', 'hack/image/main.ts'],
  },
  {
    name: 'prometheus',
    shows:
      'a real Prometheus that scrapes an operator fires no alert on a good day, and on a bad one each for its fault',
    command: ['node', 'hack/verify/prometheus.ts'],
  },
  {
    name: 'installed',
    shows:
      'really installed, in each way, from that image it is killed, upgraded, rolled back, removed and installed again without a machine lost',
    command: ['node', 'hack/verify/installed.ts'],
  },
];
