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

/** A place in one compilation. */
export class ConfigPlace implements Place {
  readonly path: string
  readonly #issues: Issues

  constructor(issues: Issues, path: string) {
    this.#issues = issues
    this.path = path
  }

  field(name: string): Place {
    return new ConfigPlace(this.#issues, this.path === '' ? name : `${this.path}.${name}`)
  }

  item(index: number | string): Place {
    if (typeof index === 'string' && /^[A-Za-z_@][\w@-]*$/.test(index)) return this.field(index)
    return new ConfigPlace(this.#issues, `${this.path}[${typeof index === 'number' ? index : JSON.stringify(index)}]`)
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
