import { request as httpRequest } from 'node:http'
import { parseCommandLine } from '../command-line.js'
import type { LogLevel } from '../support/log.js'
import { Server } from './server.js'

/** An Envoy bootstrap: its YAML or JSON text, or the same as an object (field names as in the .proto files, or in camelCase). */
export type ProxyConfig = string | Readonly<Record<string, unknown>>

export interface ProxyOptions {
  readonly config: ProxyConfig
  /** Worker threads; 1 by default. */
  readonly concurrency?: number
  /** "warning" by default. Lines go to stderr. */
  readonly logLevel?: LogLevel
  /** More arguments, as on the command line. */
  readonly args?: readonly string[]
}

export interface InjectedRequest {
  /** Name of the listener; needed when there are several. */
  readonly listener?: string
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: string | Uint8Array
}

export interface InjectedResponse {
  readonly status: number
  /** Names in lower case; values of one name joined with ", ". */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly bytes: Buffer
}

/** A whole proxy inside this process. */
export interface Proxy {
  /** Where each listener listens: name → "127.0.0.1:40123". */
  readonly listeners: ReadonlyMap<string, string>
  /** Sends a request over loopback to a listener, through all that the configuration says, and gathers the answer. */
  inject(request?: InjectedRequest): Promise<InjectedResponse>
  /** Puts another configuration in place. Throws a ConfigurationError, and changes nothing, when it is refused. */
  update(config: ProxyConfig): Promise<void>
  /** Counters and gauges by name, those of whose names `filter` is a part. */
  stats(filter?: string): ReadonlyMap<string, number>
  stop(): Promise<void>
}

/** Why a configuration was refused: one line each, with file, line and path where there are some. */
export class ConfigurationError extends Error {
  readonly lines: readonly string[]

  constructor(lines: readonly string[]) {
    super(lines.join('\n'))
    this.name = 'ConfigurationError'
    this.lines = lines
  }
}

/**
 * Starts a proxy; it serves when the promise resolves. One in a process: the native workers are the process's. Listeners on port 0 get a port
 * of their own, see `listeners`. Relative paths start at the working directory.
 *
 *   const proxy = await createProxy({ config: readFileSync('envoy.yaml', 'utf8') })
 *   const { status } = await proxy.inject({ path: '/forbidden' })
 *   await proxy.stop()
 *
 * Throws a ConfigurationError when the configuration is refused.
 */
export async function createProxy({
  config,
  concurrency = 1,
  logLevel = 'warning',
  args = [],
}: ProxyOptions): Promise<Proxy> {
  const command = parseCommandLine([
    '--config-yaml',
    textOf(config),
    '--concurrency',
    String(concurrency),
    '--log-level',
    logLevel,
    ...args,
  ])
  if (!command.ok) throw new ConfigurationError([command.error.message])
  if (command.value.kind !== 'run') throw new ConfigurationError(['these arguments run no proxy'])
  const started = await Server.start(command.value.options)
  if (!started.ok) throw new ConfigurationError(started.error)
  return new RunningProxy(started.value)
}

class RunningProxy implements Proxy {
  readonly #server: Server

  constructor(server: Server) {
    this.#server = server
  }

  get listeners(): ReadonlyMap<string, string> {
    return this.#server.listeners()
  }

  async inject(request: InjectedRequest = {}): Promise<InjectedResponse> {
    const address = addressOf(this.listeners, request.listener)
    const colon = address.lastIndexOf(':')
    const { method = 'GET', path = '/', headers = {}, body } = request
    return new Promise((resolve, reject) => {
      const sent = httpRequest(
        {
          host: address.slice(0, colon).replace(/^\[|\]$/g, ''),
          port: Number(address.slice(colon + 1)),
          method,
          path,
          headers: headers as Record<string, string | string[]>,
          agent: false,
        },
        response => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('error', reject)
          response.on('end', () => {
            const bytes = Buffer.concat(chunks)
            const joined = Object.entries(response.headersDistinct).map(([name, values]) => [name, values?.join(', ')])
            resolve({
              status: response.statusCode ?? 0,
              headers: Object.fromEntries(joined) as Record<string, string>,
              body: bytes.toString('utf8'),
              bytes,
            })
          })
        },
      )
      sent.on('error', reject)
      sent.end(body)
    })
  }

  async update(config: ProxyConfig): Promise<void> {
    const errors = await this.#server.configure(textOf(config))
    if (errors.length > 0) throw new ConfigurationError(errors)
  }

  stats(filter = ''): ReadonlyMap<string, number> {
    return this.#server.statistics(filter)
  }

  stop(): Promise<void> {
    return this.#server.stop()
  }
}

function textOf(config: ProxyConfig): string {
  return typeof config === 'string' ? config : JSON.stringify(config)
}

function addressOf(listeners: ReadonlyMap<string, string>, name: string | undefined): string {
  const names = [...listeners.keys()]
  const wanted = name ?? (names.length === 1 ? names[0] : undefined)
  const address = wanted === undefined ? undefined : listeners.get(wanted)
  if (address === undefined)
    throw new Error(
      name === undefined
        ? `inject: say which listener: ${names.join(', ')}`
        : `inject: there is no listener '${name}'; there are ${names.join(', ')}`,
    )
  return address
}
