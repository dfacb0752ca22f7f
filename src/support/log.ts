import { threadId } from 'node:worker_threads'
import { type LogComponent, type LogLevel, logComponents, logLevels } from './log-level.js'
import { compileLogFormat, type LogRecord } from './log-format.js'

export { defaultLogFormat } from './log-format.js'
export {
  isLogComponent,
  type LogComponent,
  type LogLevel,
  logComponents,
  logLevels,
  parseLogLevel,
} from './log-level.js'

/** The application log of one component: `log.component('config').warning('…')`. */
export interface Logger {
  trace(message: string): void
  debug(message: string): void
  info(message: string): void
  warning(message: string): void
  error(message: string): void
  critical(message: string): void
  /** Ask before building an expensive message. */
  isOn(level: LogLevel): boolean
}

export interface LogOptions {
  readonly level: LogLevel
  readonly componentLevels?: ReadonlyMap<LogComponent, LogLevel>
  /** spdlog's pattern; see log-format.ts. */
  readonly format: string
  /** --log-format-escaped: control characters of the message are escaped. */
  readonly isEscaped?: boolean
  /** Takes one whole line with its end. */
  readonly write: (line: string) => void
  readonly now?: () => Date
}

/** The application log of a thread. Levels can be changed while it runs (`/logging`). */
export class Log {
  readonly #levels = new Map<LogComponent, number>()
  readonly #print: (record: LogRecord) => string
  readonly #needsCaller: boolean
  readonly #write: (line: string) => void
  readonly #now: () => Date
  readonly #thread = threadId === 0 ? process.pid : threadId

  constructor(options: LogOptions) {
    const format = compileLogFormat(options.format, options.isEscaped === true)
    this.#print = format.print
    this.#needsCaller = format.needsCaller
    this.#write = options.write
    this.#now = options.now ?? (() => new Date())
    this.setLevel(options.level)
    for (const [component, level] of options.componentLevels ?? []) this.setLevel(level, component)
  }

  /** Of one component, or of all. */
  setLevel(level: LogLevel, component?: LogComponent): void {
    for (const name of component ? [component] : logComponents) this.#levels.set(name, logLevels.indexOf(level))
  }

  levelOf(component: LogComponent): LogLevel {
    return logLevels[this.#levels.get(component) ?? 0] as LogLevel
  }

  component(name: LogComponent): Logger {
    const at = (level: LogLevel) => (message: string) => this.#log(name, level, message)
    return {
      trace: at('trace'),
      debug: at('debug'),
      info: at('info'),
      warning: at('warning'),
      error: at('error'),
      critical: at('critical'),
      isOn: level => logLevels.indexOf(level) >= (this.#levels.get(name) ?? 0),
    }
  }

  #log(component: LogComponent, level: LogLevel, message: string): void {
    if (logLevels.indexOf(level) < (this.#levels.get(component) ?? 0)) return
    const caller = this.#needsCaller ? callerOf(this.#log) : undefined
    this.#write(`${this.#print({ time: this.#now(), thread: this.#thread, level, component, message, ...caller })}\n`)
  }
}

// The frame above Logger.info: two up from #log, which is left out together with what it calls.
function callerOf(below: (...args: never[]) => unknown): { file: string; line: number; call: string } | undefined {
  const holder: { stack?: string } = {}
  const before = Error.stackTraceLimit
  Error.stackTraceLimit = 3
  Error.captureStackTrace(holder, below)
  Error.stackTraceLimit = before
  const frame = holder.stack?.split('\n')[2] ?? ''
  const match = /at (?:(?:async )?(\S+).* \()?(?:file:\/\/)?(.*?):(\d+):\d+\)?$/.exec(frame)
  if (!match) return undefined
  const [, call = '', file = '', line = '0'] = match
  return { call, file: file.replace(/^.*\/(?:dist|src)\//, 'src/'), line: Number(line) }
}
