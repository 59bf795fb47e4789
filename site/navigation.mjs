/** The sidebar of the site, in order. `npm run verify -- site` fails if a page of docs/ or examples/ isn't in it. Links are file names without `.md`. */
export const navigation = [
  {
    text: 'Getting started',
    items: [
      { text: 'Overview', link: '/' },
      { text: 'Install', link: '/installation' },
      { text: 'Create your first VM', link: '/first-machine' },
      { text: 'Regions, packages and templates', link: '/catalogue' },
      { text: 'Concepts', link: '/concepts' },
      { text: 'FAQ', link: '/faq' },
    ],
  },
  {
    text: 'Manage VMs',
    items: [
      { text: 'All examples', link: '/examples/' },
      { text: 'Create a VM from files', link: '/examples/first-machine' },
      { text: 'Adopt existing VMs', link: '/examples/adoption' },
      { text: 'Preview changes', link: '/examples/plan' },
      { text: 'Protect and keep VMs', link: '/examples/keep' },
      { text: 'Several accounts', link: '/examples/accounts' },
      { text: 'A namespace for a team', link: '/examples/team' },
      { text: 'GitOps', link: '/gitops' },
      { text: 'GitOps example', link: '/examples/gitops' },
    ],
  },
  {
    text: 'Operate',
    items: [
      { text: 'Multi-tenancy', link: '/multi-tenancy' },
      { text: 'Scaling', link: '/scaling' },
      { text: 'Monitoring', link: '/monitoring' },
      { text: 'Runbooks', link: '/runbooks' },
      { text: 'Tracing', link: '/tracing' },
      { text: 'Disaster recovery', link: '/disaster-recovery' },
      { text: 'Upgrade', link: '/upgrade' },
      { text: 'Uninstall', link: '/uninstall' },
    ],
  },
  {
    text: 'Reference',
    items: [
      { text: 'API', link: '/api' },
      { text: 'Annotations', link: '/api#annotations' },
      { text: 'Conditions', link: '/conditions' },
      { text: 'Troubleshooting', link: '/troubleshooting' },
      { text: 'Flags and settings', link: '/configuration' },
      { text: 'Metrics', link: '/metrics' },
      { text: 'Health in Argo CD and Flux', link: '/gitops-health' },
    ],
  },
  {
    text: 'Project',
    items: [
      { text: 'Guarantees', link: '/guarantees' },
      { text: 'Security', link: '/security' },
      { text: 'Performance', link: '/performance' },
      { text: 'API compatibility policy', link: '/api-policy' },
      { text: 'Comparison', link: '/comparison' },
      { text: 'Run the operator locally', link: '/local-development' },
      { text: 'Architecture', link: '/architecture' },
      { text: 'Architecture decisions', link: '/adr/' },
    ],
  },
];
