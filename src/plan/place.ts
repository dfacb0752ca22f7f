import type { Place } from '../api/plan-context.js'
import type { ConfigError, ConfigErrorCode } from '../config/index.js'

/** Where the positions of errors come from: the SourceMap of a bootstrap, or nothing for resources that came as bytes. */
export interface ErrorSource {
  error(code: ConfigErrorCode, path: string, message: string, suggestion?: string): ConfigError
}

const bytesSource: ErrorSource = {
  error: (code, path, message, suggestion) => ({
    code,
    path,
    message,
    ...(suggestion !== undefined && { suggestion }),
  }),
}

/** Everything wrong or noteworthy that one compilation finds. */
export class Issues {
  readonly errors: ConfigError[] = []
  readonly warnings: ConfigError[] = []
  readonly #source: ErrorSource

  constructor(source: ErrorSource = bytesSource) {
    this.#source = source
  }

  error(code: ConfigErrorCode, path: string, message: string, suggestion?: string): void {
    this.errors.push(this.#source.error(code, path, message, suggestion))
  }

  warning(code: ConfigErrorCode, path: string, message: string): void {
    this.warnings.push(this.#source.error(code, path, message))
  }

  root(path = ''): Place {
    return new ConfigPlace(this, path)
  }
}

/** A place in one compilation. Its text is made when something is reported there, which is hardly ever. */
export class ConfigPlace implements Place {
  readonly #issues: Issues
  readonly #parent: ConfigPlace | undefined
  readonly #key: string | number

  constructor(issues: Issues, key: string | number, parent?: ConfigPlace) {
    this.#issues = issues
    this.#key = key
    this.#parent = parent
  }

  get path(): string {
    const parent = this.#parent?.path ?? ''
    if (typeof this.#key === 'number') return `${parent}[${this.#key}]`
    return parent === '' || this.#key.startsWith('[') ? `${parent}${this.#key}` : `${parent}.${this.#key}`
  }

  field(name: string): Place {
    return new ConfigPlace(this.#issues, name, this)
  }

  item(index: number | string): Place {
    const isPlain = typeof index === 'number' || /^[A-Za-z_@][\w@-]*$/.test(index)
    return new ConfigPlace(this.#issues, isPlain ? index : `[${JSON.stringify(index)}]`, this)
  }

  error(message: string, suggestion?: string): void {
    this.#issues.error('semantic', this.path, message, suggestion)
  }

  unsupported(what: string): void {
    this.#issues.error('unsupported', this.path, `not supported yet: ${what}`)
  }

  warning(message: string): void {
    this.#issues.warning('tuning', this.path, message)
  }
}
