/** A repository as it was looked at. */
export interface Repository {
  readonly name: string;
  readonly commit: string;
  /** Of that commit. */
  readonly date: string;
}

/** A project that others take for a model, and its repositories by the prefix that paths of theirs have here; most have none. */
export interface Anchor {
  readonly title: string;
  readonly repositories: Readonly<Record<string, Repository>>;
}

const argo: Repository = {
  name: 'argoproj/argo-cd',
  commit: '37ee0097cf851bc2dd7665fc081bbce61a7e836e',
  date: '2026-08-22',
};

/** In the order of the columns. To compare anew: take newer commits, and look for each row again. */
export const anchors: readonly Anchor[] = [
  {
    title: 'cert-manager',
    repositories: {
      '': {
        name: 'cert-manager/cert-manager',
        commit: '2d0d7f7f74241a9cbf79f0e2a7bb247238ee09fd',
        date: '2026-08-22',
      },
      website: {
        name: 'cert-manager/website',
        commit: '776e5dba56510fc9de84206b806b568447077f25',
        date: '2026-08-22',
      },
      argo,
    },
  },
  {
    title: 'external-secrets',
    repositories: {
      '': {
        name: 'external-secrets/external-secrets',
        commit: 'cc5bfbc2234ace9cb0caff4ea89c435cf517b27b',
        date: '2026-08-08',
      },
      argo,
    },
  },
  {
    title: 'KEDA',
    repositories: {
      '': { name: 'kedacore/keda', commit: '8b4f083ca8c8c2baf8477e322bd4d16ac4dfa09a', date: '2026-08-20' },
      charts: { name: 'kedacore/charts', commit: '1444d00d90d7668cf7f53f270777d039371d90d0', date: '2026-08-13' },
      docs: { name: 'kedacore/keda-docs', commit: 'a55c5d345e2cbd9923ab4936f1cabc2a17e9abac', date: '2026-08-20' },
      governance: {
        name: 'kedacore/governance',
        commit: 'c5d7b7d1d235782e57f8373babb9bd8ce847c4c5',
        date: '2026-04-08',
      },
      argo,
    },
  },
  {
    title: 'Crossplane',
    repositories: {
      '': { name: 'crossplane/crossplane', commit: '2d040d2daf4e001799c4154a4a09b9e1f40d7fde', date: '2026-08-07' },
      docs: { name: 'crossplane/docs', commit: '56a4808efd1640ac39aa851c8adf17bacb6283c3', date: '2026-07-24' },
      argo,
    },
  },
  {
    title: 'Kyverno',
    repositories: {
      '': { name: 'kyverno/kyverno', commit: '111e07bbecc66abfde36ab99969af22d7a961003', date: '2026-08-21' },
      website: { name: 'kyverno/website', commit: '7c0814a5ca77662ea9aaa33c6ee7434865409c07', date: '2026-08-07' },
      argo,
    },
  },
  {
    title: 'CloudNativePG',
    repositories: {
      '': {
        name: 'cloudnative-pg/cloudnative-pg',
        commit: 'a95a534dbe0854495b863bbc1b7651f74d310916',
        date: '2026-08-21',
      },
      charts: { name: 'cloudnative-pg/charts', commit: 'b21ad2dac7992215b8572007adb7448e3c8cc5db', date: '2026-07-20' },
      dashboards: {
        name: 'cloudnative-pg/grafana-dashboards',
        commit: 'e74d67fa33e498d317d8e7e108e36edbc00e68a7',
        date: '2026-08-04',
      },
      governance: {
        name: 'cloudnative-pg/governance',
        commit: '6e3aa52be23fac3071f0d40dc40d7668ace4451f',
        date: '2026-05-27',
      },
      argo,
    },
  },
];
