/** The flags of each program of the control plane, and their reasons. */
import { join } from 'node:path';
import type { Credentials } from './access.ts';
import type { Command } from './service.ts';

/** The folders and ports of one control plane, all on 127.0.0.1. */
export interface Layout {
  readonly folder: string;
  readonly logDir: string;
  /** Whether the API server writes an audit log of requests by service accounts. */
  readonly isAudited: boolean;
  readonly credentials: Credentials;
  readonly ports: {
    readonly etcd: number;
    readonly etcdPeer: number;
    readonly apiServer: number;
    readonly controllerManager: number;
  };
}

/**
 * The audit policy: only who requested what, for service accounts except those of Kubernetes' own controllers. A watch
 * counts when it starts, because it may end with the server.
 */
export const auditPolicy = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [
    { level: 'None', userGroups: ['system:serviceaccounts:kube-system'] },
    { level: 'Metadata', userGroups: ['system:serviceaccounts'] },
    { level: 'None' },
  ],
};

export function auditPolicyFileOf({ folder }: Layout): string {
  return join(folder, 'audit-policy.json');
}

/** The data folder of etcd. */
export function dataDirOf({ folder }: Pick<Layout, 'folder'>): string {
  return join(folder, 'etcd');
}

/** The --cert-dir in which a program stores its self-signed certificate. */
export function certDirOf({ folder }: Layout, name: 'kube-apiserver' | 'kube-controller-manager'): string {
  return join(folder, `${name}-certificates`);
}

export function etcdCommand(program: string, { folder, logDir, ports }: Layout): Command {
  const peerUrl = `http://127.0.0.1:${ports.etcdPeer}`;
  const url = `http://127.0.0.1:${ports.etcd}`;
  return {
    name: 'etcd',
    program,
    logFile: join(logDir, 'etcd.log'),
    args: [
      `--data-dir=${dataDirOf({ folder })}`,
      `--listen-client-urls=${url}`,
      `--advertise-client-urls=${url}`,
      // It has no peers, but always listens for them.
      `--listen-peer-urls=${peerUrl}`,
      `--initial-advertise-peer-urls=${peerUrl}`,
      `--initial-cluster=default=${peerUrl}`,
      // The data need not survive a power cut; without waiting for the disk, everything is several times faster.
      '--unsafe-no-fsync',
    ],
  };
}

export function apiServerCommand(program: string, layout: Layout): Command {
  const { logDir, isAudited, ports, credentials } = layout;
  const audit = [`--audit-policy-file=${auditPolicyFileOf(layout)}`, `--audit-log-path=${join(logDir, 'audit.log')}`];
  return {
    name: 'kube-apiserver',
    program,
    logFile: join(logDir, 'kube-apiserver.log'),
    args: [
      `--etcd-servers=http://127.0.0.1:${ports.etcd}`,
      '--bind-address=127.0.0.1',
      `--secure-port=${ports.apiServer}`,
      `--cert-dir=${certDirOf(layout, 'kube-apiserver')}`,
      '--authorization-mode=RBAC',
      '--anonymous-auth=false',
      `--token-auth-file=${credentials.tokenFile}`,
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-signing-key-file=${credentials.signingKeyFile}`,
      `--service-account-key-file=${credentials.verificationKeyFile}`,
      '--service-cluster-ip-range=10.0.0.0/24',
      // It would publish its own address for Pods, and refuses to start with a loopback address.
      '--endpoint-reconciler-type=none',
      ...(isAudited ? audit : []),
    ],
  };
}

/** The controllers for owner references, namespaces, service accounts and rollouts; the cluster has no nodes. */
const controllers = [
  'garbage-collector-controller',
  'namespace-controller',
  'serviceaccount-controller',
  'root-ca-certificate-publisher-controller',
  // Without it, the roles view, edit and admin are empty.
  'clusterrole-aggregation-controller',
  'deployment-controller',
  'replicaset-controller',
];

export function controllerManagerCommand(program: string, kubeconfig: string, layout: Layout): Command {
  const { logDir, ports, credentials } = layout;
  return {
    name: 'kube-controller-manager',
    program,
    logFile: join(logDir, 'kube-controller-manager.log'),
    args: [
      `--kubeconfig=${kubeconfig}`,
      `--controllers=${controllers.join(',')}`,
      // Each controller has its own permissions, as in a real cluster.
      '--use-service-account-credentials',
      `--service-account-private-key-file=${credentials.signingKeyFile}`,
      // The only instance; leader election would take seconds.
      '--leader-elect=false',
      '--bind-address=127.0.0.1',
      `--secure-port=${ports.controllerManager}`,
      `--cert-dir=${certDirOf(layout, 'kube-controller-manager')}`,
    ],
  };
}
