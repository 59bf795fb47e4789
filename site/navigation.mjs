/** What the site's navigation shows, in order. `npm run verify` fails if a page of docs/ is in none of it. Links are file names without `.md`. */
export const navigation = [
  {
    text: 'Begin',
    items: [
      { text: 'Overview', link: '/' },
      { text: 'Install', link: '/installation' },
      { text: 'A first machine', link: '/first-machine' },
      { text: 'Regions, packages and templates', link: '/catalogue' },
      { text: 'Local development', link: '/local-development' },
      { text: 'Concepts', link: '/concepts' },
    ],
  },
  {
    text: 'Run it',
    items: [
      { text: 'Configuration', link: '/configuration' },
      { text: 'Multi-tenancy', link: '/multi-tenancy' },
      { text: 'Replicas and shards', link: '/scaling' },
      { text: 'GitOps', link: '/gitops' },
      { text: 'Monitoring', link: '/monitoring' },
      { text: 'Metrics', link: '/metrics' },
      { text: 'Traces', link: '/tracing' },
      { text: 'Upgrade', link: '/upgrade' },
      { text: 'Uninstall', link: '/uninstall' },
    ],
  },
  {
    text: 'Mend it',
    items: [
      { text: 'Troubleshooting', link: '/troubleshooting' },
      { text: 'Conditions', link: '/conditions' },
      { text: 'Runbooks', link: '/runbooks' },
      { text: 'Disaster recovery', link: '/disaster-recovery' },
      { text: 'Questions', link: '/faq' },
    ],
  },
  {
    text: 'Look it up',
    items: [
      { text: 'The custom resource', link: '/api' },
      { text: 'How the API changes', link: '/api-policy' },
      { text: 'GitOps: each reason', link: '/gitops-health' },
      { text: 'Guarantees', link: '/guarantees' },
      { text: 'Security', link: '/security' },
      { text: 'Performance', link: '/performance' },
      { text: 'Compared with others', link: '/comparison' },
      { text: 'Architecture', link: '/architecture' },
      { text: 'Decisions', link: '/adr/' },
    ],
  },
];
