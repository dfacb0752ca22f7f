// A scenario: a config, clients, fake upstreams, and a transcript of what each of them saw, compared with a literal.
// Scenarios of one feature share a proxy process. They run against the target of NUNCIO_TEST_TARGET.
import assert from 'node:assert/strict'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { TlsOptions } from 'node:tls'
import { dedent, showBody, showBytes } from './bytes.js'
import { bootstrap, fill, type Parts } from './config.js'
import { FakeUpstream, type Reply, type SeenRequest } from './fake-upstream.js'
import { normalise } from './normalise.js'
import { makeFolder, ProxyUnderTest } from './proxy-under-test.js'
import { type ClientTarget, type ClientTls, RawClient } from './raw-client.js'
import { record, recording, recordsFor, sourceOf, writeRecords } from './record.js'
import { target } from './target.js'
import { poll } from './wait.js'

export interface FeatureOptions extends Parts {
  /** import.meta.url of the test file. */
  readonly file: string
  /** Names of the fake upstreams; `${name}` in the config is the port. */
  readonly upstreams?: readonly string[]
  /** Upstreams that speak TLS, by name, and what they do in the handshake. */
  readonly tlsUpstreams?: Readonly<Record<string, TlsOptions>>
  /** A whole config text instead of parts. */
  readonly config?: string
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** More values for `${name}`, made before the proxy starts; `tmp` is the folder. */
  readonly values?: (tmp: string) => Promise<Readonly<Record<string, string | number>>>
  /** Undoes `values`. */
  readonly cleanUp?: () => Promise<void>
  /** No proxy is started: these scenarios start their own. */
  readonly withoutProxy?: boolean
  /** A fresh proxy for every scenario: for what changes the process for good. */
  readonly fresh?: boolean
}

export interface ScenarioOptions {
  /** Where Nuncio differs on purpose: why, and what is seen then. */
  readonly nuncio?: { readonly because: string; readonly instead: string }
  /** What was seen, as a transcript. */
  readonly sees: string
  /** Set where real Envoy has no such feature: why. */
  readonly onlyNuncio?: string
  /** Set where Nuncio refuses the configuration for now: what is still to come. The issue that brings it takes this away. */
  readonly notYet?: string
}

export interface ExchangeOptions extends ScenarioOptions {
  /** Listener; `main` by default. */
  readonly to?: string
  /** What the client sends: all at once, or piece after piece. */
  readonly send: string | readonly string[]
  /** Replies of the upstream to its next requests. */
  readonly reply?: Reply | readonly Reply[]
  /** Which upstream has the replies; `up` by default. */
  readonly upstream?: string
  /** Final responses to wait for; 1 by default, 0 with `until: 'close'`. */
  readonly responses?: number
  /** Wait for the end of the connection too. Done by itself after `connection: close`. */
  readonly until?: 'response' | 'close'
  /** Access log lines to wait for; as many as responses by default. */
  readonly log?: number
  /** Ends the client's sending side after the last piece. */
  readonly halfClose?: boolean
  readonly from?: string
  /** Names of counters and gauges whose change is shown. */
  readonly stats?: RegExp
}

/** The first IPv4 address of this machine that is not loopback; loopback when there is none. */
export const localAddress: string =
  Object.values(os.networkInterfaces())
    .flat()
    .find(address => address?.family === 'IPv4' && !address.internal)?.address ?? '127.0.0.1'

/** The next millisecond, once it has come: what began before it belongs to an earlier scenario. */
function nextMillisecond(): number {
  const next = Date.now() + 1
  while (Date.now() < next);
  return next
}

/** What a scenario's function works with. */
export class Scene {
  readonly #proxy: ProxyUnderTest | undefined
  readonly folder: string
  readonly #upstreams: ReadonlyMap<string, FakeUpstream>
  readonly #values: Map<string, string | number>
  readonly #lines: string[] = []
  readonly #clients: RawClient[] = []
  readonly #logsTaken = new Map<string, number>()
  readonly #requestIds = new Set<string>()
  readonly #begun = nextMillisecond()

