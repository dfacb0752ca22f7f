import type { DescMessage, fromJson, JsonValue } from '@bufbuild/protobuf'
import { type ConfigSchema, isStandardSchema, type StandardIssue } from '../api/schema.js'
import { err, ok, type Result } from '../support/result.js'

/** What is wrong with the settings of a filter. */
export interface ConfigIssue {
  /** Inside the settings: ['keys', 2, 'name']. */
  readonly path: readonly (string | number)[]
  readonly message: string
}

/** Settings as JSON in, what the schema makes of them out. */
export type ConfigReader = (json: unknown) => Result<unknown, readonly ConfigIssue[]>

/** How a filter's schema reads its settings. `decode`: protobuf-es' fromJson, for schemas that are messages. */
export function configReader(schema: ConfigSchema, decode: typeof fromJson): ConfigReader {
  return isStandardSchema(schema) ? json => validated(schema, json) : json => decoded(schema, json, decode)
}

/** The same; the library is loaded on first use, because most workers need none of it. */
export async function lazyConfigReader(schema: ConfigSchema): Promise<ConfigReader> {
  if (isStandardSchema(schema)) return json => validated(schema, json)
  const { fromJson: decode } = await import('@bufbuild/protobuf')
  return json => decoded(schema, json, decode)
}

function validated(schema: Exclude<ConfigSchema, DescMessage>, json: unknown): ReturnType<ConfigReader> {
  const result = schema['~standard'].validate(json)
  if (result instanceof Promise)
    return err([{ path: [], message: 'the schema validates asynchronously, which no filter can wait for' }])
  return result.issues === undefined ? ok(result.value) : err(result.issues.map(issueOf))
}

function decoded(schema: DescMessage, json: unknown, decode: typeof fromJson): ReturnType<ConfigReader> {
  try {
    return ok(decode(schema, json as JsonValue))
  } catch (error) {
    return err([{ path: [], message: (error as Error).message }])
  }
}

function issueOf({ path = [], message }: StandardIssue): ConfigIssue {
  const steps = path.map(step => (typeof step === 'object' ? step.key : step))
  return { path: steps.map(step => (typeof step === 'number' ? step : String(step))), message }
}

/** "config.keys[2].name: too short" */
export function issueText({ path, message }: ConfigIssue): string {
  const steps = path.map(step => (typeof step === 'number' ? `[${step}]` : `.${step}`))
  return `config${steps.join('')}: ${message}`
}
