/** Users of the API server, and the files with their credentials. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The contents of a kubeconfig: the API server's address, its CA, and the user. */
export interface Access {
  readonly server: string;
  /** Certificates in PEM. */
  readonly caData: string;
  readonly token: string;
}

/** Users with their tokens, and the keys with which the API server signs service account tokens. */
export interface Credentials {
  readonly adminToken: string;
  readonly controllerManagerToken: string;
  /** For --token-auth-file. */
  readonly tokenFile: string;
  readonly signingKeyFile: string;
  readonly verificationKeyFile: string;
}

/** Generates new ones, in `folder`. */
export function makeCredentials(folder: string): Credentials {
  const credentials = {
    adminToken: randomBytes(32).toString('hex'),
    controllerManagerToken: randomBytes(32).toString('hex'),
    tokenFile: join(folder, 'tokens.csv'),
    signingKeyFile: join(folder, 'service-account.key'),
    verificationKeyFile: join(folder, 'service-account.pub'),
  };
  const tokens = [
    // The group with all permissions; the API server itself grants the other user the permissions of a controller
    // manager.
    `${credentials.adminToken},admin,admin,system:masters`,
    `${credentials.controllerManagerToken},system:kube-controller-manager,controller-manager`,
  ];
  const { privateKey, publicKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'sec1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  writeFileSync(credentials.tokenFile, `${tokens.join('\n')}\n`, { mode: 0o600 });
  writeFileSync(credentials.signingKeyFile, privateKey, { mode: 0o600 });
  writeFileSync(credentials.verificationKeyFile, publicKey);
  return credentials;
}

/** The certificate that a Kubernetes program signed in its --cert-dir, including its CA; undefined until it exists. */
export function readCertificate(certDir: string): string | undefined {
  try {
    const file = readdirSync(certDir).find((name) => name.endsWith('.crt'));
    return file === undefined ? undefined : readFileSync(join(certDir, file), 'utf8');
  } catch {
    return undefined;
  }
}

/** A kubeconfig with one cluster and one user: JSON, which is valid YAML. */
export function kubeconfigOf({ server, caData, token }: Access): string {
  const name = 'vps247';
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server, 'certificate-authority-data': Buffer.from(caData).toString('base64') } }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}
