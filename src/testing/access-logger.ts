import {
  type AccessLoggerDefinition,
  type AccessLoggerModule,
  type LogFields,
  type LogValue,
  standardFields,
} from '../api/access-logger.js'
import type { ConfigSchema } from '../api/schema.js'
import { ScriptAccessLogger } from '../worker/access-logger-program.js'
import { readSettings, Surroundings, type UnderTest } from './harness.js'

export interface AccessLoggerUnderTest<Name extends string = string> extends UnderTest {
  /** The members of its entries, and the formats that fill them. */
  readonly fields: Readonly<Record<string, string>>
  /** Gives it entries, in one row; members that are left out are null, as where an operator finds nothing. */
  write(...entries: readonly { readonly [Member in Name]?: LogValue }[]): void
}

/**
 * Runs an access logger without a proxy, by the same code that runs it in a worker. Throws what `create` and `fields` throw, and a
 * TypeError for settings that the schema refuses.
 *
 *   const logger = testAccessLogger(slowRequests, { overMs: 100 })
 *   logger.write({ path: '/a', tookMs: 120 })
 *   assert.deepEqual(logger.log, ['warning: /a took 120 ms'])
 */
export function testAccessLogger<Config extends ConfigSchema, Fields extends LogFields = typeof standardFields>(
  definition: AccessLoggerDefinition<Config, Fields>,
  config: unknown = {},
): AccessLoggerUnderTest<Extract<keyof Fields, string>> {
  return new Harness(definition as unknown as AccessLoggerModule, config)
}

class Harness extends Surroundings implements AccessLoggerUnderTest {
  readonly fields: Readonly<Record<string, string>>
  readonly #logger: ScriptAccessLogger

  constructor(definition: AccessLoggerModule, json: unknown) {
    super(definition.name)
    const config = readSettings(definition.config, json)
    const { fields = standardFields } = definition as { readonly fields?: LogFields | ((config: unknown) => LogFields) }
    this.fields = typeof fields === 'function' ? fields(config) : fields
    this.#logger = new ScriptAccessLogger({ definition, config, context: this.context, failed: this.failed })
  }

  write(...entries: readonly Readonly<Record<string, LogValue>>[]): void {
    const empty = Object.fromEntries(Object.keys(this.fields).map(name => [name, null]))
    const lines = entries.map(entry => `${JSON.stringify({ ...empty, ...entry })}\n`)
    this.#logger.run(new TextEncoder().encode(lines.join('')), 0)
  }
}
