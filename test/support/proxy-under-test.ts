// One process of the proxy under test: started with a config text, asked by its admin port, stopped.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import os from 'node:os'
import path from 'node:path'
import { target } from './target.js'
import { Changing, poll } from './wait.js'

export interface ProxyOptions {
  readonly config: string
  /** Extension of the config file. */
  readonly format?: 'yaml' | 'json'
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Workers; 1 by default. */
  readonly concurrency?: number
  /** False when the config has no admin, or the process is expected to end by itself. */
  readonly waitUntilLive?: boolean
  /** A folder the caller made (and removes); otherwise one is made and removed. */
  readonly folder?: string
  /** A config file that is there already, instead of `config`. */
  readonly configPath?: string
}

export interface AdminAnswer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly rawHeaders: readonly string[]
  readonly body: string
}

/** What a start needs at most, in milliseconds: a busy machine is slow. */
const START_MS = 15_000

export class ProxyUnderTest extends Changing {
  readonly folder: string
  readonly configPath: string
  readonly #process: ChildProcess
  readonly #ownsFolder: boolean
  readonly #ports = new Map<string, string>()
  #admin = ''
  stderr = ''
  stdout = ''
  /** Exit code, or the signal's name; undefined while it runs. */
  exit: number | string | undefined

  private constructor(options: ProxyOptions) {
    super()
    this.#ownsFolder = options.folder === undefined
    this.folder = options.folder ?? makeFolder()
    mkdirSync(this.folder, { recursive: true })
    this.configPath = options.configPath ?? path.join(this.folder, `proxy.${options.format ?? 'yaml'}`)
    if (options.configPath === undefined) writeFileSync(this.configPath, options.config)
    rmSync(path.join(this.folder, 'admin-address'), { force: true }) // of an earlier process in the same folder
    const [program = '', ...first] = target.command
    const args = [
      ...first,
      '-c',
      this.configPath,
      '--concurrency',
      String(options.concurrency ?? 1),
      '--disable-hot-restart',
      '--admin-address-path',
      path.join(this.folder, 'admin-address'),
      '--file-flush-interval-msec',
      '5',
      ...(options.args ?? []),
    ]
    this.#process = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...options.env } })
    this.#process.stderr?.on('data', text => {
      this.stderr += text
      this.changed()
    })
    this.#process.stdout?.on('data', text => {
      this.stdout += text
      this.changed()
    })
    this.#process.on('close', (code, signal) => {
      this.exit = code ?? signal ?? -1
      this.changed()
    })
    this.#process.on('error', error => {
      this.stderr += String(error)
      this.exit = -1
      this.changed()
    })
  }

  static async start(options: ProxyOptions): Promise<ProxyUnderTest> {
    const proxy = new ProxyUnderTest(options)
    if (options.waitUntilLive === false) return proxy
    try {
      await proxy.#becomeLive()
    } catch (error) {
      await proxy.stop()
      throw error
    }
    return proxy
  }

  get alive(): boolean {
    return this.exit === undefined
  }

  /** What it wrote to stderr, without the chatter of info lines. */
  complaints(): string {
    const lines = this.stderr.split('\n').filter(line => !/\]\[(?:info|debug|trace)\]/.test(line))
    return lines.join('\n').slice(-3000)
  }

  get pid(): number {
    return this.#process.pid ?? -1
  }

  get adminAddress(): string {
    return this.#admin
  }

  /** `ip:port` of a listener by name, as the proxy itself says. */
  address(listener: string): string {
    const found = this.#ports.get(listener)
    if (found === undefined) throw new Error(`no listener ${listener}; there are ${[...this.#ports.keys()].join(', ')}`)
    return found
  }

  port(listener: string): number {
    return Number(this.address(listener).split(':').at(-1))
  }

  get listeners(): ReadonlyMap<string, string> {
    return this.#ports
  }

  admin(pathAndQuery: string, method = 'GET'): Promise<AdminAnswer> {
    const [host = '', port = ''] = splitAddress(this.#admin)
    return new Promise((resolve, reject) => {
      const request = http.request({ host, port: Number(port), path: pathAndQuery, method, agent: false }, response => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            rawHeaders: response.rawHeaders,
            body: Buffer.concat(chunks).toString('latin1'),
          }),
        )
      })
      request.on('error', reject)
      request.end()
    })
  }

  /** Counters and gauges by name; histograms are left out. */
  async stats(): Promise<Map<string, number>> {
    const { body } = await this.admin('/stats')
    const found = new Map<string, number>()
    for (const line of body.split('\n')) {
      const match = /^(.*): (\d+)$/.exec(line)
      if (match?.[1] !== undefined) found.set(match[1], Number(match[2]))
    }
    return found
  }

  signal(name: NodeJS.Signals): void {
    this.#process.kill(name)
  }

  /** Waits for the process to end by itself. */
  ended(): Promise<number | string> {
    return this.waitFor(
      'the proxy to exit',
      () => this.exit,
      () => this.stderr,
      START_MS,
    )
  }

  async stop(): Promise<void> {
    if (this.alive) {
      this.#process.kill('SIGTERM')
      const timer = setTimeout(() => this.#process.kill('SIGKILL'), 3000)
      await this.ended()
      clearTimeout(timer)
    }
    if (this.#ownsFolder) rmSync(this.folder, { recursive: true, force: true })
  }

  /** Resolves when it answers its admin pages, which it does before it is live. */
  async becomeReachable(): Promise<void> {
    const file = path.join(this.folder, 'admin-address')
    const told = await poll('the admin address', () => this.#orDead(readIfThere(file) || undefined), START_MS)
    this.#admin = told
    await poll('the admin pages', () => this.admin('/ready').catch(() => this.#orDead(undefined)), START_MS)
  }

  async #becomeLive(): Promise<void> {
    await this.becomeReachable()
    await poll(
      '/ready',
      async () => {
        const answer = await this.admin('/ready').catch(() => undefined)
        return this.#orDead(answer?.status === 200 ? true : undefined)
      },
      START_MS,
    )
    const { body } = await this.admin('/listeners')
    for (const line of body.split('\n')) {
      const at = line.indexOf('::')
      // The first line of a name is its main address; more lines are additional ones.
      if (at > 0 && !this.#ports.has(line.slice(0, at))) this.#ports.set(line.slice(0, at), line.slice(at + 2))
    }
  }

  #orDead<T>(value: T | undefined): T | undefined {
    if (value === undefined && !this.alive) throw new Error(`the proxy ended with ${this.exit}:\n${this.complaints()}`)
    return value
  }
}

export function makeFolder(): string {
  return mkdtempSync(path.join(os.tmpdir(), 'nuncio-test-'))
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    return ''
  }
}

function splitAddress(address: string): [string, string] {
  const colon = address.lastIndexOf(':')
  return [address.slice(0, colon).replace(/[[\]]/g, ''), address.slice(colon + 1)]
}
