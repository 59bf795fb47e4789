/**
 * A row: the convention, ours, and each anchor's in the order of `anchors`. A cell is `yes` or `partly`, then the paths of the files that show it, with commas
 * between, then, after a semicolon, a remark; or `no`, with or without a remark. An anchor's path may begin with the prefix of a repository and a colon.
 */
export type Row = readonly [
  convention: string,
  ours: string,
  certManager: string,
  externalSecrets: string,
  keda: string,
  crossplane: string,
  kyverno: string,
  cloudNativePg: string,
];

export interface Theme {
  readonly title: string;
  readonly rows: readonly Row[];
}
