import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder for one test, with a `bin` for stand-ins of programs; gone at the end. */
export class Scratch implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'vps247-setup-test-'));

  constructor() {
    mkdirSync(this.at('bin'));
  }

  at(...names: readonly string[]): string {
    return join(this.path, ...names);
  }

  /** Puts a shell script where the PATH of `env` finds it first. In it, $SCRATCH is this folder. */
  program(name: string, script: string): void {
    writeFileSync(this.at('bin', name), `#!/bin/sh\nSCRATCH='${this.path}'\n${script}\n`);
    chmodSync(this.at('bin', name), 0o755);
  }

  /** The fake programs, the system's tools, and a separate cache. */
  get env(): Record<string, string> {
    return { PATH: `${this.at('bin')}:/usr/bin:/bin`, HOME: this.path, XDG_CACHE_HOME: this.at('cache') };
  }

  /** The lines of a file that the fake programs write; none if the file is missing. */
  lines(name: string): string[] {
    const file = this.at(name);
    return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];
  }

  write(name: string, text = ''): void {
    writeFileSync(this.at(name), text);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