  constructor(
    proxy: ProxyUnderTest | undefined,
    folder: string,
    upstreams: ReadonlyMap<string, FakeUpstream>,
    values: Map<string, string | number>,
  ) {
    this.#proxy = proxy
    this.folder = folder
    this.#upstreams = upstreams
    this.#values = values
  }

  get proxy(): ProxyUnderTest {
    return this.#proxy ?? assert.fail('this feature has no proxy')
  }

  upstream(name = 'up'): FakeUpstream {
    const found = this.#upstreams.get(name)
    if (found === undefined) throw new Error(`no upstream ${name}`)
    return found
  }

  value(name: string): string | number {
    return this.#values.get(name) ?? assert.fail(`no value ${name}`)
  }

  async connect(listener = 'main', from?: string): Promise<RawClient> {
    const port = this.proxy.port(listener)
    return this.connectTo(from === undefined ? { port } : { port, localAddress: from })
  }

  async connectTo(at: ClientTarget, tls?: ClientTls): Promise<RawClient> {
    const client = await (tls === undefined ? RawClient.connect(at) : RawClient.connectTls(at, tls))
    this.#clients.push(client)
    return client
  }

  /** Resolves when the handshake is done; rejects with the error's code when there will be none. */
  async connectTls(options: ClientTls = {}, listener = 'main'): Promise<RawClient> {
    const client = await RawClient.connectTls({ port: this.proxy.port(listener) }, options)
    this.#clients.push(client)
    return client
  }

  /** Adds a line to the transcript. */
  note(text: string): void {
    this.#lines.push(text)
  }

  sawRequest(request: SeenRequest, upstream = 'up'): void {
    const body = request.body.length === 0 ? '' : `\n${showBody(request.body)}`
    // What is left of a route's timeout at a retry is a matter of milliseconds.
    const id = request.headers.get('x-request-id') ?? ''
    const retried = id !== '' && this.#requestIds.has(id)
    this.#requestIds.add(id)
    const head = retried ? request.head.replace(/(expected-rq-timeout-ms: )\d+/, '$1REMAINING') : request.head
    this.note(`> ${upstream}\n${showBytes(`${head}\r\n`)}${body}`)
  }

  sawRequests(...names: string[]): void {
    for (const [name, upstream] of this.#upstreams) {
      if (names.length > 0 && !names.includes(name)) continue
      for (const request of upstream.requests) this.sawRequest(request, name)
    }
  }

  /** What the client received, and the state of its connection. */
  sawAll(client: RawClient, name = 'client'): void {
    const text =
      client.received.length > 20_000
        ? `${showBytes(client.received.subarray(0, 400))}… (${client.received.length} bytes)`
        : showBytes(client.received)
    this.note(`< ${name}\n${text}${text === '' || text.endsWith('\n') ? '' : '\n'}(${client.state})`)
  }

  /** Waits for `count` more lines in the log of a listener and adds them. */
  async sawLog(count = 1, listener = 'main'): Promise<void> {
    for (const line of await this.log(count, listener)) this.note(`log: ${line}`)
  }

