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
