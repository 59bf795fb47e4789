/** One step of `npm run verify`. */
export interface Step {
  /** Its name for the command line, and of its log file. */
  readonly name: string;
  /** What holds if it passes. */
  readonly shows: string;
  /** Run in the root of the checkout, with node_modules/.bin before PATH. Lines of its output that begin with `✓ ` are shown. */
  readonly command: readonly [program: string, ...args: string[]];
}

/** In the order in which they run: the fastest to fail first. */
export const steps: readonly Step[] = [
  { name: 'check', shows: 'types, lint, format, generated files, nothing unused', command: ['node', 'hack/check.ts'] },
  {
    name: 'hadolint',
    shows: 'the Dockerfile passes hadolint',
    command: ['node', 'hack/verify/hadolint.ts'],
  },
  {
    name: 'helm-lint',
    shows: 'the chart passes helm lint with every values file',
    command: ['node', 'hack/verify/helm-lint.ts'],
  },
  {
    name: 'kubernetes-validate',
    shows: 'all installed objects are valid in three versions of Kubernetes',
    command: ['node', 'hack/verify/kubernetes-validate.ts'],
  },
  {
    name: 'kustomize',
    shows: 'base and overlays build, and equal the chart',
    command: ['node', 'hack/verify/kustomize.ts'],
  },
  {
    name: 'actionlint',
    shows: 'the workflows pass actionlint',
    command: ['node', 'hack/verify/actionlint.ts'],
  },
  {
    name: 'zizmor',
    shows: 'the workflows pass zizmor, including its pedantic rules',
    command: ['node', 'hack/verify/zizmor.ts'],
  },
  {
    name: 'bundle',
    shows: 'bundle, chart and SBOM are reproducible, licenses are allowed, the SBOM is valid and complete',
    command: ['node', 'hack/verify/bundle.ts'],
  },
  {
    name: 'promtool',
    shows: 'alerts are valid, and each fires only when it should',
    command: ['node', 'hack/verify/promtool.ts'],
  },
  {
    name: 'monitors',
    shows: 'the Prometheus Operator accepts monitors and alerts unchanged, and selects the Pods with them',
    command: ['node', 'hack/verify/monitors.ts'],
  },
  {
    name: 'markdown',
    shows: 'every page passes markdownlint, and every link between files resolves',
    command: ['node', 'hack/verify/markdown.ts'],
  },
  {
    name: 'site',
    shows: 'docs/ and examples/ build into a site without a dead link or anchor, and every page is in its navigation',
    command: ['node', 'hack/verify/site.ts'],
  },
  {
    name: 'console',
    shows: "the emulator's console works in Chromium on a desktop and a phone, by mouse and keyboard",
    command: ['node', 'hack/verify/console.ts'],
  },
  {
    name: 'pages',
    shows: 'the commands of the pages about installing, upgrading and uninstalling work',
    command: ['node', 'hack/verify/pages.ts'],
  },
  {
    name: 'image',
    shows: 'the Dockerfile builds, and its image has the right content and runs',
    command: ['node', 'hack/image/main.ts'],
  },
  {
    name: 'prometheus',
    shows: 'a real Prometheus fires no alert during normal operation, and each alert for its planted fault',
    command: ['node', 'hack/verify/prometheus.ts'],
  },
  {
    name: 'installed',
    shows:
      'installed from that image in each way, the operator is killed, upgraded, rolled back, uninstalled and reinstalled without losing a VM',
    command: ['node', 'hack/verify/installed.ts'],
  },
];
