import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { FilterKind } from '../support/filter-kind.js'
import { err, ok, type Result } from '../support/result.js'
import { templates } from './new-filter-templates.js'

/** The files of a new filter, and what to do with them. */
export interface NewFilter {
  readonly files: readonly string[]
  readonly next: readonly string[]
}

/**
 * `nuncio new filter NAME [--kind KIND]`: writes a filter, its test and a configuration that runs it, into `folder`. Nothing that is there is
 * written over.
 */
export function newFilter(name: string, folder: string, kind: FilterKind = 'http'): Result<NewFilter, string> {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name))
    return err(
      `'${name}' cannot be the name of a filter: write small letters, digits and single hyphens, as in rate-header`,
    )
  const { filter, test, config, tryIt } = templates[kind](name)
  const texts: Readonly<Record<string, string>> = {
    [`filters/${name}.ts`]: filter,
    [`filters/${name}.test.ts`]: test,
    [`${name}.yaml`]: config,
  }
  const there = Object.keys(texts).filter(file => existsSync(path.join(folder, file)))
  if (there.length > 0) return err(`${there.join(', ')} is there already; nothing was written`)
  mkdirSync(path.join(folder, 'filters'), { recursive: true })
  for (const [file, text] of Object.entries(texts)) writeFileSync(path.join(folder, file), text)
  return ok({
    files: Object.keys(texts),
    next: [
      `nuncio -c ${name}.yaml                      # runs it on 127.0.0.1:10000; edit the filter while it runs`,
      tryIt,
      `nuncio test filters/${name}.test.ts         # its test, without a socket`,
    ],
  })
}
