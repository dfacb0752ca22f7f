import type { Place } from '../api/plan-context.js'
import type { DataSource } from '../generated/protos/envoy/config/core/v3/base_pb.js'
import type { Files } from '../support/files.js'

/** What DataSources are read from. */
export interface DataSourceDeps {
  readonly files: Files
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** Envoy's word for what has no path. */
export const inlineSource = '<inline>'

/** Where its contents come from, for messages: the path of a file, else "<inline>"; empty for none. */
export function sourceName(source: DataSource | undefined): string {
  const spec = source?.specifier
  if (spec?.case === 'filename') return spec.value
  return spec?.case === undefined ? '' : inlineSource
}

/** The contents, read now; undefined when there are none, after saying why. `called`: what the file is, "certificate chain file". */
export function readDataSource(
  source: DataSource | undefined,
  at: Place,
  { files, environment }: DataSourceDeps,
  called = 'file',
): Uint8Array | undefined {
  const spec = source?.specifier
  switch (spec?.case) {
    case 'inlineString':
      return Buffer.from(spec.value, 'utf8')
    case 'inlineBytes':
      return spec.value
    case 'filename': {
      const bytes = files.read(spec.value)
      if (!bytes) at.field('filename').error(`${called} ${spec.value} ${files.whyNot(spec.value)}`)
      return bytes
    }
    case 'environmentVariable': {
      const value = environment[spec.value]
      if (value === undefined)
        at.field('environment_variable').error(`Environment variable doesn't exist: ${spec.value}`)
      return value === undefined ? undefined : Buffer.from(value, 'utf8')
    }
    default:
      return undefined
  }
}
