import type { OpenedListener } from '../native/addon.js'
import { emptySlots } from '../plan/ids.js'
import type { BootstrapSource, CompiledBootstrap, RefusedBootstrap } from '../snapshot/compile-task.js'
import type { Publisher } from '../snapshot/publisher.js'
import { err, ok, type Result } from '../support/result.js'
import type { DnsClusters } from './dns-clusters.js'

export interface ConfigurationOptions {
  readonly source: () => BootstrapSource
  readonly compiler: {
    bootstrap(task: {
      kind: 'bootstrap'
      source: BootstrapSource
      slots: CompiledBootstrap['slots']
    }): Promise<CompiledBootstrap | RefusedBootstrap>
  }
  readonly publisher: Publisher
  readonly dns: DnsClusters
  readonly onAdopted: (change: Adopted) => void
}

export interface Adopted {
  readonly before: CompiledBootstrap | undefined
  readonly now: CompiledBootstrap
  readonly opened: ReadonlyMap<number, OpenedListener>
}

/** Lines to print. */
export type Errors = readonly string[]

/** The configuration in use, and how the next one takes its place: all of it or nothing. Main thread. */
export class Configuration {
  readonly #options: ConfigurationOptions
  #current: CompiledBootstrap | undefined
  #listening = new Map<number, OpenedListener>()

  constructor(options: ConfigurationOptions) {
    this.#options = options
  }

  get current(): CompiledBootstrap | undefined {
    return this.#current
  }

  /** By listener slot. */
  get listening(): ReadonlyMap<number, OpenedListener> {
    return this.#listening
  }

  /** Reads and compiles the source as it is now; changes nothing. */
  async compile(): Promise<Result<CompiledBootstrap, Errors>> {
    const { compiler, source } = this.#options
    const answer = await compiler.bootstrap({
      kind: 'bootstrap',
      source: source(),
      slots: this.#current?.slots ?? emptySlots,
    })
    return answer.kind === 'compiled' ? ok(answer) : err(answer.errors)
  }

  /** Waits until DNS has answered for new clusters, then publishes. After an error everything is as before. */
  async apply(next: CompiledBootstrap): Promise<Result<void, Errors>> {
    const { dns, publisher, onAdopted } = this.#options
    const candidates = dns.prepare(next.clusters)
    await candidates.ready()
    const kinds = [
      'listener',
      'route-table',
      'cluster',
      'endpoints',
      'runtime',
      'secret',
      'script',
      'scoped-routes',
      'extension-config',
    ] as const
    const published = await publisher.publish(
      current => current.deltaTo(candidates.complete(next.plans), kinds),
      next.programs,
    )
    if (!published.ok) {
      dns.abandon(candidates)
      return err(
        published.error.map(
          ({ kind, name, message }) => `error: ${name === '' ? '' : `${kind} '${name}': `}${message}`,
        ),
      )
    }
    dns.adopt(candidates)
    const before = this.#current
    this.#current = next
    const { opened } = published.value
    const slots = new Set(next.listeners.map(listener => listener.slot))
    this.#listening = new Map([...this.#listening, ...opened].filter(([slot]) => slots.has(slot)))
    onAdopted({ before, now: next, opened })
    return ok()
  }
}
