import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { isIPv4 } from 'node:net';

/** PEM texts, as node:tls takes them. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** A certificate authority that no client trusts by default. */
export interface CertificateAuthority extends Certificate {
  /** A certificate for these host names, IPv4 addresses and `::1`. */
  issue(...hosts: readonly string[]): Certificate;
}

/** Node makes keys and signatures, but no certificates; these are as small as OpenSSL accepts. */
export function createCertificateAuthority(name: string): CertificateAuthority {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const own = { subject: name, issuer: name, publicKey: keys.publicKey, signedBy: keys.privateKey };
  return {
    cert: certify({ ...own, extensions: [extension('551d13', sequence(tlv(0x01, 'ff')))] }),
    key: pem(keys.privateKey),
    issue: (...hosts) => {
      const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const names = hosts.map((host) => {
        if (host === '::1') return tlv(0x87, `${'00'.repeat(15)}01`);
        return isIPv4(host) ? tlv(0x87, Buffer.from(host.split('.').map(Number))) : tlv(0x82, Buffer.from(host));
      });
      const { publicKey } = pair;
      const extensions = [extension('551d11', sequence(...names))];
      return {
        cert: certify({ ...own, subject: hosts[0] ?? '', publicKey, extensions }),
        key: pem(pair.privateKey),
      };
    },
  };
}

interface Contents {
  readonly subject: string;
  readonly issuer: string;
  readonly publicKey: KeyObject;
  readonly signedBy: KeyObject;
  readonly extensions: readonly Buffer[];
}

// DER, as RFC 5280 has it.

function certify({ subject, issuer, publicKey, signedBy, extensions }: Contents): string {
  const key = publicKey.export({ type: 'spki', format: 'der' });
  const ecdsaWithSha256 = sequence(tlv(0x06, '2a8648ce3d040302'));
  const serial = createHash('sha256').update(key).digest().subarray(0, 8);
  const body = sequence(
    tlv(0xa0, tlv(0x02, '02')),
    tlv(0x02, Buffer.concat([Buffer.of(1), serial])),
    ecdsaWithSha256,
    nameOf(issuer),
    sequence(tlv(0x17, Buffer.from('200101000000Z')), tlv(0x17, Buffer.from('491231235959Z'))),
    nameOf(subject),
    key,
    tlv(0xa3, sequence(...extensions)),
  );
  const signature = Buffer.concat([Buffer.of(0), sign('sha256', body, signedBy)]);
  const der = sequence(body, ecdsaWithSha256, tlv(0x03, signature));
  return `-----BEGIN CERTIFICATE-----\n${der.toString('base64').replaceAll(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
}

function nameOf(commonName: string): Buffer {
  return sequence(tlv(0x31, sequence(tlv(0x06, '550403'), tlv(0x0c, Buffer.from(commonName)))));
}

function extension(id: string, value: Buffer): Buffer {
  return sequence(tlv(0x06, id), tlv(0x04, value));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tlv(0x30, Buffer.concat(parts));
}

/** Tag, length and value; a value in text is hexadecimal. */
function tlv(tag: number, value: Buffer | string): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'hex') : value;
  const { length } = bytes;
  const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...head), bytes]);
}

function pem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}
