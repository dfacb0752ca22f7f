import { readFileSync } from 'node:fs'

export interface BuildInfo {
  readonly commit: string
  readonly version: string
  readonly isClean: boolean
  readonly type: string
}

/** What this installation was built from: dist/build-info.json, written by scripts/build.mjs, beside the version of package.json. */
export function buildInfo(): BuildInfo {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  try {
    const built = JSON.parse(readFileSync(new URL('../build-info.json', import.meta.url), 'utf8')) as {
      commit: string
      isClean: boolean
    }
    return { ...built, version, type: 'RELEASE' }
  } catch {
    return { commit: '0'.repeat(40), isClean: true, version, type: 'RELEASE' }
  }
}

/** What Envoy's own builds say of themselves, in the same words. */
export const userAgentMetadata = (commit: string): Readonly<Record<string, string>> => ({
  'build.type': 'RELEASE',
  'revision.sha': commit,
  'revision.status': 'Clean',
  'ssl.version': 'OpenSSL',
})