  /** Lines that belong to streams begun in this scenario, and were not taken before. */
  async log(count = 1, listener = 'main'): Promise<string[]> {
    const file = path.join(this.folder, `${listener}.log`)
    const taken = this.#logsTaken.get(listener) ?? 0
    const lines = await poll(`${count} lines in the access log of ${listener}`, () => {
      const all = existsSync(file) ? readFileSync(file, 'latin1').split('\n').slice(0, -1) : []
      const own = all.filter(line => Number.parseInt(line, 10) >= this.#begun).slice(taken)
      return own.length >= count ? own : undefined
    })
    this.#logsTaken.set(listener, taken + lines.length)
    return lines.map(line => line.replace(/^\d+ /, ''))
  }

  /** Runs `act` and notes which counters and gauges matching `names` changed, and by how much. */
  async statsOf(names: RegExp, act: () => Promise<void>): Promise<void> {
    const old = await this.proxy.stats()
    await act()
    // Counters of a worker reach the admin with its next merge; the last ones of a request come right after its last byte.
    let last = ''
    const show = async (): Promise<string | undefined> => {
      const now = await this.proxy.stats()
      const changed = [...now].filter(([name, value]) => names.test(name) && value !== (old.get(name) ?? 0))
      const text = changed
        .map(
          ([name, value]) =>
            `stat: ${name} ${value - (old.get(name) ?? 0) > 0 ? '+' : ''}${value - (old.get(name) ?? 0)}`,
        )
        .join('\n')
      const settled = text === last && text !== ''
      last = text
      return settled ? text : undefined
    }
    this.note(await poll('counters to settle', show, 1500).catch(() => 'stat: none changed'))
  }

  /** Waits until a counter or gauge has a value. */
  async stat(name: string, value: number): Promise<void> {
    let seen: number | undefined
    await poll(`stat ${name} = ${value}`, async () => {
      seen = (await this.proxy.stats()).get(name)
      return seen === value ? true : undefined
    }).catch(error => assert.fail(`${String(error)}; it is ${seen}`))
  }

  transcript(): string {
    return normalise(this.#lines.join('\n'), this.#values).replace(/[ \t]+$/gm, '')
  }

  closeClients(): void {
    for (const client of this.#clients) client.destroy()
  }

  async exchange(options: Omit<ExchangeOptions, 'sees'>): Promise<void> {
    const listener = options.to ?? 'main'
    const upstream = this.upstreamIfAny(options.upstream)
    if (options.reply !== undefined) upstream?.script(...[options.reply].flat())
    const client = await this.connect(listener, options.from)
    const talk = async (): Promise<void> => {
      for (const piece of [options.send].flat()) await client.send(piece)
      if (options.halfClose === true) client.end()
      const wanted = options.responses ?? (options.until === 'close' ? 0 : 1)
      const last = wanted > 0 ? await client.response(wanted) : undefined
      if (options.until === 'close' || last?.endsAtClose === true || last?.headers.get('connection') === 'close')
        await client.closed()
    }
    let failure: unknown
    const act = async (): Promise<void> => talk().catch((error: unknown) => void (failure = error))
    if (options.stats === undefined) await act()
    else await this.statsOf(options.stats, act)
    this.sawRequests()
    this.sawAll(client)
    if (failure !== undefined)
      this.note(`but ${failure instanceof Error ? (failure.message.split(';')[0] ?? '') : String(failure)}`)
    const lines = options.log ?? options.responses ?? 1
    if (lines > 0)
      await this.sawLog(lines, listener).catch((error: unknown) =>
        this.note(`but ${error instanceof Error ? error.message : ''}`),
      )
  }

  private upstreamIfAny(name: string | undefined): FakeUpstream | undefined {
    return this.#upstreams.get(name ?? 'up')
  }
}

export interface Feature {
  scenario(name: string, options: ScenarioOptions, run: (scene: Scene) => Promise<void>): void
  /** The common case: one client, its bytes, and what came of them. */
  exchange(name: string, options: ExchangeOptions): void
}

/** Declares scenarios that share a config, and a proxy process. */
export function feature(name: string, options: FeatureOptions, declare: (feature: Feature) => void): void {
  describe(`${path.basename(sourceOf(options.file), '.test.ts')}: ${name}`, () => {
    const stage = new Stage(options)
    before(() => stage.set())
    after(async () => {
      await stage.clear()
      if (recording) writeRecords()
    })
    declare({
      scenario: (title, scenario, run) => stage.declare(title, scenario, run),
      exchange: (title, exchange) => stage.declare(title, exchange, scene => scene.exchange(exchange)),
    })
  })
}

// What the scenarios of one feature share: folder, upstreams, proxy.
class Stage {
  readonly #options: FeatureOptions
  readonly #upstreams = new Map<string, FakeUpstream>()
  readonly #values = new Map<string, string | number>()
  #folder = ''
  #proxy: ProxyUnderTest | undefined
  #failedStart: unknown

  constructor(options: FeatureOptions) {
    this.#options = options
  }

  async set(): Promise<void> {
    this.#folder = makeFolder()
    this.#values.set('tmp', this.#folder)
    for (const name of this.#options.upstreams ?? ['up']) {
      const upstream = await FakeUpstream.start(name)
      this.#upstreams.set(name, upstream)
      this.#values.set(name, upstream.port)
    }
    for (const [name, tls] of Object.entries(this.#options.tlsUpstreams ?? {})) {
      const upstream = await FakeUpstream.start(name, { tls })
      this.#upstreams.set(name, upstream)
      this.#values.set(name, upstream.port)
    }
    for (const [name, value] of Object.entries((await this.#options.values?.(this.#folder)) ?? {}))
      this.#values.set(name, value)
  }

  async clear(): Promise<void> {
    await this.#proxy?.stop()
    for (const upstream of this.#upstreams.values()) await upstream.stop()
    await this.#options.cleanUp?.()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  declare(title: string, scenario: ScenarioOptions, run: (scene: Scene) => Promise<void>): void {
    test(title, {
      skip: (target.name === 'envoy' ? scenario.onlyNuncio : scenario.notYet) ?? false,
      timeout: 60_000,
    }, async () => {
      const proxy = this.#options.withoutProxy === true ? undefined : await this.#running()
      for (const upstream of this.#upstreams.values()) upstream.forget()
      const scene = new Scene(proxy, this.#folder, this.#upstreams, this.#values)
      try {
        await run(scene)
      } finally {
        scene.closeClients()
        if (this.#options.fresh === true) await this.#drop()
      }
      const seen = scene.transcript()
      const differs = target.name === 'nuncio' ? scenario.nuncio : undefined
      // LOCAL is this machine's own address, which a proxy puts into x-forwarded-for in place of a loopback peer.
      const expected = dedent(differs?.instead ?? scenario.sees).replace(/\bLOCAL\b/g, localAddress)
      if (seen === expected) return
      if (recordsFor(scenario.onlyNuncio !== undefined))
        return record(
          this.#options.file,
          title,
          localAddress === '127.0.0.1' ? seen : seen.replaceAll(localAddress, 'LOCAL'),
        )
      const alive =
        proxy === undefined || proxy.alive || this.#options.fresh === true
          ? ''
          : `\nthe proxy ended with ${proxy.exit}:\n${proxy.stderr.slice(-4000)}`
      assert.fail(`the transcript differs${alive}\n--- seen\n${seen}\n--- expected\n${expected}`)
    })
  }

  async #running(): Promise<ProxyUnderTest> {
    if (this.#proxy?.alive === true) return this.#proxy
    if (this.#failedStart !== undefined) throw this.#failedStart
    const text = this.#options.config ?? bootstrap(this.#options)
    try {
      this.#proxy = await ProxyUnderTest.start({
        config: fill(text, this.#values),
        folder: this.#folder,
        ...(this.#options.env === undefined ? {} : { env: this.#options.env }),
        ...(this.#options.args === undefined ? {} : { args: this.#options.args.map(arg => fill(arg, this.#values)) }),
      })
    } catch (error) {
      this.#failedStart = error
      throw error
    }
    this.#values.set('admin', Number(this.#proxy.adminAddress.split(':').at(-1)))
    for (const [name, address] of this.#proxy.listeners) {
      const port = Number(address.split(':').at(-1))
      if (Number.isInteger(port)) this.#values.set(name, port)
    }
    return this.#proxy
  }

  async #drop(): Promise<void> {
    await this.#proxy?.stop()
    this.#proxy = undefined
    rmSync(path.join(this.#folder, 'admin-address'), { force: true })
    for (const upstream of this.#upstreams.values()) upstream.dropConnections()
  }
}
